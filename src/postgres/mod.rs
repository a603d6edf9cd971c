//! Postgres, for durable records only: a pool with deadlines, and migrations.

mod hosts;
mod migrate;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use self::hosts::Hosts;
pub use self::migrate::{SchemaState, migrate, schema_state};
use crate::config::Postgres as Settings;
use crate::fault::{Dependency, Fault};
use crate::metrics::{self, Metrics, PostgresError};

/// A connection out of the pool.
pub type Connection = Object;

/// A handle on the pool. Its connections live on one runtime, whoever asks.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    hosts: Hosts,
    home: Handle,
    deadline: Duration,
    metrics: Arc<Metrics>,
}

impl Postgres {
    /// A pool on the runtime that calls. Connects to nothing yet.
    #[must_use]
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> Self {
        let config = connection_config(settings);
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let hosts = Hosts::new(settings, &config);
        let manager = Manager::from_connect(config, hosts.clone(), manager_config);
        let pool = Pool::builder(manager)
            .max_size(settings.connections_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.wait_timeout))
            .create_timeout(Some(hosts.patience()))
            .recycle_timeout(Some(settings.connect_timeout))
            .build()
            .expect("a pool with deadlines has a runtime");
        let looked_at = pool.clone();
        metrics.look_at_scrape(move |metrics| metrics.pool_load(load(&looked_at)));
        // The server gives a statement up first, so that its connection stays of use.
        let deadline = settings.wait_timeout + settings.statement_timeout;
        Self { pool, hosts, home: Handle::current(), deadline, metrics }
    }

    /// Runs `work` on a connection, on the pool's runtime, for as long as the deadline lets it.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres did not answer in time, or answered with an error.
    pub async fn run<T, W, F>(&self, name: &'static str, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(Connection) -> F + Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (pool, hosts, deadline) = (self.pool.clone(), self.hosts.clone(), self.deadline);
        let metrics = Arc::clone(&self.metrics);
        let task = self.home.spawn(async move {
            let attempt = async {
                let asked = Instant::now();
                let connection = pool.get().await;
                metrics.pool_waited(asked.elapsed());
                let connection = connection.map_err(|error| {
                    // That all are busy says nothing against them.
                    let busy = matches!(error, PoolError::Timeout(TimeoutType::Wait));
                    (unconnected(&error, &hosts), if busy { PostgresError::Busy } else { PostgresError::Connection })
                })?;
                let begun = Instant::now();
                let answer = work(connection).await;
                metrics.query_took(name, begun.elapsed());
                answer.map_err(|error| (describe(&error), kind(&error)))
            };
            let outcome = timeout(deadline, attempt)
                .await
                .unwrap_or_else(|_| Err((format!("no answer in {} ms", deadline.as_millis()), PostgresError::Silent)));
            if let Err((_, PostgresError::Connection | PostgresError::Silent)) = &outcome {
                // What is idle now is as silent, or as read-only, as what just failed. Where it is well, and one
                // statement was slow, that costs as many dials as there are connections.
                pool.retain(|_, _| false);
            }
            outcome
        });
        let outcome =
            task.await.unwrap_or_else(|_| Err(("the query's task failed".to_owned(), PostgresError::Statement)));
        self.metrics.queried(name, outcome.as_ref().map(drop).map_err(|(_, kind)| *kind));
        outcome.map_err(|(cause, _)| Fault::new(Dependency::Postgres, format!("{name}: {cause}")))
    }

    /// Whether it does: a replica does not.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn takes_writes(&self) -> Result<bool, Fault> {
        let look = |connection: Connection| async move {
            let rows = connection.query_typed("SELECT current_setting('transaction_read_only') = 'off'", &[]).await?;
            Ok(rows.first().is_some_and(|row| row.get(0)))
        };
        self.run("takes_writes", look).await
    }

    /// Whether somebody waits for a connection, for each is in use.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let status = self.pool.status();
        status.size >= status.max_size && status.available == 0 && status.waiting > 0
    }

    /// Which servers were not taken when last asked, and why; empty where all were.
    #[must_use]
    pub fn troubles(&self) -> String {
        self.hosts.troubles()
    }

    /// Ends every connection.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

fn connection_config(settings: &Settings) -> Config {
    let mut config = settings.url.clone();
    let options = format!(
        "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        config.get_options().unwrap_or_default(),
        settings.statement_timeout.as_millis(),
        settings.statement_timeout.as_millis(),
    );
    config.options(options.trim());
    config.tcp_user_timeout(settings.statement_timeout + settings.wait_timeout);
    if config.get_application_name().is_none() {
        config.application_name("vestibule");
    }
    config
}

/// A time of Postgres as Redis and the API count it: unix ms.
#[must_use]
pub fn unix_ms(at: OffsetDateTime) -> u64 {
    // Before 1970 nothing of ours was made.
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// The server's words, without the values that it may quote in its detail.
fn describe(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => chain(error).replace(NO_TLS, NO_TLS_HERE),
    }
}

/// What the library says where a server has no TLS, and what to do about it.
const NO_TLS: &str = "server does not support TLS";
const NO_TLS_HERE: &str =
    "server does not support TLS: switch it on there, or write sslmode=disable where nobody can listen in";

/// Why there is no connection: the pool has one error, and each server its own.
fn unconnected(error: &PoolError, hosts: &Hosts) -> String {
    match (error, hosts.troubles()) {
        (PoolError::Backend(_) | PoolError::Timeout(TimeoutType::Create), troubles) if !troubles.is_empty() => troubles,
        _ => chain(error),
    }
}

/// An error with what caused it: "error connecting to server" alone helps nobody.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = cause.source();
    }
    words
}

/// How a query failed. `Connection` is what the connection, and those beside it, are of no more
/// use after: it is gone, the server is going away, or has become a replica. A row that cannot be
/// read says nothing against them.
fn kind(error: &Error) -> PostgresError {
    match error.code() {
        None if error.is_closed() || is_of_the_wire(error) => PostgresError::Connection,
        None => PostgresError::Statement,
        Some(code)
            if *code == SqlState::READ_ONLY_SQL_TRANSACTION
                || code.code().starts_with("57P0")
                || code.code().starts_with("08") =>
        {
            PostgresError::Connection
        }
        Some(code) if *code == SqlState::QUERY_CANCELED => PostgresError::Cancelled,
        Some(_) => PostgresError::Statement,
    }
}

fn is_of_the_wire(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
}

/// The pool, as it is told to whoever scrapes.
fn load(pool: &Pool) -> metrics::Pool {
    let status = pool.status();
    let used = status.size.saturating_sub(status.available);
    metrics::Pool { open: status.size, used, waiting: status.waiting }
}
