//! Sessions of members, as they use them: refreshed, listed, ended.

pub(crate) mod docs;
mod flow;
pub mod http;

pub use self::flow::Sessions;
