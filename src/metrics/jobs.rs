//! Queues, their jobs, and the relay.

use std::time::{Duration, SystemTime};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::book::{Book, Counters, Histograms, Label, Labels, Seconds, latency, patience};

#[derive(Debug)]
pub(super) struct Jobs {
    ended: Counters<Labels>,
    age: Histograms<Label>,
    sends: Histogram,
    waiting: Family<Label, Gauge>,
    overdue: Family<Label, Seconds>,
    seen: Family<Label, Seconds>,
}

impl Jobs {
    pub(super) fn declare(book: &mut Book) -> Self {
        Self {
            ended: book.counters(
                "vestibule_jobs",
                &["kind", "outcome"],
                "Attempts at jobs, by kind and outcome: done; deferred, to be tried again within mail.retry_max; \
                 refused, for good, and then a line of vb:refused tells why. code, invitation, reset and notice are \
                 mails: deferred is a relay that is away or wants us to wait",
            ),
            age: book.histograms(
                "vestibule_job_seconds",
                &["kind"],
                "Time from when a job was queued to when it was done, by Redis' clock: of code, what candidates wait \
                 for before their mail is with the relay",
                patience,
            ),
            sends: book.histogram(
                "vestibule_mail_send_seconds",
                "Time of one attempt to hand a mail to the relay, whatever it says",
                latency,
            ),
            waiting: book.gauges(
                "vestibule_queue_jobs",
                &["queue"],
                "Jobs that wait in Redis, those put off included. Every node sees the same queue: take the max, not \
                 the sum",
            ),
            overdue: book.gauges(
                "vestibule_queue_overdue_seconds",
                &["queue"],
                "How long the job that is due longest has been due. Grows when no node works, or all are too slow; \
                 what is put off is not due. Every node sees the same: take the max",
            ),
            seen: book.gauges(
                "vestibule_queue_seen_timestamp_seconds",
                &["queue"],
                "When this node last saw the whole queue: where that is long ago, the two above are old, for Redis \
                 does not answer",
            ),
        }
    }
}

impl Metrics {
    /// Such jobs may come: they stand at zero from the beginning, and the first that fails is seen.
    pub fn may_work(&self, kind: &'static str) {
        for outcome in ["done", "deferred", "refused"] {
            let _zero = self.jobs.ended.get_or_create(&[("kind", kind), ("outcome", outcome)]);
        }
    }

    /// An attempt at a job ended so: `done`, `deferred` or `refused`.
    pub fn worked(&self, kind: &'static str, outcome: &'static str) {
        self.jobs.ended.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// A job was done, so long after it was queued.
    pub fn job_took(&self, kind: &'static str, took: Duration) {
        self.jobs.age.get_or_create(&[("kind", kind)]).observe(took.as_secs_f64());
    }

    /// The relay has said something, or nothing, after so long.
    pub fn mail_tried(&self, took: Duration) {
        self.jobs.sends.observe(took.as_secs_f64());
    }

    /// A whole queue was looked at.
    pub fn queue_seen(&self, queue: &'static str, waiting: u64, overdue: Duration) {
        let label = [("queue", queue)];
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.jobs.waiting.get_or_create(&label).set(waiting.try_into().unwrap_or(i64::MAX));
        self.jobs.overdue.get_or_create(&label).set(overdue.as_secs_f64());
        self.jobs.seen.get_or_create(&label).set(now.as_secs_f64());
    }
}
