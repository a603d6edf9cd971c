//! The public listener: HTTP/1.1 in, one handler per endpoint, JSON or a problem out.
//!
//! Read it in the order of a request: [`server`] accepts and deals connections out,
//! `respond` runs one request, [`route`] names it, `call` is what a handler sees of it,
//! [`problem`] is how it is refused. `openapi` tells the world. `admin` is the other listener.

mod account;
mod admin;
pub mod authz;
mod body;
mod call;
mod client;
mod json;
mod linger;
pub(crate) mod openapi;
pub mod problem;
mod query;
mod reply;
mod respond;
pub mod route;
pub mod server;
mod upload;

pub use self::account::{SessionBody, UserBody};
pub use self::admin::{Admin, serve_admin};
pub use self::call::Call;
pub use self::client::TrustedProxies;
pub use self::json::{Member, Object};
pub use self::openapi::json as openapi_json;
pub use self::problem::{Problem, Slug};
pub use self::query::Query;
pub use self::reply::{Reply, rfc3339};
pub use self::upload::Uploads;
