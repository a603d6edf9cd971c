//! What Postgres knows of interviews.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::fault::Fault;
use crate::link::LinkToken;
use crate::postgres::Postgres;

/// An interview to be made. The edge has checked every field.
#[derive(Debug)]
pub struct NewInterview {
    /// As mails and pages show it.
    pub candidate_name: String,
    /// Where codes go.
    pub candidate_email: String,
    /// What the interview is for.
    pub position: String,
    /// Length of the interview.
    pub duration_minutes: i32,
}

/// An interview whose link was just made: the only moment at which the link can be told.
#[derive(Debug)]
pub struct Created {
    /// Of the interview.
    pub id: Uuid,
    /// Told now or never: Postgres keeps its digest.
    pub link: LinkToken,
    /// When the link ends.
    pub expires: OffsetDateTime,
    /// What was asked for.
    pub interview: NewInterview,
}

/// Interviews in Postgres.
#[derive(Clone, Debug)]
pub struct Interviews {
    postgres: Postgres,
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Interviews {
    /// Behind this pool.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }

    /// Makes an interview and its link, which works for `life`.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then there is no such interview, or nobody knows
    /// its link.
    pub async fn create(&self, interview: NewInterview, life: Duration) -> Result<Created, Fault> {
        const SQL: &str = "INSERT INTO interviews (id, candidate_name, candidate_email, position, \
                duration_minutes, link_digest, link_expires_at, session_id) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let created = Created {
            id: Uuid::now_v7(),
            link: LinkToken::fresh(),
            expires: whole_second(OffsetDateTime::now_utc() + life),
            interview,
        };
        self.postgres
            .run("interview_create", move |connection| async move {
                let (digest, session) = (created.link.digest(), session_id());
                let interview = &created.interview;
                let parameters: [Parameter<'_>; 8] = [
                    (&created.id, Type::UUID),
                    (&interview.candidate_name, Type::TEXT),
                    (&interview.candidate_email, Type::TEXT),
                    (&interview.position, Type::TEXT),
                    (&interview.duration_minutes, Type::INT4),
                    (&&digest[..], Type::BYTEA),
                    (&created.expires, Type::TIMESTAMPTZ),
                    (&session, Type::UUID),
                ];
                connection.query_typed(SQL, &parameters).await?;
                Ok(created)
            })
            .await
    }

    /// Gives an interview a new link in place of its old one, which is noted as dead in the
    /// same transaction. `None` where there is no such interview.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn reissue(&self, id: Uuid, life: Duration) -> Result<Option<Created>, Fault> {
        const SQL: &str = "WITH old AS (SELECT id, link_digest FROM interviews WHERE id = $1 FOR UPDATE), \
                dead AS (INSERT INTO dead_links (link_digest) SELECT link_digest FROM old \
                ON CONFLICT (link_digest) DO UPDATE SET told_at = NULL) \
            UPDATE interviews SET link_digest = $2, link_expires_at = $3, session_id = $4, \
                revoked_at = NULL, started_at = NULL \
            FROM old WHERE interviews.id = old.id \
            RETURNING candidate_name, candidate_email, position, duration_minutes";
        let (link, expires) = (LinkToken::fresh(), whole_second(OffsetDateTime::now_utc() + life));
        self.postgres
            .run("interview_reissue", move |connection| async move {
                let (digest, session) = (link.digest(), session_id());
                let parameters: [Parameter<'_>; 4] = [
                    (&id, Type::UUID),
                    (&&digest[..], Type::BYTEA),
                    (&expires, Type::TIMESTAMPTZ),
                    (&session, Type::UUID),
                ];
                let rows = connection.query_typed(SQL, &parameters).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                let interview = NewInterview {
                    candidate_name: row.try_get(0)?,
                    candidate_email: row.try_get(1)?,
                    position: row.try_get(2)?,
                    duration_minutes: row.try_get(3)?,
                };
                Ok(Some(Created { id, link, expires, interview }))
            })
            .await
    }

    /// Takes an interview's link away; `false` where there is no such interview. A second
    /// time notes the link as dead once more, which is safe.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn revoke(&self, id: Uuid) -> Result<bool, Fault> {
        const SQL: &str = "WITH revoked AS (UPDATE interviews SET revoked_at = coalesce(revoked_at, now()) \
                WHERE id = $1 RETURNING link_digest), \
            dead AS (INSERT INTO dead_links (link_digest) SELECT link_digest FROM revoked \
                ON CONFLICT (link_digest) DO UPDATE SET told_at = NULL) \
            SELECT count(*) FROM revoked";
        let count: i64 = self
            .postgres
            .run("interview_revoke", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&id, Type::UUID)]).await?;
                rows.first().map_or(Ok(0), |row| row.try_get(0))
            })
            .await?;
        Ok(count > 0)
    }

    /// Whether a link with this digest is alive and works for a while.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn is_usable(&self, link: &LinkToken) -> Result<bool, Fault> {
        const SQL: &str = "SELECT 1 FROM interviews WHERE link_digest = $1 AND revoked_at IS NULL \
            AND started_at IS NULL AND link_expires_at > now() + interval '1 day'";
        let digest = link.digest();
        self.postgres
            .run("link_usable", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&&digest[..], Type::BYTEA)]).await?;
                Ok(!rows.is_empty())
            })
            .await
    }

    /// Some links that Redis has to be told of, the oldest first: those that it was never
    /// told of, and again every minute those of the last hour.
    pub(super) async fn untold(&self) -> Result<Vec<DeadLink>, Fault> {
        const SQL: &str = "SELECT link_digest, told_at IS NOT NULL FROM dead_links \
            WHERE told_at IS NULL OR told_at < now() - interval '1 minute' ORDER BY died_at LIMIT 100";
        self.postgres
            .run("dead_links", |connection| async move {
                let rows = connection.query_typed(SQL, &[]).await?;
                rows.iter().map(|row| Ok(DeadLink { digest: row.try_get(0)?, told: row.try_get(1)? })).collect()
            })
            .await
    }

    /// Notes that Redis was told of this link; after an hour, the note goes.
    pub(super) async fn told(&self, digest: Vec<u8>) -> Result<(), Fault> {
        const SQL: &str = "WITH over AS (DELETE FROM dead_links \
                WHERE link_digest = $1 AND died_at < now() - interval '1 hour' RETURNING link_digest) \
            UPDATE dead_links SET told_at = now() \
            WHERE link_digest = $1 AND link_digest NOT IN (SELECT link_digest FROM over)";
        self.postgres
            .run("dead_link_told", move |connection| async move {
                connection.query_typed(SQL, &[(&&digest[..], Type::BYTEA)]).await.map(drop)
            })
            .await
    }
}

/// A link that is dead in Postgres.
pub(super) struct DeadLink {
    pub(super) digest: Vec<u8>,
    /// Whether Redis was told before.
    pub(super) told: bool,
}

/// What the API writes is what is enforced.
fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

/// Random, not by time: it names a room, and must not be guessed from another's.
fn session_id() -> Uuid {
    uuid::Builder::from_random_bytes(crate::random::bytes()).into_uuid()
}
