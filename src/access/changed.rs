//! What sessions are told when a password or a role was changed in Postgres.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Access, Caller, Parts};
use crate::fault::Fault;
use crate::id::Id;
use crate::jobs::{JobId, JobKind};
use crate::mail::{EmailAddress, NoticeJob};
use crate::redis::{Keys, Redis, scripts};
use crate::users::{Role, User, UserId};

/// A log-in under way is over long before: it waits for two hashes, for Postgres and for
/// Redis, none longer than some seconds.
const FENCE: Duration = Duration::from_secs(3_600);
/// Postgres answers an UPDATE within 2.5 s, or not at all.
const CHANGE: Duration = Duration::from_secs(10);
/// Whoever can change a password may not flood the address with it, which nobody has shown to be theirs.
const NOTICE_APART: Duration = Duration::from_secs(15 * 60);
/// A notice that is older is no news.
const NOTICE_LIFE: Duration = Duration::from_secs(24 * 3_600);

impl Access {
    /// Ends the other sessions of the caller, who is about to change the password to
    /// `version`, and lets this one outlive the change: before Postgres is told, so that
    /// nobody else stays in whatever fails then, and no request of this session finds itself
    /// behind. `false` where it has ended meanwhile.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: the password is still the old one.
    pub async fn password_changing(&self, caller: &Caller, version: i64) -> Result<bool, Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let (user, session) = (caller.user().id(), caller.session());
        let names = [&keys.session(&user, &session), &keys.account(&user)];
        let args = [session.into(), version.into(), CHANGE.into()];
        let reply = redis.decide(&scripts::PASSWORD_CHANGING, names, args).await?;
        self.drop_ended(caller.user(), &reply).await;
        Ok(reply.is("trusted"))
    }

    /// Ends the sessions of `user` but the one to `keep`, has a log-in that is under way
    /// with an older password refused, voids reset tokens, and mails a notice. `version`
    /// is the new password's; Postgres has it already.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then older sessions may go on until they
    /// are refreshed.
    pub async fn password_changed(&self, user: &User, version: i64, keep: Option<Id>) -> Result<(), Fault> {
        let Parts { redis, keys, keyring, wake_mail, room, forgot_url, .. } = &self.0;
        let (id, job) = (user.id.id(), JobId { kind: JobKind::Notice, subject: user.id.id() });
        let notice = NoticeJob {
            to: user.email.clone(),
            username: user.username.clone(),
            changed: OffsetDateTime::now_utc().unix_timestamp(),
            forgot_url: forgot_url.clone(),
        };
        let masked = EmailAddress::mask_of(&user.email);
        let args = [
            keep.map_or_else(String::new, |session| session.to_string()).into(),
            version.into(),
            FENCE.into(),
            Id::nonce().into(),
            job.to_string().into(),
            masked.into(),
            notice.seal(keyring, &id).into(),
            NOTICE_LIFE.into(),
            (*room).into(),
            NOTICE_APART.into(),
        ];
        // Where none is kept, the script touches no session: any name of the slot will do.
        let kept = keys.session(&id, &keep.unwrap_or(id));
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.account(&id), &kept, &keys.reset(&id), &keys.job(&job), &queue];
        let reply = redis.decide(&scripts::PASSWORD_CHANGED, names, args).await?;
        match reply.word() {
            "ended" => wake_mail.ring(job),
            "quiet" => tracing::warn!(user = %user.id, "too many mails wait: a changed password is not told of"),
            _ => return Err(reply.surprise()),
        }
        self.drop_ended(user.id, &reply).await;
        Ok(())
    }
}

/// Tells living sessions of a role that Postgres has already; `rank` is its version.
///
/// # Errors
/// A [`Fault`] where Redis does not answer: then they hear of it when they are refreshed.
pub async fn role_changed(redis: &Redis, keys: &Keys, user: UserId, role: Role, rank: i64) -> Result<(), Fault> {
    let args = [role.name().into(), rank.into(), FENCE.into()];
    redis.decide(&scripts::ROLE_SET, [&keys.account(&user.id())], args).await.map(drop)
}
