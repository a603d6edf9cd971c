//! Queries, and the pool that they wait for.

use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::book::{Book, Counters, Histograms, Label, Labels, latency};

#[derive(Debug)]
pub(super) struct Postgres {
    queries: Counters<Labels>,
    latency: Histograms<Label>,
    waits: Histogram,
    errors: Counters<Label>,
    connections: Gauge,
    used: Gauge,
    waiting: Gauge,
}

/// How Postgres failed a query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PostgresError {
    /// All connections of the pool were busy for too long.
    Busy,
    /// There is no connection, or it broke, or leads to what takes no writes.
    Connection,
    /// There is a connection, and no answer in time.
    Silent,
    /// The server gave the statement up after `postgres.statement_timeout`.
    Cancelled,
    /// It has refused the statement.
    Statement,
}

/// The pool, as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Connections that are open.
    pub open: usize,
    /// Of these, those that run a query.
    pub used: usize,
    /// Queries that wait for one.
    pub waiting: usize,
}

impl PostgresError {
    const ALL: [Self; 5] = [Self::Busy, Self::Connection, Self::Silent, Self::Cancelled, Self::Statement];

    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Connection => "connection",
            Self::Silent => "silent",
            Self::Cancelled => "cancelled",
            Self::Statement => "statement",
        }
    }
}

impl Postgres {
    pub(super) fn declare(book: &mut Book) -> Self {
        let postgres = Self {
            queries: book.counters(
                "vestibule_postgres_queries",
                &["query", "outcome"],
                "Queries by name and outcome, ok or fault. Candidates need none once their link is in Redis: a \
                 Postgres that is away is felt by members and recruiters",
            ),
            latency: book.histograms(
                "vestibule_postgres_query_seconds",
                &["query"],
                "Time of a query on its connection, without its wait for one. One that Postgres is silent on is not in it",
                latency,
            ),
            waits: book.histogram(
                "vestibule_postgres_wait_seconds",
                "Time that a query waited for a connection of the pool. Grows when queries are slow, or when \
                 postgres.connections_max is too small for what comes; and when connections are made anew",
                latency,
            ),
            errors: book.counters(
                "vestibule_postgres_errors",
                &["kind"],
                "Queries that failed. busy: no connection came free; connection: Postgres is away, fails over or is \
                 full; silent: it hangs, or the network does; cancelled: it gave up after \
                 postgres.statement_timeout, for it is slow or a lock is held; statement: it refused one, which is a \
                 bug or the wrong schema",
            ),
            connections: book.gauge(
                "vestibule_postgres_connections",
                "Open connections of the pool, at most postgres.connections_max; all nodes together need as many of \
                 Postgres",
            ),
            used: book.gauge("vestibule_postgres_connections_used", "Connections of the pool that run a query"),
            waiting: book.gauge("vestibule_postgres_waiting", "Queries that wait for a connection of the pool"),
        };
        for kind in PostgresError::ALL {
            let _zero = postgres.errors.get_or_create(&[("kind", kind.name())]);
        }
        postgres
    }
}

impl Metrics {
    /// A query was answered, or not.
    pub fn queried(&self, query: &'static str, outcome: Result<(), PostgresError>) {
        if let Err(kind) = outcome {
            self.postgres.errors.get_or_create(&[("kind", kind.name())]).inc();
        }
        let outcome = if outcome.is_ok() { "ok" } else { "fault" };
        self.postgres.queries.get_or_create(&[("query", query), ("outcome", outcome)]).inc();
    }

    /// A query was under way for so long, once it had a connection.
    pub fn query_took(&self, query: &'static str, took: Duration) {
        self.postgres.latency.get_or_create(&[("query", query)]).observe(took.as_secs_f64());
    }

    /// A query waited so long for a connection.
    pub fn pool_waited(&self, took: Duration) {
        self.postgres.waits.observe(took.as_secs_f64());
    }

    /// The pool, as it stands now.
    pub fn pool_load(&self, pool: Pool) {
        let number = |count: usize| count.try_into().unwrap_or(i64::MAX);
        self.postgres.connections.set(number(pool.open));
        self.postgres.used.set(number(pool.used));
        self.postgres.waiting.set(number(pool.waiting));
    }
}
