//! The job that brings the time of a start to Postgres.

use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};

use crate::jobs::{Job, Outcome};
use crate::postgres::Postgres;

/// Writes the start of the job's session; a second time changes nothing.
pub async fn write_start(postgres: &Postgres, job: &Job) -> Outcome {
    const SQL: &str = "UPDATE interviews SET started_at = $1 WHERE session_id = $2 AND started_at IS NULL";
    let session = job.field("session").parse::<uuid::Uuid>().ok();
    let started = job.field("started").parse::<i128>().ok();
    let started = started.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000).ok());
    let (Some(session), Some(started)) = (session, started) else {
        return Outcome::Refuse("its session or its time cannot be read".to_owned());
    };
    let written = postgres
        .run("start_write", move |connection| async move {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&started, Type::TIMESTAMPTZ), (&session, Type::UUID)];
            connection.query_typed(SQL, &parameters).await
        })
        .await;
    match written {
        Ok(_) => Outcome::Done,
        Err(fault) => Outcome::Defer(fault.to_string()),
    }
}
