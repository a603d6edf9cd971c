//! What an asynchronous replica had not been told of: a counter beside the product's keys, raised as fast as it goes.

use std::thread::JoinHandle;
use std::time::Instant;

use super::server::Server;
use crate::support::resp::Value;

/// In the slots of the first shard (4,996).
const KEY: &str = "ledger{02}";

/// Writes to one primary until that hangs up, or takes no more.
pub(super) struct Ledger(JoinHandle<Vec<Instant>>);

/// What was acknowledged, and is not there.
pub(super) struct Lost {
    pub(super) writes: usize,
    /// What was acknowledged before is there, on this shard.
    pub(super) since: Instant,
    /// When the last of them was asked for.
    pub(super) last: Instant,
}

impl Ledger {
    pub(super) fn on(primary: &Server) -> Self {
        let mut resp = primary.resp();
        Self(std::thread::spawn(move || {
            let mut asked = Vec::new();
            loop {
                // The moment before: what was acknowledged until then came before it.
                let now = Instant::now();
                let Ok(Value::Integer(_)) = resp.ask(&["INCR", KEY]) else { return asked };
                asked.push(now);
            }
        }))
    }

    /// Whether its primary is gone, or takes no more.
    pub(super) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// When each of its writes was asked for that was acknowledged.
    pub(super) fn asked(self) -> Vec<Instant> {
        self.0.join().unwrap()
    }

    /// After the primary's end: what its successor knows.
    pub(super) fn compare(self, successor: &Server) -> Lost {
        let asked = self.0.join().unwrap();
        let Value::Text(kept) = successor.resp().call(&["GET", KEY]) else { panic!("nothing was replicated") };
        let kept = kept.parse::<usize>().unwrap().min(asked.len());
        Lost { writes: asked.len() - kept, since: asked[kept - 1], last: asked[asked.len() - 1] }
    }
}
