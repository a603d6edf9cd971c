//! Sessions of members, as they use them: refreshed, listed, ended.

mod flow;
pub mod http;

pub use self::flow::Sessions;
