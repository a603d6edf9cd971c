//! The record of a link: read from Postgres at its first use, in Redis from then on.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::keyring::{Keyring, Sealed};
use crate::link::{KEEP, LinkToken};
use crate::mail::EmailAddress;
use crate::postgres::{Postgres, unix_ms};
use crate::redis::{Keys, Redis, scripts};

/// A live link as Postgres has it. The address in it is for sealing alone.
struct Row {
    interview: uuid::Uuid,
    session: uuid::Uuid,
    name: String,
    position: String,
    email: String,
    minutes: i32,
    expires: OffsetDateTime,
    started: Option<OffsetDateTime>,
}

/// Brings the record of `link` to Redis; `false` where Postgres knows no such link, or
/// only a revoked one. Those are not remembered: guesses must not fill Redis.
pub(super) async fn load(
    redis: &Redis,
    keys: &Keys,
    postgres: &Postgres,
    keyring: &Keyring,
    link: &LinkToken,
) -> Result<bool, Fault> {
    let Some(row) = select(postgres, link).await? else { return Ok(false) };
    let id = link.id();
    let masked = EmailAddress::mask_of(&row.email);
    let started = row.started.map_or_else(String::new, |at| unix_ms(at).to_string());
    let args = [
        row.interview.to_string().into(),
        row.session.to_string().into(),
        row.name.into(),
        row.position.into(),
        masked.into(),
        keyring.seal(Sealed::Recipient, &id, row.email.as_bytes()).into(),
        i64::from(row.minutes).into(),
        unix_ms(row.expires).into(),
        started.into(),
        KEEP.into(),
    ];
    // Added only if there is none: a row that was read before it was revoked stays dead.
    redis.decide(&scripts::LINK_ADD, [&keys.link(&id)], args).await?;
    Ok(true)
}

async fn select(postgres: &Postgres, link: &LinkToken) -> Result<Option<Row>, Fault> {
    const SQL: &str = "SELECT id, session_id, candidate_name, position, candidate_email, duration_minutes, \
            link_expires_at, started_at \
        FROM interviews WHERE link_digest = $1 AND revoked_at IS NULL";
    let digest = link.digest();
    postgres
        .run("link_load", move |connection| async move {
            let rows = connection.query_typed(SQL, &[(&&digest[..], Type::BYTEA)]).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            Ok(Some(Row {
                interview: row.try_get(0)?,
                session: row.try_get(1)?,
                name: row.try_get(2)?,
                position: row.try_get(3)?,
                email: row.try_get(4)?,
                minutes: row.try_get(5)?,
                expires: row.try_get(6)?,
                started: row.try_get(7)?,
            }))
        })
        .await
}
