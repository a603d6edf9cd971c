//! End to end, on real servers. One binary: it links once.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

// Clippy lets a test unwrap where an attribute tells it that it reads one.
#[cfg(test)]
mod candidate;
#[cfg(test)]
mod mail_relay;
#[cfg(test)]
mod redis_forms;
#[cfg(test)]
mod support;
mod tidy;
