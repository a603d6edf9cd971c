//! A forgotten password: asked for, mailed by a worker, set by whoever has the mail.
//!
//! [`http`] is what a client sees, `flow` takes a token and sets the password, `token` is
//! what the link holds, `forgot_job` is the worker's part, which alone knows whether there
//! is such an account.

pub(crate) mod docs;
mod flow;
mod forgot_job;
pub mod http;
mod token;

pub use self::flow::{Parts, Reset};
pub use self::forgot_job::ForgotWorker;
