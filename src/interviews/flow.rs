//! What recruiters do with interviews: Postgres commits first, then Redis is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::invitation::invite;
use super::kill::Killer;
use super::page::{Page, Place};
use super::progress::Progress;
use super::recruiter::Recruiter;
use super::store::{Interview, Interviews, Issued, NewInterview};
use crate::fault::Fault;
use crate::jobs::{JobId, JobKind, Jobs, Wake};
use crate::keyring::Keyring;
use crate::limits::Permit;
use crate::redis::{Keys, LOOKS_MAX, Redis, scripts};
use crate::test_recipients::TestRecipients;

/// What recruiting stands on.
#[derive(Debug)]
pub struct Parts {
    /// The worker's own client.
    pub redis: Redis,
    /// Names of keys.
    pub keys: Keys,
    /// Durable records.
    pub interviews: Interviews,
    /// Seals what is mailed.
    pub keyring: Arc<Keyring>,
    /// Wakes this node's mail worker.
    pub wake_mail: Wake,
    /// Whose new links bear a mark.
    pub tests: TestRecipients,
    /// Origin of join links.
    pub public_url: String,
    /// How long a link works, unless the interview says so.
    pub link_life: Duration,
    /// Wrong codes in all that end a link.
    pub wrong_codes_max: u32,
    /// Mails that may wait in a partition.
    pub room: u32,
}

/// Interviews, through one worker's Redis client.
#[derive(Debug)]
pub struct Recruiting(Parts);

/// An interview, and what became of it.
pub(super) type Known = (Interview, Progress);

impl Recruiting {
    /// The flow on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Makes an interview, and mails its link to the candidate. Where the mail cannot be queued
    /// the interview is taken back.
    pub(super) async fn create(
        &self,
        _: &Permit,
        recruiter: &Recruiter,
        interview: NewInterview,
        life: Option<Duration>,
    ) -> Result<Issued, Fault> {
        let Parts { interviews, tests, link_life, .. } = &self.0;
        let (link, life) = (tests.link(&interview.candidate_email), life.unwrap_or(*link_life));
        let issued = interviews.create(interview, link, Some(recruiter.user()), life).await?;
        match self.mail(&issued).await {
            Ok(()) => Ok(issued),
            Err(fault) => {
                self.take_back(&issued).await;
                Err(fault)
            }
        }
    }

    /// As well as can be: what stays is in the list, and its link was told to nobody.
    async fn take_back(&self, issued: &Issued) {
        let id = issued.interview.id;
        let gone = async {
            self.0.interviews.discard(issued).await?;
            // Its mail may be queued, where only the reply was lost.
            self.killer().kill_of(id).await
        };
        if let Err(fault) = gone.await {
            tracing::warn!(interview = %id, cause = %fault, "an interview that was answered with 503 may stay");
        }
    }

    /// Interviews within reach, the newest first, with what became of them.
    pub(super) async fn list(&self, recruiter: &Recruiter, page: Page) -> Result<(Vec<Known>, Option<Place>), Fault> {
        let (interviews, next) = self.0.interviews.list(recruiter.reach(), page).await?;
        let looks = stream::iter(interviews).map(|interview| self.look(interview));
        let mut known: Vec<Known> = looks.buffered(LOOKS_MAX).try_collect().await?;
        // What Postgres has not heard of yet may have brought one into another state.
        known.retain(|(interview, progress)| page.state.is_none_or(|state| state == progress.state(interview)));
        Ok((known, next))
    }

    /// One interview within reach, with what became of it.
    pub(super) async fn read(&self, recruiter: &Recruiter, id: Uuid) -> Result<Option<Known>, Fault> {
        match self.0.interviews.read(recruiter.reach(), id).await? {
            Some(interview) => self.look(interview).await.map(Some),
            None => Ok(None),
        }
    }

    /// Gives an interview a new link, which is so once this answers; the old one is dead after
    /// [`Self::replace`].
    pub(super) async fn reissue(&self, _: &Permit, recruiter: &Recruiter, id: Uuid) -> Result<Option<Issued>, Fault> {
        self.0.interviews.reissue(recruiter.reach(), id, self.0.link_life).await
    }

    /// Makes the links before this one dead on every node, and mails this one. Whether it was
    /// queued: the recruiter has it all the same.
    pub(super) async fn replace(&self, issued: &Issued) -> Result<bool, Fault> {
        self.kill(issued.interview.id).await?;
        let mailed = self.mail(issued).await;
        if let Err(fault) = &mailed {
            tracing::warn!(interview = %issued.interview.id, cause = %fault, "a new link is not mailed");
        }
        Ok(mailed.is_ok())
    }

    /// Takes the link away, which is so once this answers; it is dead after [`Self::kill`].
    /// `false` where there is no such interview within reach.
    pub(super) async fn revoke(&self, recruiter: &Recruiter, id: Uuid) -> Result<bool, Fault> {
        self.0.interviews.revoke(recruiter.reach(), id).await
    }

    /// Makes every link that the interview has lost dead on every node.
    pub(super) async fn kill(&self, id: Uuid) -> Result<(), Fault> {
        self.killer().kill_of(id).await
    }

    /// Where the candidate goes in.
    pub(super) fn join_url(&self, issued: &Issued) -> String {
        issued.join_url(&self.0.public_url)
    }

    async fn mail(&self, issued: &Issued) -> Result<(), Fault> {
        let Parts { redis, keys, keyring, wake_mail, public_url, room, .. } = &self.0;
        let jobs = Jobs::new(redis.clone(), keys.clone());
        wake_mail.ring(invite(&jobs, keyring, public_url, issued, *room).await?);
        Ok(())
    }

    async fn look(&self, interview: Interview) -> Result<Known, Fault> {
        let Parts { redis, keys, wrong_codes_max, .. } = &self.0;
        let link = interview.link;
        let job = |kind| keys.job(&JobId { kind, subject: link });
        let names =
            [&keys.link(&link), &keys.otp(&link), &keys.mailed(&link), &job(JobKind::Invitation), &job(JobKind::Code)];
        let reply = redis.decide(&scripts::INTERVIEW_LOOK, names, [(*wrong_codes_max).into()]).await?;
        Ok((interview, Progress::read(&reply)?))
    }

    fn killer(&self) -> Killer {
        let Parts { interviews, redis, keys, .. } = &self.0;
        Killer::new(interviews.clone(), redis.clone(), keys.clone())
    }
}
