//! Hashes of passwords.

use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::book::{Book, Counters, Label, latency};

#[derive(Debug)]
pub(super) struct Password {
    hashes: Counters<Label>,
    waiting: Gauge,
    waits: Histogram,
    time: Histogram,
}

impl Password {
    pub(super) fn declare(book: &mut Book) -> Self {
        let password = Self {
            hashes: book.counters(
                "vestibule_password_hashes",
                &["outcome"],
                "Hashes asked for, by outcome: done; shed (the queue was full); late (not within \
                 accounts.hash_timeout); abandoned (the client had gone). Where shed or late moves, log-ins come \
                 faster than this node hashes",
            ),
            waiting: book.gauge("vestibule_password_hashes_waiting", "Hashes that wait for a thread"),
            waits: book.histogram(
                "vestibule_password_hash_wait_seconds",
                "Time that a hash waited for a thread. Grows before anything is shed: add nodes, or \
                 accounts.hash_threads",
                latency,
            ),
            time: book.histogram(
                "vestibule_password_hash_seconds",
                "Time of computing one hash, without its wait. Grows when its threads, which are nice, get no CPU",
                latency,
            ),
        };
        for outcome in ["done", "shed", "late", "abandoned"] {
            let _zero = password.hashes.get_or_create(&[("outcome", outcome)]);
        }
        password
    }
}

impl Metrics {
    /// A hash that was asked for ended so: `done`, `shed`, `late` or `abandoned`.
    pub fn hashed(&self, outcome: &'static str) {
        self.password.hashes.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A hash waits for a thread until the value is dropped.
    #[must_use]
    pub fn hash_waits(&self) -> HashWaiting {
        self.password.waiting.inc();
        HashWaiting(self.password.waiting.clone())
    }

    /// A hash has waited so long for a thread.
    pub fn hash_waited(&self, took: Duration) {
        self.password.waits.observe(took.as_secs_f64());
    }

    /// A hash was computed.
    pub fn hash_computed(&self, took: Duration) {
        self.password.time.observe(took.as_secs_f64());
    }
}

/// Counts a hash as waiting for as long as it lives.
#[derive(Debug)]
pub struct HashWaiting(Gauge);

impl Drop for HashWaiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}
