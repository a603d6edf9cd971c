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
    oldest: Family<Label, Seconds>,
    seen: Family<Label, Seconds>,
}

impl Jobs {
    pub(super) fn declare(book: &mut Book) -> Self {
        Self {
            ended: book.counters(
                "vestibule_jobs",
                &["kind", "outcome"],
                "Attempts at jobs, by kind and outcome: done; deferred, to be tried again within mail.retry_max; \
                 refused, for good, and then a line of vb:refused tells why; and expired, a job that was last deferred \
                 and is worth no other try: what was promised was not done. code, invitation, reset and notice are \
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
            oldest: book.gauges(
                "vestibule_queue_oldest_seconds",
                &["queue"],
                "For how long the oldest job has been waiting since it was queued, put off or not, of those that this \
                 node has put off within the last minutes. Grows while the relay, or Postgres, takes nothing. Nodes put \
                 off different ones: take the max",
            ),
            seen: book.gauges(
                "vestibule_queue_seen_timestamp_seconds",
                &["queue"],
                "When this node last saw the whole queue: where that is more than 30 s ago it tells no more of it, for \
                 Redis does not answer",
            ),
        }
    }
}

impl Metrics {
    /// Such jobs may come: they stand at zero from the beginning, and the first that fails is seen.
    pub fn may_work(&self, kind: &'static str) {
        for outcome in ["done", "deferred", "refused", "expired"] {
            let _zero = self.jobs.ended.get_or_create(&[("kind", kind), ("outcome", outcome)]);
        }
    }

    /// An attempt at a job ended so: `done`, `deferred` or `refused`; or a job so: `expired`.
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
    pub fn queue_seen(&self, queue: &'static str, waiting: u64, overdue: Duration, oldest: Duration) {
        let label = [("queue", queue)];
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.jobs.waiting.get_or_create(&label).set(waiting.try_into().unwrap_or(i64::MAX));
        self.jobs.overdue.get_or_create(&label).set(overdue.as_secs_f64());
        self.jobs.oldest.get_or_create(&label).set(oldest.as_secs_f64());
        self.jobs.seen.get_or_create(&label).set(now.as_secs_f64());
    }

    /// A queue could not be looked at. What is older than `old` is told no more: a node that is cut off would keep the
    /// max of the fleet where it was.
    pub fn queue_unseen(&self, queue: &'static str, old: Duration) {
        let label = [("queue", queue)];
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seen = self.jobs.seen.get(&label).map_or(0.0, |seen| seen.get());
        if now.as_secs_f64() - seen >= old.as_secs_f64() {
            self.jobs.waiting.remove(&label);
            self.jobs.overdue.remove(&label);
            self.jobs.oldest.remove(&label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_of_a_queue_is_told_until_it_is_old() {
        let (metrics, minute) = (Metrics::new(), Duration::from_secs(60));
        let told = || metrics.render().lines().filter(|line| line.contains("queue=\"mail\"")).count();
        metrics.queue_unseen("mail", Duration::ZERO);
        metrics.queue_seen("mail", 3, minute, minute);
        assert_eq!(told(), 4);
        metrics.queue_unseen("mail", minute);
        assert_eq!(told(), 4);
        metrics.queue_unseen("mail", Duration::ZERO);
        // When it was seen stays.
        assert_eq!(told(), 1);
        metrics.queue_seen("mail", 0, Duration::ZERO, Duration::ZERO);
        assert_eq!(told(), 4);
    }
}
