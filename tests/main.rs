//! End to end, on real servers. One binary: it links once.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod candidate;
mod cli;
mod dev_mode;
mod http;
mod mail_queue;
mod mail_relay;
mod outage;
mod redis_forms;
mod secrets_walk;
mod support;
mod tidy;
