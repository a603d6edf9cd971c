//! What Postgres knows of interviews.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::page::{Page, Place, State};
use crate::fault::{Dependency, Fault};
use crate::id::Id;
use crate::link::LinkToken;
use crate::postgres::Postgres;
use crate::users::UserId;

/// What [`interview_of`] reads.
const COLUMNS: &str = "interviews.id, candidate_name, candidate_email, position, duration_minutes, \
    interviews.link_digest, link_expires_at, created_at, started_at, revoked_at";

/// Rows that a page of some state is looked for in: some ms of Postgres, whatever is asked.
const SEEN_MAX: i64 = 1_000;

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

/// An interview, as it was when it was read.
#[derive(Debug)]
pub struct Interview {
    /// For ever, whatever becomes of its link.
    pub id: Uuid,
    /// As mails and pages show it.
    pub candidate_name: String,
    /// Where codes go.
    pub candidate_email: String,
    /// What the interview is for.
    pub position: String,
    /// Length of the interview.
    pub duration_minutes: i32,
    /// Its link in Redis.
    pub link: Id,
    /// When the link ends.
    pub expires: OffsetDateTime,
    /// Of the interview; a new link does not change it.
    pub created: OffsetDateTime,
    /// When the candidate was let in, where Postgres was told of it.
    pub started: Option<OffsetDateTime>,
    /// When the link was taken away.
    pub revoked: Option<OffsetDateTime>,
}

/// An interview whose link was just made: the only moment at which the link can be told.
#[derive(Debug)]
pub struct Issued {
    /// With its new link.
    pub interview: Interview,
    /// Told now or never: Postgres keeps its digest.
    pub link: LinkToken,
}

impl Issued {
    /// `<public_url>/interview/join/{token}`.
    #[must_use]
    pub fn join_url(&self, public_url: &str) -> String {
        format!("{public_url}/interview/join/{}", *self.link.expose())
    }
}

/// Whose interviews a caller reaches; the others are not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Everybody's.
    All,
    /// Those that this user has made.
    Own(UserId),
}

impl Reach {
    fn owner(self) -> Option<Uuid> {
        match self {
            Self::All => None,
            Self::Own(user) => Some(user.uuid()),
        }
    }
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

    /// Makes an interview with this new link, which works for `life`. Without an owner it is every
    /// admin's.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then there is no such interview, or nobody knows
    /// its link.
    pub async fn create(
        &self,
        interview: NewInterview,
        link: LinkToken,
        owner: Option<UserId>,
        life: Duration,
    ) -> Result<Issued, Fault> {
        let sql = format!(
            "INSERT INTO interviews (id, candidate_name, candidate_email, position, duration_minutes, \
                link_digest, link_expires_at, session_id, owner_id) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS}"
        );
        let (expires, owner) = (end_of(life), owner.map(UserId::uuid));
        let digest = link.digest();
        self.postgres
            .run("interview_create", move |connection| async move {
                let (id, session) = (Uuid::now_v7(), session_id());
                let parameters: [Parameter<'_>; 9] = [
                    (&id, Type::UUID),
                    (&interview.candidate_name, Type::TEXT),
                    (&interview.candidate_email, Type::TEXT),
                    (&interview.position, Type::TEXT),
                    (&interview.duration_minutes, Type::INT4),
                    (&&digest[..], Type::BYTEA),
                    (&expires, Type::TIMESTAMPTZ),
                    (&session, Type::UUID),
                    (&owner, Type::UUID),
                ];
                let rows = connection.query_typed(&sql, &parameters).await?;
                rows.first().map(interview_of).transpose()
            })
            .await?
            .map(|interview| Issued { interview, link })
            .ok_or_else(|| Fault::new(Dependency::Postgres, "interview_create: it answered no row"))
    }

    /// Takes back an interview that was just made and whose link nobody was told, unless
    /// somebody else has reissued it since. The link is noted as dead: its mail may be under way.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then it stays, with a link that nobody was told.
    pub async fn discard(&self, issued: &Issued) -> Result<(), Fault> {
        const SQL: &str = "WITH gone AS (DELETE FROM interviews WHERE id = $1 AND link_digest = $2 \
                RETURNING id, link_digest) \
            INSERT INTO dead_links (link_digest, interview_id) SELECT link_digest, id FROM gone ON CONFLICT DO NOTHING";
        let (id, digest) = (issued.interview.id, issued.link.digest());
        self.postgres
            .run("interview_discard", move |connection| async move {
                connection.query_typed(SQL, &[(&id, Type::UUID), (&&digest[..], Type::BYTEA)]).await.map(drop)
            })
            .await
    }

    /// One interview; `None` where there is none within reach.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn read(&self, reach: Reach, id: Uuid) -> Result<Option<Interview>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM interviews WHERE id = $1 AND ($2 IS NULL OR owner_id = $2)");
        self.postgres
            .run("interview_read", move |connection| async move {
                let rows = connection.query_typed(&sql, &[(&id, Type::UUID), (&reach.owner(), Type::UUID)]).await?;
                rows.first().map(interview_of).transpose()
            })
            .await
    }

    /// Some interviews, the newest first, and the place where the next page begins. Where few
    /// are in the state that is asked for, a page ends before it is full: no list looks at
    /// more than [`SEEN_MAX`] rows.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn list(&self, reach: Reach, page: Page) -> Result<(Vec<Interview>, Option<Place>), Fault> {
        let state = page.state.map_or("TRUE", State::condition);
        let sql = format!(
            "WITH seen AS (SELECT {COLUMNS} FROM interviews WHERE ($1 IS NULL OR owner_id = $1) \
                AND ($2 IS NULL OR (created_at, id) < ($2, $3)) ORDER BY created_at DESC, id DESC LIMIT $4), \
            fit AS (SELECT * FROM seen WHERE {state} ORDER BY created_at DESC, id DESC LIMIT $5), \
            tail AS (SELECT created_at AS end_at, id AS end_id, (SELECT count(*) FROM seen) AS count \
                FROM seen ORDER BY created_at, id LIMIT 1) \
            SELECT fit.*, end_at, end_id, count FROM tail LEFT JOIN fit ON TRUE \
            ORDER BY fit.created_at DESC, fit.id DESC"
        );
        self.postgres
            .run("interview_list", move |connection| async move {
                let (at, id) = (page.after.map(|place| place.created), page.after.map(|place| place.id));
                // One more tells whether there is a next page.
                let limit = i64::from(page.limit) + 1;
                let seen_max = if page.state.is_some() { SEEN_MAX } else { limit };
                let parameters: [Parameter<'_>; 5] = [
                    (&reach.owner(), Type::UUID),
                    (&at, Type::TIMESTAMPTZ),
                    (&id, Type::UUID),
                    (&seen_max, Type::INT8),
                    (&limit, Type::INT8),
                ];
                let rows = connection.query_typed(&sql, &parameters).await?;
                page_of(&rows, page.limit.into(), seen_max)
            })
            .await
    }

    /// Gives an interview a new link in place of its old one, which is noted as dead in the
    /// same transaction. `None` where there is no such interview within reach.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn reissue(&self, reach: Reach, id: Uuid, life: Duration) -> Result<Option<Issued>, Fault> {
        let sql = format!(
            "WITH old AS (SELECT id, link_digest FROM interviews \
                WHERE id = $1 AND ($5 IS NULL OR owner_id = $5) FOR UPDATE), \
            dead AS (INSERT INTO dead_links (link_digest, interview_id) SELECT link_digest, id FROM old \
                ON CONFLICT (link_digest) DO UPDATE SET told_at = NULL, interview_id = EXCLUDED.interview_id) \
            UPDATE interviews SET link_digest = $2, link_expires_at = $3, session_id = $4, \
                revoked_at = NULL, started_at = NULL \
            FROM old WHERE interviews.id = old.id RETURNING {COLUMNS}"
        );
        let (link, expires) = (LinkToken::fresh(), end_of(life));
        self.postgres
            .run("interview_reissue", move |connection| async move {
                let (digest, session) = (link.digest(), session_id());
                let parameters: [Parameter<'_>; 5] = [
                    (&id, Type::UUID),
                    (&&digest[..], Type::BYTEA),
                    (&expires, Type::TIMESTAMPTZ),
                    (&session, Type::UUID),
                    (&reach.owner(), Type::UUID),
                ];
                let rows = connection.query_typed(&sql, &parameters).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                Ok(Some(Issued { interview: interview_of(row)?, link }))
            })
            .await
    }

    /// Takes an interview's link away; `false` where there is no such interview within reach.
    /// A second time notes the link as dead once more, which is safe.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn revoke(&self, reach: Reach, id: Uuid) -> Result<bool, Fault> {
        const SQL: &str = "WITH revoked AS (UPDATE interviews SET revoked_at = coalesce(revoked_at, now()) \
                WHERE id = $1 AND ($2 IS NULL OR owner_id = $2) RETURNING id, link_digest), \
            dead AS (INSERT INTO dead_links (link_digest, interview_id) SELECT link_digest, id FROM revoked \
                ON CONFLICT (link_digest) DO UPDATE SET told_at = NULL, interview_id = EXCLUDED.interview_id) \
            SELECT 1 FROM revoked";
        self.postgres
            .run("interview_revoke", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&id, Type::UUID), (&reach.owner(), Type::UUID)]).await?;
                Ok(!rows.is_empty())
            })
            .await
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

    /// The interview of a link, whether this is the link that it has now, and its state; `None` where there is none,
    /// or where the link has been dead for longer than the note of it is kept.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn of_link(&self, link: &Id) -> Result<Option<(Uuid, bool, State)>, Fault> {
        let states = State::ALL.map(|state| format!("WHEN {} THEN '{}'", state.condition(), state.name()));
        // A digest begins with its id: an index finds the range.
        let sql = format!(
            "SELECT id, link_digest BETWEEN $1 AND $2, CASE {} END FROM interviews WHERE link_digest BETWEEN $1 AND $2 \
                OR id = (SELECT interview_id FROM dead_links WHERE link_digest BETWEEN $1 AND $2 LIMIT 1) LIMIT 1",
            states.join(" ")
        );
        let [first, last] = [0x00, 0xff].map(|rest| [&link.as_bytes()[..], &[rest; 16]].concat());
        self.postgres
            .run("interview_of_link", move |connection| async move {
                let rows = connection.query_typed(&sql, &[(&first, Type::BYTEA), (&last, Type::BYTEA)]).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                let state = State::named(row.try_get(2)?).unwrap_or(State::Revoked);
                Ok(Some((row.try_get(0)?, row.try_get(1)?, state)))
            })
            .await
    }

    /// The dead links of one interview that Redis was not told of: its last one, and those
    /// whose killers are under way or have failed.
    pub(super) async fn untold_of(&self, id: Uuid) -> Result<Vec<LinkDigest>, Fault> {
        const SQL: &str = "SELECT link_digest FROM dead_links WHERE interview_id = $1 AND told_at IS NULL";
        self.postgres
            .run("dead_links_of", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&id, Type::UUID)]).await?;
                rows.iter().map(|row| row.try_get(0).map(LinkDigest)).collect()
            })
            .await
    }

    /// Some links that Redis has to be told of: those that it was never told of, and again
    /// every minute those of the last hour. In no order: those that cannot be told of, as of a
    /// shard that is down, do not stand before all others.
    pub(super) async fn untold(&self) -> Result<Vec<DeadLink>, Fault> {
        const SQL: &str = "SELECT link_digest, told_at IS NOT NULL FROM dead_links \
            WHERE told_at IS NULL OR told_at < now() - interval '1 minute' ORDER BY random() LIMIT 100";
        self.postgres
            .run("dead_links", |connection| async move {
                let rows = connection.query_typed(SQL, &[]).await?;
                let link = |row: &Row| Ok(DeadLink { digest: LinkDigest(row.try_get(0)?), told: row.try_get(1)? });
                rows.iter().map(link).collect()
            })
            .await
    }

    /// Notes that Redis was told of this link; after an hour, the note goes.
    pub(super) async fn told(&self, link: LinkDigest) -> Result<(), Fault> {
        const SQL: &str = "WITH over AS (DELETE FROM dead_links \
                WHERE link_digest = $1 AND died_at < now() - interval '1 hour' RETURNING link_digest) \
            UPDATE dead_links SET told_at = now() \
            WHERE link_digest = $1 AND link_digest NOT IN (SELECT link_digest FROM over)";
        self.postgres
            .run("dead_link_told", move |connection| async move {
                connection.query_typed(SQL, &[(&link.0, Type::BYTEA)]).await.map(drop)
            })
            .await
    }
}

/// SHA-256 of a link's token.
#[derive(Clone, Debug)]
pub(super) struct LinkDigest(Vec<u8>);

impl LinkDigest {
    pub(super) fn id(&self) -> Id {
        Id::first_of(&self.0)
    }
}

/// A link that is dead in Postgres.
pub(super) struct DeadLink {
    pub(super) digest: LinkDigest,
    /// Whether Redis was told before.
    pub(super) told: bool,
}

fn interview_of(row: &Row) -> Result<Interview, Error> {
    let digest: &[u8] = row.try_get(5)?;
    Ok(Interview {
        id: row.try_get(0)?,
        candidate_name: row.try_get(1)?,
        candidate_email: row.try_get(2)?,
        position: row.try_get(3)?,
        duration_minutes: row.try_get(4)?,
        link: Id::first_of(digest),
        expires: row.try_get(6)?,
        created: row.try_get(7)?,
        started: row.try_get(8)?,
        revoked: row.try_get(9)?,
    })
}

/// Whole seconds: what the API writes is what is enforced.
fn end_of(life: Duration) -> OffsetDateTime {
    let end = OffsetDateTime::now_utc() + life;
    end.replace_nanosecond(0).unwrap_or(end)
}

/// At most `limit` interviews out of rows that are each one, or none, and the end of what was
/// looked at.
fn page_of(rows: &[Row], limit: usize, seen_max: i64) -> Result<(Vec<Interview>, Option<Place>), Error> {
    let Some(first) = rows.first() else { return Ok((Vec::new(), None)) };
    let end = Place { created: first.try_get(10)?, id: first.try_get(11)? };
    let (seen, fits) = (first.try_get::<_, i64>(12)?, first.try_get::<_, Option<Uuid>>(0)?.is_some());
    let mut interviews = Vec::new();
    if fits {
        interviews = rows.iter().map(interview_of).collect::<Result<Vec<_>, _>>()?;
    }
    if interviews.len() > limit {
        interviews.truncate(limit);
        let next = interviews.last().map(Place::after);
        return Ok((interviews, next));
    }
    Ok((interviews, (seen == seen_max).then_some(end)))
}

/// Random, not by time: it names a room, and must not be guessed from another's.
fn session_id() -> Uuid {
    uuid::Builder::from_random_bytes(crate::random::bytes()).into_uuid()
}
