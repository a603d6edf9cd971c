//! The scripts for engineers, `lua/ops`: redis-cli runs them as they are, the command line through these. No node does, so
//! none is loaded ahead.

use super::scripts::Script;

/// Tells everything about a subject, in words.
pub static INSPECT: Script<1, 1> = Script::new("inspect", include_str!("../../lua/ops/inspect.lua"));
/// Ends what keeps a subject out.
pub static UNLOCK: Script<1, 0> = Script::new("unlock", include_str!("../../lua/ops/unlock.lua"));
/// Tells what waits in a queue.
pub static OUTBOX: Script<1, 0> = Script::new("outbox", include_str!("../../lua/ops/outbox.lua"));

/// Each of them: its path below `lua`, without its ending, and its source. `top` is for redis-cli alone: it asks one
/// server, and has no key that would say which.
#[must_use]
pub fn listed() -> [(&'static str, &'static str); 4] {
    [
        ("ops/inspect", INSPECT.source),
        ("ops/outbox", OUTBOX.source),
        ("ops/top", include_str!("../../lua/ops/top.lua")),
        ("ops/unlock", UNLOCK.source),
    ]
}
