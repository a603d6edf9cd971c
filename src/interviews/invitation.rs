//! The mail that carries a link to its candidate.

use super::store::Issued;
use crate::fault::{Dependency, Fault};
use crate::jobs::{JobId, JobKind, Jobs, NewMail};
use crate::keyring::Keyring;
use crate::link::KEEP;
use crate::mail::{EmailAddress, InvitationJob};

/// Queues it, once for each link, and answers which job it is.
///
/// # Errors
/// A [`Fault`] where Redis does not answer, or too many mails wait.
pub async fn invite(
    jobs: &Jobs,
    keyring: &Keyring,
    public_url: &str,
    issued: &Issued,
    room: u32,
) -> Result<JobId, Fault> {
    let interview = &issued.interview;
    let id = JobId { kind: JobKind::Invitation, subject: interview.link };
    let expires = interview.expires.unix_timestamp();
    let invitation = InvitationJob {
        to: interview.candidate_email.clone(),
        name: interview.candidate_name.clone(),
        position: interview.position.clone(),
        minutes: u64::try_from(interview.duration_minutes).unwrap_or(0),
        join_url: issued.join_url(public_url),
        expires,
    };
    let mail = NewMail {
        id,
        masked: &EmailAddress::mask_of(&interview.candidate_email),
        sealed: &invitation.seal(keyring, &interview.link),
        expires: expires * 1_000,
        tell_until: (expires + i64::try_from(KEEP.as_secs()).unwrap_or(0)) * 1_000,
    };
    match jobs.add(&mail, room).await? {
        true => Ok(id),
        false => Err(Fault::new(Dependency::Load, "too many mails wait in a partition")),
    }
}
