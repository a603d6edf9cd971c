//! End to end, on real servers. One binary: it links once.

mod candidate;
mod mail_relay;
mod redis_forms;
mod support;
