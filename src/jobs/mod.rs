//! Work that a decision left behind: queued by the same script, carried out at least once.
//!
//! A queue is a sorted set of job ids by the time they fall due; a job is a hash with a
//! life of its own. Taking a job moves its due time on, so that it falls due again if its
//! taker dies; what was done, superseded or expired is dropped.

mod oldest;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

pub use self::worker::{Outcome, Pace, run};
use crate::fault::Fault;
use crate::id::Id;
use crate::redis::{Arg, Keys, Partition, Redis, scripts};

/// How long a line of a refused job is kept for the engineer.
const REFUSED_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Jobs that one look at a queue lists: more are seen by the next.
const DUE_MAX: u64 = 32;

/// Where a job waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Queue {
    /// For the mail relay.
    Mail,
    /// For Postgres: that an interview has started.
    Starts,
    /// For Postgres: who has asked for a reset.
    Resets,
}

impl Queue {
    /// Its name in the keyspace.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Starts => "starts",
            Self::Resets => "resets",
        }
    }
}

/// What a job does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobKind {
    /// Mails a one-time code.
    Code,
    /// Mails an invitation.
    Invitation,
    /// Writes the time of a start.
    Start,
    /// Mails a link that sets a new password.
    Reset,
    /// Mails that the password was changed.
    Notice,
    /// Looks up who has asked for a reset, and decides whether a link is mailed.
    Forgot,
}

/// A job of a subject: one of each kind, a newer one takes the older one's place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JobId {
    /// What it does.
    pub kind: JobKind,
    /// The link, the user or, while it is not known whose it is, the address.
    pub subject: Id,
}

impl JobKind {
    const ALL: [Self; 6] = [Self::Code, Self::Invitation, Self::Start, Self::Reset, Self::Notice, Self::Forgot];

    /// Its name in job ids and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Invitation => "invitation",
            Self::Start => "start",
            Self::Reset => "reset",
            Self::Notice => "notice",
            Self::Forgot => "forgot",
        }
    }

    /// Where such jobs wait.
    #[must_use]
    pub fn queue(self) -> Queue {
        match self {
            Self::Code | Self::Invitation | Self::Reset | Self::Notice => Queue::Mail,
            Self::Start => Queue::Starts,
            Self::Forgot => Queue::Resets,
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.name(), self.subject)
    }
}

impl FromStr for JobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, subject) = text.split_once('-').ok_or(())?;
        let kind = JobKind::ALL.into_iter().find(|known| known.name() == kind).ok_or(())?;
        Ok(Self { kind, subject: Id::parse(subject).ok_or(())? })
    }
}

/// A job that this node has taken.
#[derive(Debug)]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// Which version of it: the nonce of the decision that queued it.
    pub version: String,
    /// Attempts that failed before this one.
    pub tries: u32,
    /// Since when it waits.
    pub queued: Instant,
    /// It is not worth carrying out after this.
    pub expires: Instant,
    fields: HashMap<String, String>,
}

impl Job {
    /// A field of the hash; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// What one look at a partition's queue sees.
struct Due {
    /// Jobs in it, those put off included.
    waiting: u64,
    /// Since when the first of `jobs` is due.
    overdue: Duration,
    jobs: Vec<JobId>,
}

/// Wakes this node's workers for a job that it has just queued. Where the message is lost
/// the next sweep finds the job.
#[derive(Clone, Debug)]
pub struct Wake(mpsc::Sender<JobId>);

/// Messages under way to a worker; the sweep finds what finds no room.
const WAKE_ROOM: usize = 1_024;

impl Wake {
    /// A bell and its ear.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<JobId>) {
        let (sender, receiver) = mpsc::channel(WAKE_ROOM);
        (Self(sender), receiver)
    }

    /// Tells the worker that this job is due.
    pub fn ring(&self, job: JobId) {
        if self.0.try_send(job).is_err() {
            tracing::debug!(job = %job, "the worker is not woken; its sweep will find the job");
        }
    }
}

/// A mail that belongs to no other decision.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// Which.
    pub id: JobId,
    /// Address, as it may be shown.
    pub masked: &'a str,
    /// What the mail needs, sealed.
    pub sealed: &'a str,
    /// Unix ms after which it is not worth sending.
    pub expires: i64,
    /// Unix ms until which somebody may ask what became of it.
    pub tell_until: i64,
}

/// The queues, through one Redis client.
#[derive(Clone, Debug)]
pub struct Jobs {
    redis: Redis,
    keys: Keys,
}

impl Jobs {
    /// Queues behind `redis`.
    #[must_use]
    pub fn new(redis: Redis, keys: Keys) -> Self {
        Self { redis, keys }
    }

    /// Queues a mail where at most `room` wait; `false` where there is no room.
    ///
    /// # Errors
    /// A [`Fault`] where Redis did not answer.
    pub async fn add(&self, mail: &NewMail<'_>, room: u32) -> Result<bool, Fault> {
        let args = [
            mail.id.to_string().into(),
            Id::nonce().into(),
            mail.masked.into(),
            mail.sealed.into(),
            mail.expires.into(),
            room.into(),
            mail.tell_until.into(),
        ];
        let (subject, job) = (&mail.id.subject, self.keys.job(&mail.id));
        let keys = [&self.queue_of(&mail.id), &job, &self.keys.mailed(subject), &self.keys.link(subject)];
        let reply = self.redis.decide(&scripts::JOB_ADD, keys, args).await?;
        match reply.word() {
            "queued" | "late" | "dead" => Ok(true),
            "full" => Ok(false),
            _ => Err(reply.surprise()),
        }
    }

    async fn due(&self, queue: Queue, partition: Partition) -> Result<Due, Fault> {
        let key = self.keys.queue(queue, partition);
        let reply = self.redis.decide(&scripts::JOB_DUE, [&key], [DUE_MAX.into()]).await?;
        Ok(Due {
            waiting: reply.number(0)?,
            overdue: Duration::from_millis(reply.number(1)?),
            jobs: reply.texts().skip(2).filter_map(|id| id.parse().ok()).collect(),
        })
    }

    async fn claim(&self, id: &JobId, lease: Duration) -> Result<Option<Job>, Fault> {
        let now = Instant::now();
        let args = [id.to_string().into(), lease.into(), Id::nonce().into()];
        let keys = [&self.queue_of(id), &self.keys.job(id), &self.keys.link(&id.subject)];
        let reply = self.redis.decide(&scripts::JOB_CLAIM, keys, args).await?;
        if !reply.is("taken") {
            return Ok(None);
        }
        let (age, left) = (Duration::from_millis(reply.number(0)?), Duration::from_millis(reply.number(1)?));
        let mut fields = HashMap::new();
        let mut texts = reply.texts().skip(2);
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            fields.insert(name, value);
        }
        let version = fields.get("version").cloned().ok_or_else(|| reply.surprise())?;
        let tries = fields.get("tries").and_then(|tries| tries.parse().ok()).unwrap_or(0);
        // A machine that has just started may have no name for a time so long ago.
        let queued = now.checked_sub(age).unwrap_or(now);
        Ok(Some(Job { id: *id, version, tries, queued, expires: now + left, fields }))
    }

    async fn done(&self, job: &Job) -> Result<(), Fault> {
        let args = [job.id.to_string().into(), (&job.version).into()];
        let keys = [&self.queue_of(&job.id), &self.keys.job(&job.id), &self.keys.mailed(&job.id.subject)];
        let reply = self.redis.decide(&scripts::JOB_DONE, keys, args).await?;
        if reply.is("done") {
            self.redis.metrics().job_took(job.id.kind.name(), Duration::from_millis(reply.number(0)?));
        }
        Ok(())
    }

    async fn defer(&self, job: &Job, delay: Duration, why: &str) -> Result<(), Fault> {
        let args: [Arg; 5] =
            [job.id.to_string().into(), (&job.version).into(), (job.tries + 1).into(), delay.into(), why.into()];
        let keys = [&self.queue_of(&job.id), &self.keys.job(&job.id)];
        let reply = self.redis.decide(&scripts::JOB_DEFER, keys, args).await?;
        // It may have expired while it was tried: nothing is left then that could say so.
        if reply.is("expired") || (reply.is("stale") && job.expires <= Instant::now()) {
            tracing::error!(job = %job.id, cause = why, "a job has expired before it could be carried out");
            self.redis.metrics().worked(job.id.kind.name(), "expired");
        }
        Ok(())
    }

    async fn refuse(&self, job: &Job, why: &str, keep: u32) -> Result<(), Fault> {
        let args: [Arg; 5] =
            [job.id.to_string().into(), (&job.version).into(), why.into(), keep.into(), REFUSED_LIFE.into()];
        let refused = self.keys.refused(self.keys.partition(&job.id.subject));
        let mailed = self.keys.mailed(&job.id.subject);
        let keys = [&self.queue_of(&job.id), &self.keys.job(&job.id), &refused, &mailed];
        self.redis.decide(&scripts::JOB_REFUSE, keys, args).await.map(drop)
    }

    fn queue_of(&self, id: &JobId) -> crate::redis::Key {
        self.keys.queue(id.kind.queue(), self.keys.partition(&id.subject))
    }
}
