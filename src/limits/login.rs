//! Tries to log in under one name, known or not.

use std::time::Duration;

use super::{LOGIN_ACCOUNT, Limits};
use crate::audit;
use crate::fault::Fault;
use crate::id::Id;
use crate::redis::{Key, scripts};
use crate::users::Login;

/// A try that is counted, as a wrong one until it is given back or the name is cleared.
#[derive(Debug)]
pub struct Try {
    key: Key,
    nonce: Id,
}

/// What a name says to one more try.
#[derive(Debug)]
pub enum Tried {
    /// Look at the password.
    Go(Try),
    /// Not before this is over; whether it is told for the first time.
    Wait(Duration, bool),
}

impl Limits {
    /// Counts a try before its password is looked at: of many at a time, no more are let
    /// through than would be one after the other.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say: the try is then refused.
    pub async fn try_login(&self, login: &Login) -> Result<Tried, Fault> {
        let (limit, nonce, key) = (self.settings.login_account, Id::nonce(), self.login_key(login));
        let args = [
            nonce.into(),
            limit.max.into(),
            limit.wait.into(),
            limit.wait_max.into(),
            limit.forget.into(),
            audit::masked(login.key()).into(),
        ];
        let reply = self.redis.decide(&scripts::LOGIN_TRY, [&key], args).await?;
        match reply.word() {
            "go" => Ok(Tried::Go(Try { key, nonce })),
            "wait" => {
                self.redis.metrics().refused(LOGIN_ACCOUNT);
                Ok(Tried::Wait(Duration::from_millis(reply.number(0)?), reply.number(1)? == 1))
            }
            _ => Err(reply.surprise()),
        }
    }

    /// Gives back a try that nobody could judge.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then it may still be counted.
    pub async fn undo_login(&self, tried: Try) -> Result<(), Fault> {
        let args = [tried.nonce.into(), self.settings.login_account.max.into()];
        self.redis.decide(&scripts::LOGIN_UNDO, [&tried.key], args).await.map(drop)
    }

    /// Forgets the wrong tries under a name whose owner has come.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then they may still be counted.
    pub async fn clear_login(&self, login: &Login) -> Result<(), Fault> {
        self.redis.decide(&scripts::LOGIN_CLEAR, [&self.login_key(login)], []).await.map(drop)
    }

    fn login_key(&self, login: &Login) -> Key {
        self.keys.limit(LOGIN_ACCOUNT, &self.name(login))
    }
}
