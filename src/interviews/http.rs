//! The endpoints of interviews, for recruiters.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{LIMIT, LIMIT_MAX, Page, Place, State};
use super::progress::{MailStatus, Mailed, Progress};
use super::recruiter::Recruiter;
use super::rules;
use super::store::{Interview, Issued, NewInterview};
use crate::app::App;
use crate::audit::{Entry, Event};
use crate::http::{Call, Object, Problem, Query, Reply, Slug, rfc3339};
use crate::id::Id;
use crate::postgres::unix_ms;

/// The authenticated user of a request, who may keep interviews. The only way to a
/// [`Recruiter`] for handlers.
///
/// # Errors
/// `unauthenticated`, `forbidden`, `unavailable`.
pub(crate) async fn recruiter(app: &App, call: &Call) -> Result<Recruiter, Problem> {
    let caller = call.caller(app).await?;
    Recruiter::of(&caller).ok_or_else(|| Problem::new(Slug::Forbidden, "Only recruiters keep interviews."))
}

/// An interview, and what became of its link.
#[derive(Serialize, ToSchema)]
#[schema(as = Interview)]
#[serde(rename_all = "camelCase")]
pub(super) struct InterviewBody<'a> {
    #[schema(format = "uuid")]
    id: String,
    candidate_name: &'a str,
    candidate_email: &'a str,
    position: &'a str,
    duration_minutes: i32,
    #[schema(value_type = State)]
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    /// The link's end.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Null where none was queued, or it is not known any more.
    #[schema(required)]
    invitation_mail: Option<MailBody<'a>>,
    /// When the newest code was asked for.
    #[schema(required, format = DateTime)]
    code_sent_at: Option<String>,
    #[schema(required)]
    code_mail: Option<MailBody<'a>>,
    /// When a code was right the last time.
    #[schema(required, format = DateTime)]
    verified_at: Option<String>,
    /// When wrong codes locked the link the last time.
    #[schema(required, format = DateTime)]
    locked_at: Option<String>,
    /// The end of a lock that holds now.
    #[schema(required, format = DateTime)]
    locked_until: Option<String>,
    /// So many wrong codes that the link works no more: reissue it.
    worn_out: bool,
    /// When the candidate was let in.
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
}

/// What became of a mail.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailBody<'a> {
    #[schema(value_type = MailStatus)]
    status: &'static str,
    /// Since when it is so, where that is known.
    #[schema(required, format = DateTime)]
    at: Option<String>,
    /// Attempts that failed.
    tries: u64,
    /// The relay's words about this recipient or this letter, where it did not take them.
    #[schema(required)]
    reason: Option<&'a str>,
}

impl<'a> InterviewBody<'a> {
    fn of(interview: &'a Interview, progress: &'a Progress) -> Self {
        let started = interview.started.map(unix_ms).or(progress.started);
        Self {
            id: interview.id.to_string(),
            candidate_name: &interview.candidate_name,
            candidate_email: &interview.candidate_email,
            position: &interview.position,
            duration_minutes: interview.duration_minutes,
            state: progress.state(interview).name(),
            created_at: rfc3339(unix_ms(interview.created)),
            expires_at: rfc3339(unix_ms(interview.expires)),
            invitation_mail: progress.invitation_mail.as_ref().map(MailBody::of),
            code_sent_at: progress.code_sent.map(rfc3339),
            code_mail: progress.code_mail.as_ref().map(MailBody::of),
            verified_at: progress.verified.map(rfc3339),
            locked_at: progress.locked.map(rfc3339),
            locked_until: progress.locked_until.filter(|until| *until > progress.now).map(rfc3339),
            worn_out: progress.worn_out,
            started_at: started.map(rfc3339),
            revoked_at: interview.revoked.map(unix_ms).map(rfc3339),
        }
    }
}

impl<'a> MailBody<'a> {
    fn of(mailed: &'a Mailed) -> Self {
        let Mailed { status, at, tries, reason } = mailed;
        // What stands between us and the relay is the engineer's.
        let of_this_mail = |why: &&str| why.starts_with("recipient: ") || why.starts_with("letter: ");
        let reason = reason.as_deref().filter(of_this_mail);
        Self { status: status.name(), at: at.map(rfc3339), tries: *tries, reason }
    }
}

/// The same, with the link that is told now or never.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedInterview)]
#[serde(rename_all = "camelCase")]
pub(super) struct IssuedBody<'a> {
    #[serde(flatten)]
    interview: InterviewBody<'a>,
    /// The candidate's way in.
    #[schema(format = "uri")]
    join_url: String,
}

/// POST /interviews
pub(crate) async fn create(app: &App, recruiter: &Recruiter, call: &mut Call) -> Result<Reply, Problem> {
    let (interview, life) = read_form(&mut call.json(app).await?)?;
    let permit = call.admit_invitation(app, recruiter.user()).await?;
    let issued = app.recruiting.create(&permit, recruiter, interview, life).await?;
    let id = issued.interview.id.to_string();
    let subject = Id::first_of(issued.interview.id.as_bytes());
    call.audit(app, Entry::new(Event::InterviewCreated, subject, &id).by(recruiter.user()));
    let location = HeaderValue::from_str(&format!("/interviews/{id}")).expect("an id is header text");
    Ok(reply_with_link(app, &issued, true).status(StatusCode::CREATED).header(LOCATION, location))
}

/// Every member, judged all at once.
fn read_form(body: &mut Object) -> Result<(NewInterview, Option<Duration>), Problem> {
    let (name, email) = (body.text("candidateName")?, body.text("candidateEmail")?);
    let (position, minutes) = (body.text("position")?, body.number("durationMinutes")?);
    let hours = body.number("expiresInHours")?;

    let mut wrong = Vec::new();
    let name = judge("candidateName", name, |name| rules::text(&name), &mut wrong);
    let email = judge("candidateEmail", email, |email| rules::email(&email), &mut wrong);
    let position = judge("position", position, |position| rules::text(&position), &mut wrong);
    let minutes = judge("durationMinutes", minutes, rules::minutes, &mut wrong);
    let life = hours.and_then(|hours| judge("expiresInHours", Some(hours), rules::life, &mut wrong));
    match (name, email, position, minutes) {
        (Some(candidate_name), Some(candidate_email), Some(position), Some(duration_minutes)) if wrong.is_empty() => {
            Ok((NewInterview { candidate_name, candidate_email, position, duration_minutes }, life))
        }
        _ => Err(Problem::fields(&wrong)),
    }
}

fn judge<T, U>(
    field: &'static str,
    member: Option<T>,
    rule: impl FnOnce(T) -> Result<U, String>,
    wrong: &mut Vec<(&'static str, String)>,
) -> Option<U> {
    let judged = member.map_or_else(|| Err("is required".to_owned()), rule);
    judged.map_err(|message| wrong.push((field, message))).ok()
}

/// A page of interviews.
#[derive(Serialize, ToSchema)]
#[schema(as = InterviewList)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListBody<'a> {
    items: Vec<InterviewBody<'a>>,
    /// For the next page; null where this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// GET /interviews
pub(crate) async fn list(app: &App, recruiter: &Recruiter, call: &Call) -> Result<Reply, Problem> {
    let (known, next) = app.recruiting.list(recruiter, read_page(&call.query())?).await?;
    let items = known.iter().map(|(interview, progress)| InterviewBody::of(interview, progress));
    Ok(Reply::json(&ListBody { items: items.collect(), next_cursor: next.map(|place| place.cursor()) }))
}

fn read_page(query: &Query<'_>) -> Result<Page, Problem> {
    let state = query.value("state")?.map(|name| {
        let names = State::ALL.map(State::name).join(", ");
        State::named(&name).ok_or_else(|| Problem::field("state", &format!("must be one of {names}")))
    });
    let after = query.value("cursor")?.map(|cursor| {
        Place::parse(&cursor).ok_or_else(|| Problem::field("cursor", "must be the nextCursor of a page before"))
    });
    let limit = query.value("limit")?.map(|limit| {
        let fits = limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        fits.ok_or_else(|| Problem::field("limit", &format!("must be 1 to {LIMIT_MAX}")))
    });
    Ok(Page { state: state.transpose()?, after: after.transpose()?, limit: limit.transpose()?.unwrap_or(LIMIT) })
}

/// GET /interviews/{id}
pub(crate) async fn read(app: &App, recruiter: &Recruiter, id: Uuid) -> Result<Reply, Problem> {
    let (interview, progress) = app.recruiting.read(recruiter, id).await?.ok_or_else(no_such_interview)?;
    Ok(Reply::json(&InterviewBody::of(&interview, &progress)))
}

/// POST /interviews/{id}/reissue
pub(crate) async fn reissue(app: &App, recruiter: &Recruiter, id: Uuid, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit_invitation(app, recruiter.user()).await?;
    let issued = app.recruiting.reissue(&permit, recruiter, id).await?.ok_or_else(no_such_interview)?;
    // Postgres has decided: it is so, whether or not Redis can be told.
    let subject = Id::first_of(id.as_bytes());
    call.audit(app, Entry::new(Event::LinkReissued, subject, id.to_string()).by(recruiter.user()));
    let mailed = app.recruiting.replace(&issued).await?;
    Ok(reply_with_link(app, &issued, mailed))
}

/// DELETE /interviews/{id}
pub(crate) async fn revoke(app: &App, recruiter: &Recruiter, id: Uuid, call: &Call) -> Result<Reply, Problem> {
    if !app.recruiting.revoke(recruiter, id).await? {
        return Err(no_such_interview());
    }
    let subject = Id::first_of(id.as_bytes());
    call.audit(app, Entry::new(Event::LinkRevoked, subject, id.to_string()).by(recruiter.user()));
    app.recruiting.kill(id).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn reply_with_link(app: &App, issued: &Issued, mailed: bool) -> Reply {
    let progress = Progress::fresh(mailed);
    let interview = InterviewBody::of(&issued.interview, &progress);
    Reply::json(&IssuedBody { interview, join_url: app.recruiting.join_url(issued) })
}

/// The same words whether there is none, or it is somebody else's.
fn no_such_interview() -> Problem {
    Problem::new(Slug::NotFound, "You have no such interview.")
}
