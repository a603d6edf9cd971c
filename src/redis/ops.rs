//! The scripts for engineers, `lua/ops`: redis-cli runs them as they are, the command line through these. No node does, so
//! none is loaded ahead.

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Server;
use fred::types::{ClusterHash, CustomCommand, Value};

use super::scripts::Script;
use super::{Redis, Reply, probe};
use crate::fault::Fault;

/// Tells everything about a subject, in words.
pub static INSPECT: Script<1, 1> = Script::new("inspect", include_str!("../../lua/ops/inspect.lua"));
/// Ends what keeps a subject out.
pub static UNLOCK: Script<1, 3> = Script::new("unlock", include_str!("../../lua/ops/unlock.lua"));
/// Tells what waits in a queue.
pub static OUTBOX: Script<1, 0> = Script::new("outbox", include_str!("../../lua/ops/outbox.lua"));

/// Tells what has happened to a subject.
pub static TRAIL: Script<1, 1> = Script::new("trail", include_str!("../../lua/ops/trail.lua"));
/// Tells whom limits keep out. It asks one server, and has no key that would say which.
static TOP: Script<0, 3> = Script::new("top", include_str!("../../lua/ops/top.lua"));

/// Each of them: its path below `lua`, without its ending, and its source.
#[must_use]
pub fn listed() -> [(&'static str, &'static str); 5] {
    [
        ("ops/inspect", INSPECT.source),
        ("ops/outbox", OUTBOX.source),
        ("ops/top", TOP.source),
        ("ops/trail", TRAIL.source),
        ("ops/unlock", UNLOCK.source),
    ]
}

/// One of the servers that the keys are on.
#[derive(Debug)]
pub struct Primary(Option<Server>);

impl Redis {
    /// Each of them: the one, or the primaries of a Cluster.
    #[must_use]
    pub fn each_primary(&self) -> Vec<Primary> {
        let client: Client = self.client().0;
        match client.is_clustered() {
            true => probe::primaries(&client).into_iter().map(|server| Primary(Some(server))).collect(),
            false => vec![Primary(None)],
        }
    }

    /// A bounded look at the keys of one, from a cursor on; `limits` and `who` as `lua/ops/top.lua` takes them.
    ///
    /// # Errors
    /// A [`Fault`] where it does not answer.
    pub async fn top(&self, at: &Primary, cursor: &str, limits: &str, who: &str) -> Result<Reply, Fault> {
        let args: Vec<Value> = [TOP.source, "0", cursor, limits, who].map(Value::from).into();
        let (client, eval) = (self.client().0, CustomCommand::new_static("EVAL", ClusterHash::Random, false));
        let answer = match &at.0 {
            Some(server) => client.with_cluster_node(server.clone()).custom(eval, args).await,
            None => client.custom(eval, args).await,
        };
        answer
            .map_err(|error| self.fault(TOP.name, &error, 1))
            .and_then(|value: Value| Reply::read(TOP.name, value.into()))
    }
}
