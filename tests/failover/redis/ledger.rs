//! What an asynchronous replica had not been told of: a counter beside the product's keys, raised as fast as it goes.

use std::thread::JoinHandle;
use std::time::Instant;

use super::server::Server;
use crate::support::resp::Value;

/// In the slots of the first shard (4,996).
const KEY: &str = "ledger{02}";

/// Writes to one primary until that hangs up.
pub(super) struct Ledger(JoinHandle<Vec<Instant>>);

/// What was acknowledged, and is not there.
pub(super) struct Lost {
    pub(super) writes: usize,
    /// What was acknowledged before is there, on this shard.
    pub(super) since: Instant,
}

impl Ledger {
    pub(super) fn on(primary: &Server) -> Self {
        let mut resp = primary.resp();
        Self(std::thread::spawn(move || {
            let mut acknowledged = Vec::new();
            while let Ok(Value::Integer(_)) = resp.ask(&["INCR", KEY]) {
                acknowledged.push(Instant::now());
            }
            acknowledged
        }))
    }

    /// After the primary's end: what its successor knows.
    pub(super) fn compare(self, successor: &Server) -> Lost {
        let acknowledged = self.0.join().unwrap();
        let Value::Text(kept) = successor.resp().call(&["GET", KEY]) else { panic!("nothing was replicated") };
        let kept = kept.parse::<usize>().unwrap().min(acknowledged.len());
        Lost { writes: acknowledged.len() - kept, since: acknowledged[kept - 1] }
    }
}
