//! Refresh token rotation, with reuse detection (RFC 9700, 4.14.2).

use super::{Access, Device, Opened, Parts, RefreshToken, lacks_key};
use crate::fault::Fault;
use crate::redis::scripts;
use crate::users::{User, UserId};

/// A refresh token that we made, for a session that lives.
#[derive(Debug)]
pub struct Recognised {
    token: RefreshToken,
    salt: String,
}

impl Recognised {
    /// Whose session it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.token.user
    }
}

/// What became of an exchange.
#[derive(Debug)]
pub enum Refreshed {
    /// The session goes on.
    Opened(Opened),
    /// The token was exchanged before: the session is ended.
    Reused,
    /// The session has ended, or its password is not the current one any more.
    Over,
}

impl Access {
    /// Whether we made this token; `None` where we did not, or its session has ended.
    /// Changes nothing: what we did not make cannot end a session.
    ///
    /// What is read here (the session's salt) never changes while it lives; the generation
    /// is judged by [`Self::refresh`].
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say.
    pub async fn recognise(&self, token: RefreshToken) -> Result<Option<Recognised>, Fault> {
        let reply = self.look(token.user, &token.session).await?;
        if reply.is("gone") {
            return Ok(None);
        }
        let (key, salt) = (reply.text(2)?, reply.text(3)?);
        if token.is_ours(&self.0.keyring, &salt) {
            return Ok(Some(Recognised { token, salt }));
        }
        // A node that is ahead may have made it with a key that has not come here yet.
        if self.0.keyring.has(&key) { Ok(None) } else { Err(lacks_key()) }
    }

    /// Exchanges a token for its successor. `user` is as Postgres has it now.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say: the token may be asked with again at once, and
    /// gets the same successor.
    pub async fn refresh(&self, recognised: &Recognised, user: &User, device: &Device) -> Result<Refreshed, Fault> {
        let Parts { redis, keys, keyring, settings, .. } = &self.0;
        let Recognised { token, salt } = recognised;
        let args = [
            token.session.into(),
            token.generation.into(),
            user.password_version.into(),
            user.role.name().into(),
            user.role_version.into(),
            settings.refresh_life.into(),
            settings.refresh_grace.into(),
            (&device.name).into(),
            (&device.address).into(),
            keyring.first().into(),
        ];
        let names = [&keys.session(&user.id.id(), &token.session), &keys.account(&user.id.id())];
        let reply = redis.decide(&scripts::SESSION_REFRESH, names, args).await?;
        match reply.word() {
            "rotated" | "again" => {
                let generation = u32::try_from(reply.number(0)?).map_err(|_| reply.surprise())?;
                let next = RefreshToken::make(keyring, &reply.text(1)?, salt, user.id, token.session, generation);
                Ok(Refreshed::Opened(self.hand_out(user.id, token.session, &next.ok_or_else(lacks_key)?)))
            }
            "reused" => Ok(Refreshed::Reused),
            "outdated" | "gone" => Ok(Refreshed::Over),
            _ => Err(reply.surprise()),
        }
    }
}
