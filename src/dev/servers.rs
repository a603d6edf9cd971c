//! Private Redis and PostgreSQL servers, and proxies, for development mode and for the tests.
//!
//! Real servers, because what they do atomically is the product. Each has a directory of its own, listens on a unix
//! socket (a Redis Cluster, which cannot, on a free port of 127.0.0.1), and cannot outlive us: see `guard.sh`.
//! Starting and stopping block the calling thread.

mod account;
mod postgres;
mod process;
mod proxy;
mod redis;

pub use postgres::{PostgresOptions, PostgresServer};
pub use proxy::{ProxyKind, ProxyOptions, ProxyServer};
pub use redis::{RedisOptions, RedisServer};

#[cfg(test)]
mod tests;
