//! A request from its bytes to those of its answer, without what decides it.

#[path = "../../../src/http/body.rs"]
mod body;
#[path = "../../../src/http/client.rs"]
mod client;
pub(crate) mod exchange;
#[path = "../../../src/http/json.rs"]
mod json;
pub(crate) mod parts;
#[path = "../../../src/http/problem.rs"]
pub mod problem;
#[path = "../../../src/http/reply.rs"]
mod reply;
#[path = "../../../src/http/route.rs"]
pub mod route;

pub use self::client::TrustedProxies;
pub use self::json::{Member, Object};
pub use self::problem::{Problem, Slug};
pub use self::reply::{Reply, rfc3339};
