//! Interviews: recruiters create, list, read, reissue and revoke them. Only digests of links are kept.
//!
//! [`http`] is what a recruiter sees, `flow` what is done, `store` what Postgres knows, `progress`
//! what Redis knows, `kill` makes dead links dead there.

pub(crate) mod docs;
mod flow;
pub mod http;
mod invitation;
mod kill;
mod page;
mod progress;
mod recruiter;
mod rules;
mod store;

pub use self::flow::{Parts, Recruiting};
pub use self::invitation::invite;
pub use self::kill::{Killer, sweep_dead_links};
pub use self::page::State;
pub use self::recruiter::Recruiter;
pub use self::rules::{HOURS, MINUTES, text};
pub use self::store::{Interviews, Issued, NewInterview, Reach};
