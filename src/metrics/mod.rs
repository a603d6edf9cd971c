//! What is counted, for `/metrics`. Labels are names of our own: never a value of a request.
//!
//! A file for each area declares its series, with the help that an engineer reads, and what moves them.

mod book;
mod http;
mod jobs;
mod password;
mod postgres;
mod process;
mod redis;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

pub use self::book::Series;
use self::book::{Book, latency};
pub use self::http::OpenConnection;
pub use self::password::HashWaiting;
pub use self::postgres::{Pool, PostgresError};
use self::process::Process;
pub use self::redis::RedisError;

/// What is done for test recipients.
const TESTED: [&str; 4] = ["link", "code", "reset", "mail"];

/// Every series of the process. Cheap to bump from any thread.
#[derive(Debug)]
pub struct Metrics {
    book: Book,
    http: http::Http,
    redis: redis::Redis,
    postgres: postgres::Postgres,
    jobs: jobs::Jobs,
    password: password::Password,
    audit_dropped: Counter,
    draining: Gauge,
    tests: Gauge,
    tested: book::Counters<book::Label>,
    worker_lag: Histogram,
    lookers: Mutex<Vec<Looker>>,
}

/// Reads what is not counted but stands somewhere, as a pool does, when somebody scrapes.
struct Looker(Box<dyn Fn(&Metrics) + Send>);

impl Metrics {
    /// All series, at zero.
    #[must_use]
    pub fn new() -> Self {
        /// Whoever builds a release may say of what; a build needs no repository beside it.
        const COMMIT: &str = match option_env!("VESTIBULE_COMMIT") {
            Some(commit) => commit,
            None => "unknown",
        };
        let mut book = Book::default();
        book.info(
            "vestibule_build",
            &["version", "commit"],
            "What runs. Two of them in a fleet for long: a rolling update was left half done",
            &[("version", env!("CARGO_PKG_VERSION")), ("commit", COMMIT)],
        );
        let audit_dropped = book.counter(
            "vestibule_audit_events_dropped",
            "Events of the audit trail that Redis lacks, for it was full or did not answer; the log has them",
        );
        let draining = book.gauge(
            "vestibule_node_draining",
            "1 from SIGTERM on: /readyz is 503, and the proxy looks for another node. A node that stays so hangs",
        );
        let tests = book.gauge(
            "vestibule_test_recipients_on",
            "1 while there are test recipients: whoever has test_recipients.key knows their codes. Left at 1 after a load \
             test: take test_recipients out of the configuration",
        );
        let tested = book.counters(
            "vestibule_test_recipients",
            &["what"],
            "What was done for test recipients: a link that bears their mark, a code or a reset token that their load test \
             computes, a mail that was dropped for that. If this moves and nobody tests, somebody has the key",
        );
        for what in TESTED {
            let _zero = tested.get_or_create(&[("what", what)]);
        }
        let worker_lag = book.histogram(
            "vestibule_worker_lag_seconds",
            "How late a timer of a worker rang that rings each second. Grows when there is too little CPU, or when \
             something blocks a worker, and everything on it with it",
            latency,
        );
        book.process(Process::new());
        Self {
            audit_dropped,
            draining,
            tests,
            tested,
            worker_lag,
            http: http::Http::declare(&mut book),
            redis: redis::Redis::declare(&mut book),
            postgres: postgres::Postgres::declare(&mut book),
            jobs: jobs::Jobs::declare(&mut book),
            password: password::Password::declare(&mut book),
            lookers: Mutex::default(),
            book,
        }
    }

    /// So many events of the audit trail are in the log alone.
    pub fn audit_dropped(&self, events: u64) {
        self.audit_dropped.inc_by(events);
    }

    /// The node drains.
    pub fn drains(&self) {
        self.draining.set(1);
    }

    /// Whether there are test recipients.
    pub fn tests(&self, on: bool) {
        self.tests.set(on.into());
    }

    /// Something was done for a test recipient: `link`, `code`, `reset` or `mail`.
    pub fn tested(&self, what: &'static str) {
        self.tested.get_or_create(&[("what", what)]).inc();
    }

    /// A worker's timer was so late.
    pub fn worker_lagged(&self, late: Duration) {
        self.worker_lag.observe(late.as_secs_f64());
    }

    /// Looks so at every scrape: it must not wait for anything.
    pub fn look_at_scrape(&self, look: impl Fn(&Self) + Send + 'static) {
        self.lookers.lock().unwrap_or_else(PoisonError::into_inner).push(Looker(Box::new(look)));
    }

    /// All that is declared, whether it has values yet or not.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.book.series
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn render(&self) -> String {
        for Looker(look) in &*self.lookers.lock().unwrap_or_else(PoisonError::into_inner) {
            look(self);
        }
        self.book.render()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Looker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looker(..)")
    }
}
