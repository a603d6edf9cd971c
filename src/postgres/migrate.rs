//! Migrations: embedded, forward only, one node at a time.

use std::ops::DerefMut as _;

use refinery::Runner;
use tokio_postgres::error::SqlState;

use super::{Connection, Postgres};
use crate::fault::{Dependency, Fault};

mod embedded {
    refinery::embed_migrations!("src/postgres/migrations");
}

/// One number for the whole fleet: whoever migrates holds the advisory lock with this key.
const LOCK: i64 = 0x7665_7374_6962_756c; // "vestibul"

/// How the schema that is there stands to the one that this binary knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SchemaState {
    /// As this binary knows it, or newer: migrations only expand.
    Fit(i32),
    /// Older: `vestibule migrate` is to be run first.
    Older {
        /// Newest migration that was applied; 0 where none was.
        found: i32,
        /// Newest migration that this binary brings.
        needed: i32,
    },
}

/// Applies what is missing, each migration in a transaction of its own; answers their names.
///
/// # Errors
/// A [`Fault`] where Postgres fails; what was applied before stays applied.
pub async fn migrate(postgres: &Postgres) -> Result<Vec<String>, Fault> {
    let failed = |cause: String| Fault::new(Dependency::Postgres, format!("migrate: {cause}"));
    let mut connection =
        postgres.pool.get().await.map_err(|error| failed(super::unconnected(&error, &postgres.hosts)))?;
    let applied = locked(&mut connection).await;
    // Closing the session gives the lock back, whatever has happened.
    drop(Connection::take(connection));
    applied.map_err(failed)
}

async fn locked(connection: &mut Connection) -> Result<Vec<String>, String> {
    // A migration may take its time, and waiting for another node's may too.
    let prepare = format!(
        "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SELECT pg_advisory_lock({LOCK})"
    );
    connection.batch_execute(&prepare).await.map_err(|error| super::describe(&error))?;
    let report = runner().run_async(connection.deref_mut().deref_mut()).await.map_err(|error| error.to_string())?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(|migration| format!("V{} {}", migration.version(), migration.name()))
        .collect())
}

/// Reads which migrations were applied.
///
/// # Errors
/// A [`Fault`] where Postgres does not answer.
pub async fn schema_state(postgres: &Postgres) -> Result<SchemaState, Fault> {
    let needed = runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let found = postgres
        .run("schema_state", |connection| async move {
            let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
            match connection.query_typed(sql, &[]).await {
                Ok(rows) => Ok(rows.first().map_or(0, |row| row.get::<_, i32>(0))),
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
                Err(error) => Err(error),
            }
        })
        .await?;
    Ok(if found >= needed { SchemaState::Fit(found) } else { SchemaState::Older { found, needed } })
}

fn runner() -> Runner {
    // A newer binary may have migrated already: what we do not know is not missing.
    embedded::migrations::runner().set_abort_missing(false).set_abort_divergent(true)
}
