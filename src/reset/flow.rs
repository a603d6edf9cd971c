//! From a token to a new password: look, hash, take, write, end what was opened meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::token::ResetToken;
use crate::access::Access;
use crate::config;
use crate::fault::{Dependency, Fault};
use crate::id::Id;
use crate::jobs::{JobId, JobKind, Wake};
use crate::keyring::{Keyring, Sealed};
use crate::limits::{FORGOT_EMAIL, Limits, Permit};
use crate::mail::EmailAddress;
use crate::password::{Hasher, Password, Rules, unless_gone};
use crate::redis::{Keys, Redis, scripts};
use crate::users::{Login, PasswordHash, User, Users};

/// Whoever asked has asked again by then.
const FORGOT_JOB_LIFE: Duration = Duration::from_secs(15 * 60);

/// What resets stand on.
#[derive(Debug)]
pub struct Parts {
    /// The worker's own client.
    pub redis: Redis,
    /// Names of keys.
    pub keys: Keys,
    /// Seals of what is queued.
    pub keyring: Arc<Keyring>,
    /// Wakes this node's worker for requests.
    pub wake_resets: Wake,
    /// Who there is.
    pub users: Users,
    /// Argon2.
    pub hasher: Hasher,
    /// What a password must be.
    pub rules: Rules,
    /// Sessions.
    pub access: Access,
    /// Cleared by a reset.
    pub limits: Limits,
    /// On an address that is named.
    pub forgot_email: config::Rate,
    /// Jobs that may wait in a partition.
    pub room: u32,
}

/// Resets, through one worker's Redis client.
#[derive(Debug)]
pub struct Reset(Parts);

/// Verdicts on a reset.
#[derive(Debug)]
pub(super) enum Done {
    /// The password is the new one.
    Set(Box<User>),
    /// The new password may not be one; the token is not spent.
    Refused(String),
    /// Unknown, expired, used or superseded.
    BadToken,
}

/// Where a reset failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing is spent: the same request may be sent again.
    Before(Fault),
    /// The token is spent, and the sessions are ended.
    After(Fault),
}

impl Reset {
    /// Resets on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Queues a request, if this address has not been asked for too often. Nothing tells
    /// whether there is such an account: nobody has looked.
    pub(super) async fn ask(&self, _: &Permit, email: &EmailAddress) -> Result<(), Fault> {
        let Parts { redis, keys, keyring, wake_resets, forgot_email, room, .. } = &self.0;
        let login = Login::of(email.as_str());
        let id = keyring.subject(FORGOT_EMAIL, login.key());
        let job = JobId { kind: JobKind::Forgot, subject: id };
        let args = [
            Id::nonce().into(),
            forgot_email.max.into(),
            forgot_email.window.into(),
            email.masked().into(),
            job.to_string().into(),
            keyring.seal(Sealed::Forgot, &id, login.key().as_bytes()).into(),
            FORGOT_JOB_LIFE.into(),
            (*room).into(),
        ];
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.limit(FORGOT_EMAIL, &id), &keys.job(&job), &queue];
        let reply = redis.decide(&scripts::FORGOT_ADD, names, args).await?;
        match reply.word() {
            "queued" => wake_resets.ring(job),
            "quiet" => redis.metrics().refused(FORGOT_EMAIL),
            "full" => return Err(Fault::new(Dependency::Load, "too many requests for a reset wait in a partition")),
            _ => return Err(reply.surprise()),
        }
        Ok(())
    }

    /// Sets the password of whoever has the token.
    pub(super) async fn reset(
        &self,
        _: &Permit,
        token: &ResetToken,
        password: &Password,
        gone: &CancellationToken,
    ) -> Result<Done, Failed> {
        let Some(user) = self.look(token).await.map_err(Failed::Before)? else { return Ok(Done::BadToken) };
        if let Err(message) = self.0.rules.check(password, &[&user.username, &user.email]) {
            return Ok(Done::Refused(message));
        }
        let hash = PasswordHash::new(unless_gone(gone, self.0.hasher.hash(password)).await.map_err(Failed::Before)?);
        // A reply that is lost twice may have spent it: the holder had better ask again.
        let Some(version) = self.take(token).await.map_err(Failed::After)? else { return Ok(Done::BadToken) };
        self.set(user, version, hash).await.map_err(Failed::After)
    }

    /// The user of a token that would work. Changes nothing.
    async fn look(&self, token: &ResetToken) -> Result<Option<User>, Fault> {
        let Parts { redis, keys, users, .. } = &self.0;
        let reply =
            redis.decide(&scripts::RESET_LOOK, [&keys.reset(&token.user.id())], [token.digest().into()]).await?;
        if !reply.is("good") {
            return Ok(None);
        }
        let version = reply.number(0)?;
        let found = users.load(token.user).await?;
        // Redis may have forgotten that the token was spent; the password's version has not.
        Ok(found.map(|(user, _)| user).filter(|user| u64::try_from(user.password_version) == Ok(version)))
    }

    /// Spends the token and ends every session; the version of the password that it may
    /// replace.
    async fn take(&self, token: &ResetToken) -> Result<Option<i64>, Fault> {
        let Parts { redis, keys, access, .. } = &self.0;
        let id = token.user.id();
        let args = [token.digest().into(), Id::nonce().into()];
        let reply = redis.decide(&scripts::RESET_TAKE, [&keys.reset(&id), &keys.account(&id)], args).await?;
        match reply.word() {
            "taken" => {
                access.drop_ended(token.user, &reply).await;
                i64::try_from(reply.number(0)?).map(Some).map_err(|_| reply.surprise())
            }
            "bad" => Ok(None),
            _ => Err(reply.surprise()),
        }
    }

    /// Writes the password over the one of `version`, and ends what was opened since.
    async fn set(&self, user: User, version: i64, hash: PasswordHash) -> Result<Done, Fault> {
        let Parts { users, access, limits, .. } = &self.0;
        let Some(version) = users.set_password(user.id, version, hash).await? else { return Ok(Done::BadToken) };
        access.password_changed(&user, version, None).await?;
        for login in [&user.username, &user.email] {
            // The password is set, and that is what the answer tells: a wait ends by itself, too.
            if let Err(fault) = limits.clear_login(&Login::of(login)).await {
                tracing::warn!(user = %user.id, cause = %fault, "a reset has not lifted a wait to log in");
            }
        }
        Ok(Done::Set(Box::new(user)))
    }
}
