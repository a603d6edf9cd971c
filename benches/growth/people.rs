//! Candidates in every state, and members, brought there by the shipped scripts, as a node does it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;
use vestibule::id::Id;
use vestibule::jobs::{JobId, JobKind};
use vestibule::jwt::{self, Jwt, Kind};
use vestibule::keyring::Sealed;
use vestibule::link::LinkToken;
use vestibule::redis::{Arg, Key, Reply, Script, scripts};

use crate::stage::Servers;
use crate::stage::seed::{CODE, Seed};

/// Of decisions under way: what a node may have by default, so that none waits.
pub(crate) const BATCH: usize = 256;
/// Unix ms of the year 2106.
const FAR: u64 = 0xFFFF_FFFF * 1_000;
/// What outlives a link does so for a day.
const KEEP: Duration = Duration::from_secs(24 * 3_600);
const CODE_LIFE: Duration = Duration::from_secs(600);
/// No queue is full.
const ROOM: u64 = 100_000_000;

/// How far a candidate has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// The relay has taken the invitation, and the link was opened.
    Invited,
    /// A code is outstanding, and its mail waits.
    Asked,
    /// The relay has taken the code.
    Sent,
    /// Typed it wrong twice.
    Slipped,
    /// Three times.
    Locked,
    /// Typed it right.
    Seated,
    /// Is in the interview, and Postgres knows.
    Started,
    /// The link was revoked.
    Dead,
}

impl State {
    pub(crate) const ALL: [Self; 8] =
        [Self::Invited, Self::Asked, Self::Sent, Self::Slipped, Self::Locked, Self::Seated, Self::Started, Self::Dead];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invited => "link: invited, and visited",
            Self::Asked => "link: code outstanding, mail waits",
            Self::Sent => "link: code outstanding, mail taken",
            Self::Slipped => "link: after two wrong codes",
            Self::Locked => "link: locked",
            Self::Seated => "link: verified, with a seat",
            Self::Started => "link: started",
            Self::Dead => "link: dead",
        }
    }

    /// Of the `n`th link of a platform: seven of ten wait for their day.
    pub(crate) fn of(n: usize) -> Self {
        match n % 20 {
            0 | 1 => Self::Sent,
            2 => Self::Slipped,
            3 => Self::Locked,
            4 => Self::Seated,
            5 => Self::Started,
            _ => Self::Invited,
        }
    }
}

/// Whose link it is.
pub(crate) struct Candidate {
    pub(crate) link: LinkToken,
    interview: String,
    session: String,
}

impl Candidate {
    pub(crate) fn fresh() -> Self {
        let [interview, session] = [(); 2].map(|()| Uuid::now_v7().to_string());
        Self { link: LinkToken::fresh(), interview, session }
    }

    /// As verify-otp signs one.
    pub(crate) fn session_token(&self, jwt: &Jwt) -> String {
        let claims = json!({
            "iss": jwt.issuer(), "aud": Kind::Candidate.audience(), "sub": self.interview, "lnk": self.link.id().to_string(),
            "jti": Id::nonce().to_string(), "iat": jwt::now(), "exp": jwt::now() + 75 * 60,
        });
        jwt.sign(Kind::Candidate, &claims)
    }
}

/// What the node signs with.
pub(crate) fn signer(servers: &Servers) -> Jwt {
    let config = servers.config();
    Jwt::new(&config.secrets.jwt_keys, "https://interviews.example.com", Duration::from_secs(30))
}

/// Does so many things, [`BATCH`] at a time.
pub(crate) async fn many<T, F: Future<Output = T>>(count: usize, mut one: impl FnMut(usize) -> F) -> Vec<T> {
    let mut all = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        all.extend(join_all((first..count.min(first + BATCH)).map(&mut one)).await);
    }
    all
}

/// Moves people on.
pub(crate) struct People<'a>(pub(crate) &'a Seed);

impl People<'_> {
    /// Somebody who has come that far.
    pub(crate) async fn candidate(&self, state: State) -> Candidate {
        let one = Candidate::fresh();
        self.add(&one).await;
        if state == State::Dead {
            self.kill(&one).await;
        }
        if matches!(state, State::Invited | State::Dead) {
            return one;
        }
        let version = self.ask_for_code(&one).await;
        if state == State::Asked {
            return one;
        }
        self.done(JobKind::Code, &one, version).await;
        match state {
            State::Slipped => self.slip(&one, 2).await,
            State::Locked => self.slip(&one, 3).await,
            State::Seated => self.verify(&one).await,
            State::Started => {
                self.verify(&one).await;
                let version = self.start(&one).await;
                self.done(JobKind::Start, &one, version).await;
            }
            _ => {}
        }
        one
    }

    /// A link whose invitation the relay has taken, and the record that the first visitor leaves.
    pub(crate) async fn add(&self, one: &Candidate) {
        let Seed { keys, keyring, .. } = self.0;
        let id = one.link.id();
        let args = [
            one.interview.as_str().into(),
            one.session.as_str().into(),
            "Ada Lovelace".into(),
            "Senior Engineer".into(),
            "a***@e***.com".into(),
            keyring.seal(Sealed::Recipient, &id, b"ada.lovelace@example.com").into(),
            60_u64.into(),
            FAR.into(),
            "".into(),
            KEEP.into(),
        ];
        self.decide(&scripts::LINK_ADD, [&keys.link(&id)], args, "added").await;
    }

    /// That the relay took the invitation: no part of the candidate's way, and one more key.
    pub(crate) async fn invite(&self, one: &Candidate) {
        let Seed { keys, keyring, .. } = self.0;
        let (id, version) = (one.link.id(), Id::nonce());
        let job = JobId { kind: JobKind::Invitation, subject: id };
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&queue, &keys.job(&job), &keys.mailed(&id), &keys.link(&id)];
        let args = [
            job.to_string().into(),
            version.into(),
            "a***@e***.com".into(),
            keyring.seal(Sealed::Invitation, &id, b"{}").into(),
            FAR.into(),
            ROOM.into(),
            FAR.into(),
        ];
        self.decide(&scripts::JOB_ADD, names, args, "queued").await;
        self.done(JobKind::Invitation, one, version).await;
    }

    /// Its mail waits for the relay. Answers the job's version.
    pub(crate) async fn ask_for_code(&self, one: &Candidate) -> Id {
        let Seed { keys, keyring, .. } = self.0;
        let (id, version) = (one.link.id(), Id::nonce());
        let job = JobId { kind: JobKind::Code, subject: id };
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.link(&id), &keys.otp(&id), &keys.job(&job), &queue];
        let args = [
            version.into(),
            keyring.code_mac(&id, CODE).into(),
            "K7Q".into(),
            keyring.seal(Sealed::Code, &id, CODE.as_bytes()).into(),
            job.to_string().into(),
            5_u64.into(),
            Duration::from_secs(600).into(),
            Duration::from_secs(60).into(),
            CODE_LIFE.into(),
            100_u64.into(),
            ROOM.into(),
            KEEP.into(),
        ];
        self.decide(&scripts::OTP_REQUEST, names, args, "sent").await;
        version
    }

    async fn slip(&self, one: &Candidate, times: usize) {
        for nth in 1..=times {
            self.type_in(one, "000000", if nth == 3 { "locked" } else { "wrong" }).await;
        }
    }

    pub(crate) async fn verify(&self, one: &Candidate) {
        self.type_in(one, CODE, "accepted").await;
    }

    async fn type_in(&self, one: &Candidate, code: &str, expected: &str) {
        let Seed { keys, keyring, .. } = self.0;
        let id = one.link.id();
        let job = JobId { kind: JobKind::Code, subject: id };
        let args = [
            Id::nonce().into(),
            keyring.code_macs(&id, code).into(),
            CODE_LIFE.into(),
            3_u64.into(),
            Duration::from_secs(600).into(),
            Duration::from_secs(86_400).into(),
            100_u64.into(),
            Duration::from_secs(900).into(),
        ];
        let names = [&keys.link(&id), &keys.otp(&id), &keys.seat(&id), &keys.job(&job)];
        self.decide(&scripts::OTP_VERIFY, names, args, expected).await;
    }

    async fn start(&self, one: &Candidate) -> Id {
        let keys = &self.0.keys;
        let (id, version) = (one.link.id(), Id::nonce());
        let job = JobId { kind: JobKind::Start, subject: id };
        let queue = keys.queue(job.kind.queue(), keys.partition(&id));
        let names = [&keys.link(&id), &keys.seat(&id), &keys.job(&job), &queue];
        let args = [version.into(), job.to_string().into(), ROOM.into(), Duration::from_secs(7 * 86_400).into()];
        self.decide(&scripts::SEAT_START, names, args, "started").await;
        version
    }

    async fn done(&self, kind: JobKind, one: &Candidate, version: Id) {
        let keys = &self.0.keys;
        let job = JobId { kind, subject: one.link.id() };
        let queue = keys.queue(kind.queue(), keys.partition(&job.subject));
        let names = [&queue, &keys.job(&job), &keys.mailed(&job.subject)];
        self.decide(&scripts::JOB_DONE, names, [job.to_string().into(), version.into()], "done").await;
    }

    async fn kill(&self, one: &Candidate) {
        let names = self.names(one);
        let [link, otp, seat, _, code, invitation, _] = &names;
        self.decide(&scripts::LINK_KILL, [link, otp, seat, code, invitation], [], "killed").await;
    }

    /// All that may be there of a link.
    pub(crate) fn names(&self, one: &Candidate) -> [Key; 7] {
        let (keys, id) = (&self.0.keys, one.link.id());
        let job = |kind| keys.job(&JobId { kind, subject: id });
        [
            keys.link(&id),
            keys.otp(&id),
            keys.seat(&id),
            keys.mailed(&id),
            job(JobKind::Code),
            job(JobKind::Invitation),
            job(JobKind::Start),
        ]
    }

    pub(crate) async fn decide<const KEYS: usize, const ARGV: usize>(
        &self,
        script: &'static Script<KEYS, ARGV>,
        keys: [&Key; KEYS],
        args: [Arg; ARGV],
        expected: &str,
    ) -> Reply {
        let reply = self.0.redis.decide(script, keys, args).await.unwrap();
        assert!(reply.is(expected), "{reply:?}");
        reply
    }
}
