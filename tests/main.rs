//! End to end, on real servers. One binary: it links once.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a test may panic, and say why")]

mod accounts;
mod audit;
mod authz;
mod candidate;
mod cli;
mod dev_mode;
mod failover;
mod fleet;
mod http;
mod install;
mod interviews;
mod mail_letters;
mod mail_queue;
mod mail_relay;
mod metrics;
mod on_call;
mod outage;
mod pages;
mod postgres_forms;
mod proxies;
mod readiness;
mod redis_forms;
mod redis_pipe;
mod runbook;
mod schemathesis;
mod secrets_walk;
mod support;
mod test_recipients;
mod tidy;
mod timing;
