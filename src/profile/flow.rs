//! What a user can do with a profile.

use hyper::body::Bytes;

use super::resume::{Kind, Resumes, Stored};
use crate::access::Caller;
use crate::config;
use crate::fault::Fault;
use crate::postgres::Postgres;
use crate::users::{ProfileChange, User, Users};

/// Profiles and resumes in Postgres.
#[derive(Debug)]
pub struct Profiles {
    users: Users,
    resumes: Resumes,
    resume_bytes_max: usize,
}

/// What became of a resume.
#[derive(Debug)]
pub(super) enum Kept {
    First(Kind),
    Again(Kind),
    /// Its content is none of the kinds that are taken.
    Refused(&'static str),
}

impl Profiles {
    /// Behind this pool.
    #[must_use]
    pub fn new(users: Users, postgres: Postgres, settings: &config::Profile) -> Self {
        Self { users, resumes: Resumes::new(postgres), resume_bytes_max: settings.resume_bytes_max }
    }

    pub(super) fn resume_bytes_max(&self) -> usize {
        self.resume_bytes_max
    }

    pub(super) async fn change(&self, caller: &Caller, change: ProfileChange) -> Result<Option<User>, Fault> {
        self.users.update_profile(caller.user(), change).await
    }

    /// Keeps a resume in place of the one before, where its content is one.
    pub(super) async fn keep(&self, caller: &Caller, content: Bytes) -> Result<Kept, Fault> {
        let kind = match Kind::of(&content) {
            Ok(kind) => kind,
            Err(why) => return Ok(Kept::Refused(why)),
        };
        let first = self.resumes.put(caller.user().uuid(), kind, content).await?;
        Ok(if first { Kept::First(kind) } else { Kept::Again(kind) })
    }

    pub(super) async fn resume(&self, caller: &Caller) -> Result<Option<Stored>, Fault> {
        self.resumes.head(caller.user().uuid()).await
    }

    /// Where the content is read from, piece by piece.
    pub(super) fn resumes(&self) -> Resumes {
        self.resumes.clone()
    }

    pub(super) async fn remove(&self, caller: &Caller) -> Result<bool, Fault> {
        self.resumes.delete(caller.user().uuid()).await
    }
}
