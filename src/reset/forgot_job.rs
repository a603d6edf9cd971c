//! The worker's part of a reset: looks the address up, and stores and mails a token where
//! somebody has it.

use std::sync::Arc;
use std::time::Duration;

use super::token::ResetToken;
use crate::fault::{Dependency, Fault};
use crate::jobs::{Job, JobId, JobKind, Outcome, Wake};
use crate::keyring::{Keyring, Sealed};
use crate::mail::{EmailAddress, ResetJob};
use crate::redis::{Keys, Redis, scripts};
use crate::test_recipients::TestRecipients;
use crate::users::{User, Users};

/// Carries requests for a reset out.
#[derive(Debug)]
pub struct ForgotWorker {
    /// A client of the runtime that it works on.
    pub redis: Redis,
    /// Names of keys.
    pub keys: Keys,
    /// Who there is.
    pub users: Users,
    /// Derives tokens, and seals what is mailed.
    pub keyring: Arc<Keyring>,
    /// Wakes this node's mail worker.
    pub wake_mail: Wake,
    /// Those whose tokens a load test computes.
    pub tests: TestRecipients,
    /// `<public_url>/reset-password`. Never out of a request: a forged Host would mail its own.
    pub reset_url: String,
    /// How long a token works.
    pub token_life: Duration,
    /// Mails that may wait in a partition.
    pub room: u32,
}

impl ForgotWorker {
    /// Stores a token for the owner of the job's address and queues its mail; nothing
    /// where nobody has the address. Done twice, it is done once.
    pub async fn work(&self, job: &Job) -> Outcome {
        let sealed = job.field("sealed");
        let Some(email) = self.keyring.open(Sealed::Forgot, &job.id.subject, sealed) else {
            return Outcome::Defer("it cannot be opened: its root key is not in secrets.root_keys here".to_owned());
        };
        let (Ok(email), Ok(asked)) = (std::str::from_utf8(&email), job.field("asked").parse::<u64>()) else {
            return Outcome::Refuse("its address or its time cannot be read".to_owned());
        };
        let stored = async {
            match self.users.by_email(email).await? {
                Some(user) => self.store(&user, &job.version, asked).await,
                None => Ok(()),
            }
        };
        match stored.await {
            Ok(()) => Outcome::Done,
            Err(fault) => Outcome::Defer(fault.to_string()),
        }
    }

    async fn store(&self, user: &User, request: &str, asked: u64) -> Result<(), Fault> {
        let Self { redis, keys, keyring, tests, .. } = self;
        let (id, mail) = (user.id.id(), JobId { kind: JobKind::Reset, subject: user.id.id() });
        let token = match tests.reset_secret(user) {
            Some(secret) => ResetToken::computed(user.id, secret),
            None => ResetToken::of_request(keyring, user.id, request, user.password_version),
        };
        let letter = ResetJob {
            to: user.email.clone(),
            username: user.username.clone(),
            // In the fragment: proxies and scanners that fetch the link do not see it.
            url: format!("{}#token={}", self.reset_url, *token.expose()),
            minutes: self.token_life.as_secs() / 60,
        };
        let masked = EmailAddress::mask_of(&user.email);
        let args = [
            request.into(),
            asked.into(),
            token.digest().into(),
            user.password_version.into(),
            self.token_life.into(),
            mail.to_string().into(),
            masked.into(),
            letter.seal(keyring, &id).into(),
            self.room.into(),
        ];
        let queue = keys.queue(mail.kind.queue(), keys.partition(&id));
        let reply = redis.decide(&scripts::RESET_STORE, [&keys.reset(&id), &keys.job(&mail), &queue], args).await?;
        match reply.word() {
            "stored" => self.wake_mail.ring(mail),
            "superseded" | "spent" => {}
            "full" => return Err(Fault::new(Dependency::Load, "too many mails wait in a partition")),
            _ => return Err(reply.surprise()),
        }
        Ok(())
    }
}
