//! A user's profile: the rules of its members, and the résumé.

pub(crate) mod docs;
mod fields;
mod flow;
pub mod http;
pub mod resume;

pub use self::fields::warm_up;
pub use self::flow::Profiles;
