//! The candidate's decisions: each asks one script, and gives its answer a type.

use std::sync::Arc;
use std::time::Duration;

use super::code::{OtpCode, Reference};
use super::record;
use super::session::{self, Session};
use crate::config;
use crate::fault::{Dependency, Fault};
use crate::id::Id;
use crate::jobs::{JobId, JobKind, Wake};
use crate::jwt::{self, Jwt};
use crate::keyring::Keyring;
use crate::limits::Permit;
use crate::link::{KEEP, LinkToken};
use crate::mail::CodeJob;
use crate::postgres::Postgres;
use crate::redis::{Arg, Key, Keys, Redis, Reply, Script, scripts};
use crate::test_recipients::TestRecipients;

/// How long Postgres may be away before it is no longer told of a start.
const START_JOB_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the flow stands on.
#[derive(Debug)]
pub struct Parts {
    /// The worker's own client.
    pub redis: Redis,
    /// Names of keys.
    pub keys: Keys,
    /// Asked for a link's record once.
    pub postgres: Postgres,
    /// MACs of codes, and seals of what is mailed.
    pub keyring: Arc<Keyring>,
    /// Signs and reads session tokens.
    pub jwt: Arc<Jwt>,
    /// Wakes this node's mail worker.
    pub wake_mail: Wake,
    /// Wakes the worker that tells Postgres of starts.
    pub wake_starts: Wake,
    /// Those whose codes a load test computes.
    pub tests: TestRecipients,
    /// Lives of codes and sessions.
    pub settings: config::Candidate,
    /// Limits on a link.
    pub limits: config::Limits,
    /// Jobs that may wait in a partition, in each queue.
    pub room: u32,
}

/// The flow of a candidate, through one worker's Redis client.
#[derive(Debug)]
pub struct Candidate(Parts);

/// What `info` shows.
#[derive(Debug)]
pub(super) struct Info {
    pub(super) resend: Duration,
    pub(super) cooldown: Duration,
    pub(super) attempts: u64,
    pub(super) expires_ms: u64,
    pub(super) name: String,
    pub(super) position: String,
    pub(super) masked: String,
    pub(super) reference: Option<String>,
}

/// Verdicts on a request for a code.
#[derive(Debug)]
pub(super) enum Requested {
    Sent { left: u64, reset: Duration, masked: String, reference: String },
    Cooldown(Duration),
    Window(Duration),
    Resend(Duration),
    NoSuchLink,
}

/// Verdicts on a code.
#[derive(Debug)]
pub(super) enum Verified {
    Accepted { token: String, name: String, position: String, expires: u64 },
    Wrong { left: u64 },
    Locked(Duration),
    Cooldown(Duration),
    Superseded { reference: String },
    Expired,
    NoSuchLink,
}

/// Verdicts on a start.
#[derive(Debug)]
pub(super) enum Started {
    First { at_ms: u64, session: String },
    Again { at_ms: u64, session: String },
    Vacant,
    NoSuchLink,
}

/// A candidate's session that lives.
#[derive(Debug)]
pub(super) struct Seat {
    /// Id.
    pub(super) interview: String,
    /// Id, as `start` hands it out.
    pub(super) session: String,
}

impl Candidate {
    /// The flow on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// The limits that decisions are made with, for the headers.
    pub(super) fn limits(&self) -> &config::Limits {
        &self.0.limits
    }

    /// How long a code works.
    pub(super) fn code_life(&self) -> Duration {
        self.0.settings.code_life
    }

    /// Where the interview's room is, where that is configured.
    pub(super) fn ws_url(&self, session: &str) -> Option<String> {
        self.0.settings.ws_url_template.as_ref().map(|template| template.replace("{session_id}", session))
    }

    /// The state of a link; `None` where it does not work.
    pub(super) async fn info(&self, _: &Permit, link: &LinkToken) -> Result<Option<Info>, Fault> {
        let Parts { keys, settings, limits, .. } = &self.0;
        let id = link.id();
        let args = || {
            [
                limits.otp_request.max.into(),
                limits.otp_request.window.into(),
                limits.otp_request.apart.into(),
                settings.code_life.into(),
                limits.otp_attempt.max.into(),
                limits.otp_attempt.total_max.into(),
            ]
        };
        let Some(reply) = self.ask(link, &scripts::OTP_INFO, [&keys.link(&id), &keys.otp(&id)], args).await? else {
            return Ok(None);
        };
        let reference = reply.text(7)?;
        Ok(Some(Info {
            resend: ms(reply.number(0)?),
            cooldown: ms(reply.number(1)?),
            attempts: reply.number(2)?,
            expires_ms: reply.number(3)?,
            name: reply.text(4)?,
            position: reply.text(5)?,
            masked: reply.text(6)?,
            reference: (!reference.is_empty()).then_some(reference),
        }))
    }

    /// Makes a fresh code and queues its mail, where the limits let it.
    pub(super) async fn request(&self, _: &Permit, link: &LinkToken) -> Result<Requested, Fault> {
        let Parts { keys, keyring, tests, settings, limits, .. } = &self.0;
        let (id, nonce) = (link.id(), Id::nonce());
        let job = JobId { kind: JobKind::Code, subject: id };
        let reference = Reference::of(&nonce);
        let computed = tests.code(link, reference.as_str()).and_then(|digits| OtpCode::parse(&digits));
        let code = computed.unwrap_or_else(OtpCode::fresh);
        let sealed = CodeJob { code: code.expose(), minutes: settings.code_life.as_secs() / 60 }.seal(keyring, &id);
        let mac = keyring.code_mac(&id, code.expose());
        let args = || {
            [
                nonce.into(),
                (&mac).into(),
                reference.as_str().into(),
                (&sealed).into(),
                job.to_string().into(),
                limits.otp_request.max.into(),
                limits.otp_request.window.into(),
                limits.otp_request.apart.into(),
                settings.code_life.into(),
                limits.otp_attempt.total_max.into(),
                self.0.room.into(),
                KEEP.into(),
            ]
        };
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.link(&id), &keys.otp(&id), &keys.job(&job), &queue];
        let Some(reply) = self.ask(link, &scripts::OTP_REQUEST, names, args).await? else {
            return Ok(Requested::NoSuchLink);
        };
        match reply.word() {
            "sent" => {
                self.0.wake_mail.ring(job);
                let (left, reset) = (reply.number(0)?, ms(reply.number(1)?));
                Ok(Requested::Sent { left, reset, masked: reply.text(2)?, reference: reply.text(3)? })
            }
            "cooldown" => Ok(Requested::Cooldown(ms(reply.number(0)?))),
            "window" => Ok(Requested::Window(ms(reply.number(0)?))),
            "resend" => Ok(Requested::Resend(ms(reply.number(0)?))),
            "full" => Err(Fault::new(Dependency::Load, "too many mails wait in a partition")),
            _ => Err(reply.surprise()),
        }
    }

    /// Spends an attempt; a right code opens the candidate's seat.
    pub(super) async fn verify(&self, _: &Permit, link: &LinkToken, code: &OtpCode) -> Result<Verified, Fault> {
        let Parts { keys, keyring, jwt, settings, limits, .. } = &self.0;
        let (id, nonce) = (link.id(), Id::nonce());
        let macs = keyring.code_macs(&id, code.expose());
        let args = || {
            [
                nonce.into(),
                (&macs).into(),
                settings.code_life.into(),
                limits.otp_attempt.max.into(),
                limits.otp_attempt.cooldown.into(),
                limits.otp_attempt.cooldown_max.into(),
                limits.otp_attempt.total_max.into(),
                settings.session_grace.into(),
            ]
        };
        let mail = keys.job(&JobId { kind: JobKind::Code, subject: id });
        let names = [&keys.link(&id), &keys.otp(&id), &keys.seat(&id), &mail];
        let Some(reply) = self.ask(link, &scripts::OTP_VERIFY, names, args).await? else {
            return Ok(Verified::NoSuchLink);
        };
        match reply.word() {
            "accepted" => {
                let seconds = reply.number(0)? * 60 + settings.session_grace.as_secs();
                let now = jwt::now();
                let token = session::sign(jwt, reply.text(1)?, &id, &nonce, now, seconds);
                Ok(Verified::Accepted { token, name: reply.text(3)?, position: reply.text(4)?, expires: now + seconds })
            }
            "wrong" => Ok(Verified::Wrong { left: reply.number(0)? }),
            "locked" => Ok(Verified::Locked(ms(reply.number(0)?))),
            "cooldown" => Ok(Verified::Cooldown(ms(reply.number(0)?))),
            "superseded" => Ok(Verified::Superseded { reference: reply.text(0)? }),
            "expired" => Ok(Verified::Expired),
            "foreign" => {
                let cause = "a code is under a root key that this node does not have: append it to secrets.root_keys";
                Err(Fault::new(Dependency::Keys, cause))
            }
            _ => Err(reply.surprise()),
        }
    }

    /// What a session token proves; `None` where it is not a good one.
    pub(super) fn session(&self, token: &str) -> Option<Session> {
        session::verify(&self.0.jwt, token)
    }

    /// Lets a verified candidate in.
    pub(super) async fn start(&self, _: &Permit, link: &LinkToken, _: &Session) -> Result<Started, Fault> {
        let keys = &self.0.keys;
        let (id, nonce) = (link.id(), Id::nonce());
        let job = JobId { kind: JobKind::Start, subject: id };
        let args = || [nonce.into(), job.to_string().into(), self.0.room.into(), START_JOB_LIFE.into()];
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.link(&id), &keys.seat(&id), &keys.job(&job), &queue];
        let Some(reply) = self.ask(link, &scripts::SEAT_START, names, args).await? else {
            return Ok(Started::NoSuchLink);
        };
        match reply.word() {
            "started" => {
                self.0.wake_starts.ring(job);
                Ok(Started::First { at_ms: reply.number(0)?, session: reply.text(1)? })
            }
            "rejoined" => Ok(Started::Again { at_ms: reply.number(0)?, session: reply.text(1)? }),
            "vacant" => Ok(Started::Vacant),
            "full" => Err(Fault::new(Dependency::Load, "too many starts wait for Postgres in a partition")),
            _ => Err(reply.surprise()),
        }
    }

    /// The seat that a session token was given for; `None` where it is gone, on whichever node.
    pub(super) async fn seat(&self, session: &Session) -> Result<Option<Seat>, Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let reply = redis.decide(&scripts::SEAT_LOOK, [&keys.seat(&session.link)], []).await?;
        match reply.word() {
            "alive" => Ok(Some(Seat { interview: reply.text(0)?, session: reply.text(1)? })),
            "gone" => Ok(None),
            _ => Err(reply.surprise()),
        }
    }

    /// Asks a decision about a link. Where Redis has no record of it, Postgres is asked
    /// for one, and the decision once more, with the same nonce. `None`: it does not work.
    async fn ask<const KEYS: usize, const ARGV: usize>(
        &self,
        link: &LinkToken,
        script: &'static Script<KEYS, ARGV>,
        names: [&Key; KEYS],
        args: impl Fn() -> [Arg; ARGV],
    ) -> Result<Option<Reply>, Fault> {
        let Parts { redis, keys, postgres, keyring, .. } = &self.0;
        let mut reply = redis.decide(script, names, args()).await?;
        if reply.is("unknown") {
            // Once in the life of a link: in a box, it takes no room in what every request is made of.
            if !Box::pin(record::load(redis, keys, postgres, keyring, link)).await? {
                return Ok(None);
            }
            reply = redis.decide(script, names, args()).await?;
        }
        match reply.word() {
            "unknown" => Err(reply.surprise()),
            "gone" => Ok(None),
            _ => Ok(Some(reply)),
        }
    }
}

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}
