//! The exchange of a refresh token: known to be ours, held against Postgres, then taken.

use crate::access::{Access, Caller, Device, Living, Opened, RefreshToken, Refreshed};
use crate::fault::Fault;
use crate::id::Id;
use crate::users::{User, UserId, Users};

/// Sessions, through one worker's Redis client.
#[derive(Debug)]
pub struct Sessions {
    access: Access,
    users: Users,
}

/// Verdicts on a refresh token.
#[derive(Debug)]
pub(super) enum Exchanged {
    Opened(Opened, Box<User>),
    /// It was exchanged before: the session of this user is ended.
    Reused(UserId),
    /// Not ours, or of a session that is over.
    Invalid,
}

impl Sessions {
    /// Sessions of these users.
    #[must_use]
    pub fn new(access: Access, users: Users) -> Self {
        Self { access, users }
    }

    /// Exchanges a refresh token. Only what we made reaches Postgres, or changes anything.
    pub(super) async fn refresh(&self, token: RefreshToken, device: &Device) -> Result<Exchanged, Fault> {
        let Some(recognised) = self.access.recognise(token).await? else { return Ok(Exchanged::Invalid) };
        let Some((user, _)) = self.users.load(recognised.user()).await? else { return Ok(Exchanged::Invalid) };
        match self.access.refresh(&recognised, &user, device).await? {
            Refreshed::Opened(opened) => Ok(Exchanged::Opened(opened, Box::new(user))),
            Refreshed::Reused => Ok(Exchanged::Reused(user.id)),
            Refreshed::Over => Ok(Exchanged::Invalid),
        }
    }

    pub(super) async fn list(&self, caller: &Caller) -> Result<Vec<Living>, Fault> {
        self.access.list(caller).await
    }

    pub(super) async fn end(&self, caller: &Caller, session: &Id) -> Result<bool, Fault> {
        self.access.end(caller, session).await
    }

    pub(super) async fn end_all(&self, caller: &Caller) -> Result<(), Fault> {
        self.access.end_all(caller).await
    }
}
