//! A member's account: sign-up, log-in, who am I, change of password.
//!
//! [`http`] is what a client sees; `flow` asks the limits, Postgres, Argon2 and the
//! sessions in the order in which each is safe to ask; `form` judges what is typed.

pub(crate) mod docs;
mod flow;
mod form;
pub mod http;

pub use self::flow::{Accounts, Parts};
