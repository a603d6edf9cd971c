//! What became of a link and of its mails, as Redis knows it until a day after the link's end.

use utoipa::ToSchema;

use super::page::State;
use super::store::Interview;
use crate::fault::Fault;
use crate::postgres::unix_ms;
use crate::redis::Reply;

/// Times are unix ms.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// When Redis said so.
    pub(super) now: u64,
    /// The candidate was let in.
    pub(super) started: Option<u64>,
    /// The newest code was asked for.
    pub(super) code_sent: Option<u64>,
    /// The newest code that was right.
    pub(super) verified: Option<u64>,
    /// The newest lock, and its end, which may be over.
    pub(super) locked: Option<u64>,
    pub(super) locked_until: Option<u64>,
    /// So many wrong codes that the link works no more.
    pub(super) worn_out: bool,
    /// None was queued, or nobody knows any more.
    pub(super) invitation_mail: Option<Mailed>,
    pub(super) code_mail: Option<Mailed>,
}

/// What became of a mail.
#[derive(Debug)]
pub(super) struct Mailed {
    pub(super) status: MailStatus,
    /// Since when; `None` where that was not noted.
    pub(super) at: Option<u64>,
    /// Attempts that failed.
    pub(super) tries: u64,
    /// The relay's words, where it did not take the mail.
    pub(super) reason: Option<String>,
}

/// Where a mail is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum MailStatus {
    /// It waits for its first attempt, or is being sent.
    Queued,
    /// The relay did not take it yet; it is tried again.
    Deferred,
    /// The relay took it.
    Accepted,
    /// The relay refused it for good.
    Refused,
    /// The code expired before the relay took it.
    Expired,
    /// The code was used, or destroyed, before the relay had answered.
    Dropped,
}

impl MailStatus {
    const ALL: [Self; 6] = [Self::Queued, Self::Deferred, Self::Accepted, Self::Refused, Self::Expired, Self::Dropped];

    /// Its name in the API and in Redis.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }
}

/// Places of the values that `lua/interview_look.lua` tells of each mail.
const INVITATION: usize = 7;
const CODE: usize = INVITATION + 4;

impl Progress {
    pub(super) fn read(reply: &Reply) -> Result<Self, Fault> {
        let time = |n| reply.number(n).map(|ms| (ms > 0).then_some(ms));
        Ok(Self {
            now: reply.number(0)?,
            started: time(1)?,
            code_sent: time(2)?,
            verified: time(3)?,
            locked: time(4)?,
            locked_until: time(5)?,
            worn_out: reply.number(6)? == 1,
            invitation_mail: Mailed::read(reply, INVITATION)?,
            code_mail: Mailed::read(reply, CODE)?,
        })
    }

    /// Of a link that was just made.
    pub(super) fn fresh(mailed: bool) -> Self {
        let queued = Mailed { status: MailStatus::Queued, at: None, tries: 0, reason: None };
        Self { invitation_mail: mailed.then_some(queued), ..Self::default() }
    }

    /// Where the interview stands. Redis hears of a start first, and its clock is the one that
    /// ends links.
    pub(super) fn state(&self, interview: &Interview) -> State {
        if interview.revoked.is_some() {
            State::Revoked
        } else if interview.started.is_some() || self.started.is_some() {
            State::Started
        } else if unix_ms(interview.expires) <= self.now {
            State::Expired
        } else {
            State::Open
        }
    }
}

impl Mailed {
    fn read(reply: &Reply, n: usize) -> Result<Option<Self>, Fault> {
        let status = reply.text(n)?;
        if status.is_empty() {
            return Ok(None);
        }
        let status = MailStatus::ALL.into_iter().find(|known| known.name() == status);
        let (at, reason) = (reply.number(n + 1)?, reply.text(n + 3)?);
        Ok(Some(Self {
            status: status.ok_or_else(|| reply.surprise())?,
            at: (at > 0).then_some(at),
            tries: reply.number(n + 2)?,
            reason: (!reason.is_empty()).then_some(reason),
        }))
    }
}
