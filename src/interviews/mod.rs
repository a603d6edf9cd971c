//! Interviews as durable records: created, reissued, revoked. Only digests of links are kept.

mod kill;
mod store;

pub use self::kill::{Killer, sweep_dead_links};
pub use self::store::{Created, Interviews, NewInterview};
