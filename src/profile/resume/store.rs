//! Résumés in Postgres: one row a user, in a table of their own, so that a user is read without it.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Kind;
use crate::fault::{Dependency, Fault};
use crate::postgres::Postgres;

/// Résumés in Postgres.
#[derive(Clone, Debug)]
pub struct Resumes {
    postgres: Postgres,
}

/// What is kept of a résumé beside its content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Names this content: another one has another id.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub size: u32,
}

/// Bytes that are read at a time: a reader that is slow holds no more. 5 MiB are 80 of them.
const CHUNK: i32 = 64 * 1_024;

impl Resumes {
    /// Behind this pool.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }

    /// Keeps a résumé in place of the one before; whether it is the user's first.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then the one before is still there.
    pub async fn put<C>(&self, user: Uuid, kind: Kind, content: C) -> Result<bool, Fault>
    where
        C: AsRef<[u8]> + Send + Sync + 'static,
    {
        // A row that was there was locked to be updated, and bears the mark of it.
        const SQL: &str = "INSERT INTO resumes (user_id, id, media_type, size, content) \
            VALUES ($1, $2, $3, octet_length($4), $4) \
            ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, media_type = excluded.media_type, \
                size = excluded.size, content = excluded.content, created_at = now() \
            RETURNING xmax = 0";
        let id = Uuid::now_v7();
        self.postgres
            .run("resume_put", move |connection| async move {
                let rows = connection
                    .query_typed(
                        SQL,
                        &[
                            (&user, Type::UUID),
                            (&id, Type::UUID),
                            (&kind.media_type(), Type::TEXT),
                            (&content.as_ref(), Type::BYTEA),
                        ],
                    )
                    .await?;
                rows.first().map_or(Ok(false), |row| row.try_get(0))
            })
            .await
    }

    /// What is kept; `None` where there is none.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn head(&self, user: Uuid) -> Result<Option<Stored>, Fault> {
        const SQL: &str = "SELECT id, media_type, size FROM resumes WHERE user_id = $1";
        let found: Option<(Uuid, String, i32)> = self
            .postgres
            .run("resume_head", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&user, Type::UUID)]).await?;
                rows.first().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).transpose()
            })
            .await?;
        let Some((id, media_type, size)) = found else { return Ok(None) };
        match (Kind::of_media_type(&media_type), u32::try_from(size)) {
            (Some(kind), Ok(size)) => Ok(Some(Stored { id, kind, size })),
            // A newer version takes more than this one knows.
            _ => {
                Err(Fault::new(Dependency::Postgres, "resume_head: a résumé of a kind that this version does not know"))
            }
        }
    }

    /// Some of the content of `id`, from an offset on; `None` where it was replaced or
    /// removed meanwhile.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn chunk(&self, user: Uuid, id: Uuid, from: u64) -> Result<Option<Vec<u8>>, Fault> {
        const SQL: &str = "SELECT substring(content FROM $3 FOR $4) FROM resumes WHERE user_id = $1 AND id = $2";
        // SQL counts from 1; behind the end there is nothing.
        let from = i32::try_from(from.saturating_add(1)).unwrap_or(i32::MAX);
        self.postgres
            .run("resume_chunk", move |connection| async move {
                let rows = connection
                    .query_typed(
                        SQL,
                        &[(&user, Type::UUID), (&id, Type::UUID), (&from, Type::INT4), (&CHUNK, Type::INT4)],
                    )
                    .await?;
                rows.first().map(|row| row.try_get(0)).transpose()
            })
            .await
    }

    /// Removes it; whether there was one.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn delete(&self, user: Uuid) -> Result<bool, Fault> {
        const SQL: &str = "DELETE FROM resumes WHERE user_id = $1 RETURNING 1";
        self.postgres
            .run("resume_delete", move |connection| async move {
                let rows = connection.query_typed(SQL, &[(&user, Type::UUID)]).await?;
                Ok(!rows.is_empty())
            })
            .await
    }
}
