//! A candidate gets in: the link, the one-time code, the session, the start.
//!
//! [`http`] is what a client sees, `flow` asks the decisions, `record` brings a link
//! from Postgres to Redis once, `start_job` brings the start back.

mod code;
pub(crate) mod docs;
mod flow;
pub mod http;
mod record;
mod session;
mod start_job;

pub use self::code::{OtpCode, Reference};
pub use self::flow::{Candidate, Parts};
pub use self::start_job::write_start;
