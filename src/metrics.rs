//! What is counted, for `/metrics`. Labels are names of our own: never a value of a request.

use std::fmt::Write as _;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Seconds. From a cached answer to the longest that a handler may take.
const LATENCY: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0, 15.0];

type Labelled<L> = Family<L, Counter>;
type Timed<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every series of the process. Cheap to bump from any thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Labelled<RequestLabels>,
    latency: Timed<RouteLabel>,
    connections: Gauge,
    connections_refused: Counter,
    decisions: Labelled<DecisionLabels>,
    decision_latency: Timed<ScriptLabel>,
    redis_retries: Counter,
    audit_dropped: Counter,
    postgres_queries: Labelled<QueryLabels>,
    mails: Labelled<OutcomeLabel>,
    hashes: Labelled<OutcomeLabel>,
    hashes_waiting: Gauge,
    hash_time: Histogram,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    route: &'static str,
    status: u16,
    slug: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DecisionLabels {
    script: &'static str,
    verdict: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ScriptLabel {
    script: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct QueryLabels {
    query: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl Metrics {
    /// All series, at zero.
    #[must_use]
    pub fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY);
        let mut metrics = Self {
            registry: Registry::with_prefix("vestibule"),
            requests: Family::default(),
            latency: Family::new_with_constructor(histogram),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            decisions: Family::default(),
            decision_latency: Family::new_with_constructor(histogram),
            redis_retries: Counter::default(),
            audit_dropped: Counter::default(),
            postgres_queries: Family::default(),
            mails: Family::default(),
            hashes: Family::default(),
            hashes_waiting: Gauge::default(),
            hash_time: histogram(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("build", "Version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("http_requests", "Answers by route, status and problem slug", self.requests.clone());
        registry.register_with_unit(
            "http_request",
            "Time from the parsed head to the answer",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register("http_connections", "Open connections of the public listener", self.connections.clone());
        registry.register(
            "http_accept_errors",
            "Connections that could not be accepted: raise the limit of open files if this moves",
            self.connections_refused.clone(),
        );
        registry.register(
            "redis_decisions",
            "Decisions by script and verdict; a fault is the verdict \"fault\"",
            self.decisions.clone(),
        );
        registry.register_with_unit(
            "redis_decision",
            "Time of a decision with its wait and retry",
            Unit::Seconds,
            self.decision_latency.clone(),
        );
        registry.register(
            "redis_retries",
            "Decisions asked for again because a reply was lost: the network or Redis is unwell if this moves",
            self.redis_retries.clone(),
        );
        registry.register(
            "audit_events_dropped",
            "Events of the audit trail that Redis lacks, for it was full or did not answer; the log has them",
            self.audit_dropped.clone(),
        );
        registry.register("postgres_queries", "Queries by name and outcome", self.postgres_queries.clone());
        registry.register("mails", "Attempts to hand a mail to the relay, by outcome", self.mails.clone());
        registry.register(
            "password_hashes",
            "Hashes asked for, by outcome: done; shed (the queue was full); late (not within accounts.hash_timeout); \
             abandoned (the client had gone). Where shed or late moves, log-ins come faster than this node hashes",
            self.hashes.clone(),
        );
        registry.register("password_hashes_waiting", "Hashes that wait for a thread", self.hashes_waiting.clone());
        registry.register_with_unit(
            "password_hash",
            "Time of computing one hash, without its wait",
            Unit::Seconds,
            self.hash_time.clone(),
        );
    }

    /// One request was answered. `slug` is empty where it went well.
    pub fn answered(&self, route: &'static str, status: u16, slug: &'static str, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route, status, slug }).inc();
        self.latency.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    /// A connection was accepted; dropping the value counts it as closed.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// A connection could not be accepted.
    pub fn accept_failed(&self) {
        self.connections_refused.inc();
    }

    /// A decision was made, or not.
    pub fn decided<E>(&self, script: &'static str, word: Result<&str, E>, took: Duration) {
        let verdict = word.unwrap_or("fault").to_owned();
        self.decisions.get_or_create(&DecisionLabels { script, verdict }).inc();
        self.decision_latency.get_or_create(&ScriptLabel { script }).observe(took.as_secs_f64());
    }

    /// A decision was asked for again.
    pub fn redis_retried(&self) {
        self.redis_retries.inc();
    }

    /// So many events are in the log alone.
    pub fn audit_dropped(&self, events: u64) {
        self.audit_dropped.inc_by(events);
    }

    /// A query was answered, or not.
    pub fn queried(&self, query: &'static str, well: bool) {
        let outcome = if well { "ok" } else { "fault" };
        self.postgres_queries.get_or_create(&QueryLabels { query, outcome }).inc();
    }

    /// An attempt to hand a mail over ended so: `accepted`, `deferred` or `refused`.
    pub fn mailed(&self, outcome: &'static str) {
        self.mails.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// A hash that was asked for ended so: `done`, `shed`, `late` or `abandoned`.
    pub fn hashed(&self, outcome: &'static str) {
        self.hashes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// A hash waits for a thread until the value is dropped.
    #[must_use]
    pub fn hash_waits(&self) -> HashWaiting {
        self.hashes_waiting.inc();
        HashWaiting(self.hashes_waiting.clone())
    }

    /// A hash was computed.
    pub fn hash_computed(&self, took: Duration) {
        self.hash_time.observe(took.as_secs_f64());
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing into a String does not fail.
            let _ = write!(text, "# EOF");
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts a connection as open for as long as it lives.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
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
