//! Sessions of members: who is asking, and whether they still may.
//!
//! An access token proves what it was when it was signed; the session in Redis tells what
//! is so now. [`Access::check`] is the only way to a [`Caller`], and handlers of members
//! ask for one. `refresh` exchanges refresh tokens, `living` lists and ends sessions,
//! `changed` tells sessions of a new password or role.

mod changed;
mod living;
mod refresh;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::changed::role_changed;
pub use self::living::Living;
pub use self::refresh::{Recognised, Refreshed};
pub use self::tokens::RefreshToken;
use crate::config;
use crate::fault::{Dependency, Fault};
use crate::id::Id;
use crate::jobs::Wake;
use crate::jwt::Jwt;
use crate::keyring::Keyring;
use crate::redis::{Keys, Redis, Reply, scripts};
use crate::users::{Role, User, UserId};

/// What sessions stand on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The worker's own client.
    pub redis: Redis,
    /// Names of keys.
    pub keys: Keys,
    /// MACs of refresh tokens, and seals of what is mailed.
    pub keyring: Arc<Keyring>,
    /// Signs and reads access tokens.
    pub jwt: Arc<Jwt>,
    /// Wakes this node's mail worker.
    pub wake_mail: Wake,
    /// Lives of sessions.
    pub settings: config::Sessions,
    /// Where a reset is asked for, for whoever did not change their password.
    pub forgot_url: String,
    /// Mails that may wait in a partition.
    pub room: u32,
}

/// Sessions, through one worker's Redis client.
#[derive(Clone, Debug)]
pub struct Access(Parts);

/// Whom an access token names. Its session may have ended since.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    user: UserId,
    session: Id,
}

/// An authenticated user, in a session that lives. Only [`Access::check`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    user: UserId,
    session: Id,
    role: Role,
    password_version: i64,
}

/// Where a session is used from.
#[derive(Clone, Debug)]
pub struct Device {
    /// As it calls itself; at most 200 characters.
    pub name: String,
    /// Of the client.
    pub address: String,
}

/// What the holder of a session is given. It cannot be printed.
pub struct Opened {
    /// A JWT, for `Authorization: Bearer`.
    pub access_token: String,
    /// How long it works.
    pub access_life: Duration,
    /// For one exchange.
    pub refresh_token: String,
    /// How long the session lives without one.
    pub refresh_life: Duration,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(..)")
    }
}

impl Bearer {
    /// The user that the token was signed for.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }
}

impl Caller {
    /// Who asks.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// In which session.
    #[must_use]
    pub fn session(&self) -> Id {
        self.session
    }

    /// What the user may do now.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Of the password that the session was opened with, or has set.
    #[must_use]
    pub fn password_version(&self) -> i64 {
        self.password_version
    }
}

impl Access {
    /// Sessions on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Whom a token names; `None` where it is not a good one.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Bearer> {
        tokens::verify(&self.0.jwt, token).map(|(user, session)| Bearer { user, session })
    }

    /// Whether the session of a token lives, and what its user may; `None` where it has
    /// ended, on whichever node.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say.
    pub async fn check(&self, bearer: &Bearer) -> Result<Option<Caller>, Fault> {
        let Bearer { user, session } = *bearer;
        let reply = self.look(user, &session).await?;
        if reply.is("gone") {
            return Ok(None);
        }
        let role = Role::named(&reply.text(0)?).ok_or_else(|| reply.surprise())?;
        Ok(Some(Caller { user, session, role, password_version: version_of(&reply, 1)? }))
    }

    async fn look(&self, user: UserId, session: &Id) -> Result<Reply, Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let names = [&keys.session(&user.id(), session), &keys.account(&user.id())];
        redis.decide(&scripts::SESSION_LOOK, names, [(*session).into()]).await
    }

    /// Opens a session of a user whose password was seen to be right; `None` where it has
    /// been changed since, so that it is right no more.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say.
    pub async fn open(&self, user: &User, device: &Device) -> Result<Option<Opened>, Fault> {
        let Parts { redis, keys, keyring, settings, .. } = &self.0;
        let (session, salt, key) = (Id::nonce(), Id::nonce(), keyring.first());
        let args = [
            session.into(),
            user.id.id().into(),
            user.password_version.into(),
            user.role.name().into(),
            user.role_version.into(),
            key.into(),
            salt.into(),
            (&device.name).into(),
            (&device.address).into(),
            settings.refresh_life.into(),
            settings.per_user_max.into(),
        ];
        let names = [&keys.session(&user.id.id(), &session), &keys.account(&user.id.id())];
        let reply = redis.decide(&scripts::SESSION_OPEN, names, args).await?;
        match reply.word() {
            "opened" => {
                self.drop_ended(user.id, &reply).await;
                let token = RefreshToken::make(keyring, key, &salt.to_string(), user.id, session, 0);
                Ok(Some(self.hand_out(user.id, session, &token.ok_or_else(lacks_key)?)))
            }
            "outdated" => {
                tracing::warn!(user = %user.id, "a session was refused: redis knows of a newer password than postgres did");
                Ok(None)
            }
            _ => Err(reply.surprise()),
        }
    }

    fn hand_out(&self, user: UserId, session: Id, refresh_token: &RefreshToken) -> Opened {
        let Parts { jwt, settings, .. } = &self.0;
        Opened {
            access_token: tokens::sign(jwt, user, &session, settings.access_life),
            access_life: settings.access_life,
            refresh_token: refresh_token.expose(),
            refresh_life: settings.refresh_life,
        }
    }
}

fn version_of(reply: &Reply, n: usize) -> Result<i64, Fault> {
    i64::try_from(reply.number(n)?).map_err(|_| reply.surprise())
}

fn lacks_key() -> Fault {
    let cause = "a session is under a root key that this node does not have: append it to secrets.root_keys";
    Fault::new(Dependency::Keys, cause)
}
