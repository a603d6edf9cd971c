//! The four endpoints of a candidate: admit, read, decide, one match to a reply. And one for the proxy.

use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::code::OtpCode;
use super::flow::{Requested, Seat, Started, Verified};
use crate::app::App;
use crate::audit::{Entry, Event};
use crate::http::authz;
use crate::http::problem::whole_seconds;
use crate::http::{Call, Problem, Reply, Slug, rfc3339};
use crate::limits::{Limit, OTP_ATTEMPT, OTP_REQUEST, Policy};
use crate::link::LinkToken;

/// Whose interview it is, and what may be done now.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkInfo)]
#[serde(rename_all = "camelCase")]
pub(super) struct InfoBody<'a> {
    candidate_name: &'a str,
    position: &'a str,
    /// Where codes go, told to those who know it.
    #[schema(examples("j***@e***.com"))]
    masked_email: &'a str,
    /// Of the link.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Seconds until a code may be requested; 0 is now.
    resend_in: u64,
    /// Seconds left of a lock; 0 is none.
    cooldown: u64,
    /// Wrong codes until the next lock.
    attempts_remaining: u64,
    /// The mark of the outstanding code, which its mail repeats.
    #[serde(rename = "ref")]
    #[schema(required, examples("K7Q"))]
    reference: Option<&'a str>,
}

/// GET /candidate-access/{token}/info
pub(crate) async fn info(app: &App, link: &LinkToken, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit(app, Limit::CandidateIp).await?;
    let Some(info) = app.candidate.info(&permit, link).await? else { return Err(no_such_link()) };
    Ok(Reply::json(&InfoBody {
        candidate_name: &info.name,
        position: &info.position,
        masked_email: &info.masked,
        expires_at: rfc3339(info.expires_ms),
        resend_in: whole_seconds(info.resend),
        cooldown: whole_seconds(info.cooldown),
        attempts_remaining: info.attempts,
        reference: info.reference.as_deref(),
    }))
}

/// A code is on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = CodeSent)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestedBody {
    /// For people.
    #[schema(examples("Verification code sent to j***@e***.com"))]
    message: String,
    #[schema(examples("j***@e***.com"))]
    masked_email: String,
    /// Seconds that the code works.
    expires_in: u64,
    /// Seconds until the next one may be requested.
    resend_in: u64,
    /// Codes that may still be requested in this window.
    requests_remaining: u64,
    /// The mark of this code, which its mail repeats.
    #[serde(rename = "ref")]
    #[schema(examples("K7Q"))]
    reference: String,
}

/// POST /candidate-access/{token}/request-otp
pub(crate) async fn request_otp(app: &App, link: &LinkToken, call: &mut Call) -> Result<Reply, Problem> {
    let limit = app.candidate.limits().otp_request;
    call.applies(Policy { name: OTP_REQUEST, max: limit.max.into(), window: Some(limit.window) });
    let permit = call.admit(app, Limit::CandidateIp).await?;

    let (slug, wait, detail) = match app.candidate.request(&permit, link).await? {
        Requested::Sent { left, reset, masked, reference } => {
            call.audit(app, Entry::new(Event::CodeSent, link.id(), &masked));
            call.stands(OTP_REQUEST, left, reset);
            // With the window full, the next code is further away than the usual wait.
            let resend = if left == 0 { limit.apart.max(reset) } else { limit.apart };
            let body = RequestedBody {
                message: format!("Verification code sent to {masked}"),
                masked_email: masked,
                expires_in: app.candidate.code_life().as_secs(),
                resend_in: whole_seconds(resend),
                requests_remaining: left,
                reference,
            };
            return Ok(Reply::json(&body).status(StatusCode::ACCEPTED));
        }
        Requested::Cooldown(wait) => (Slug::OtpCooldown, wait, COOLDOWN),
        Requested::Window(wait) => (Slug::OtpRequestLimit, wait, "Too many codes were asked for. Use the newest one."),
        Requested::Resend(wait) => (Slug::OtpResendTooSoon, wait, "A code was sent a moment ago. Look into your mail."),
        Requested::NoSuchLink => return Err(no_such_link()),
    };
    app.metrics.refused(if slug == Slug::OtpCooldown { OTP_ATTEMPT } else { OTP_REQUEST });
    call.stands(OTP_REQUEST, 0, wait);
    Err(Problem::new(slug, detail).retry_after(wait))
}

/// A session of a candidate.
#[derive(Serialize, ToSchema)]
#[schema(as = CandidateSession)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifiedBody {
    /// A JWT, for the header `x-session-token`.
    session_token: String,
    candidate_name: String,
    position: String,
    /// Of the session token.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// POST /candidate-access/{token}/verify-otp
pub(crate) async fn verify_otp(app: &App, link: &LinkToken, call: &mut Call) -> Result<Reply, Problem> {
    let max = u64::from(app.candidate.limits().otp_attempt.max);
    call.applies(Policy { name: OTP_ATTEMPT, max, window: None });
    let permit = call.admit(app, Limit::CandidateIp).await?;
    let otp = call.json(app).await?.text("otp")?.ok_or_else(|| Problem::field("otp", "is required"))?;
    let code = OtpCode::parse(&otp).ok_or_else(|| Problem::field("otp", "must be exactly six digits"))?;

    match app.candidate.verify(&permit, link, &code).await? {
        Verified::Accepted { token, name, position, expires } => {
            call.audit(app, Entry::new(Event::CodeVerified, link.id(), link.id().to_string()));
            call.stands(OTP_ATTEMPT, max, Duration::ZERO);
            Ok(Reply::json(&VerifiedBody {
                session_token: token,
                candidate_name: name,
                position,
                expires_at: rfc3339(expires * 1_000),
            }))
        }
        Verified::Wrong { left } => {
            call.stands(OTP_ATTEMPT, left, Duration::ZERO);
            Err(Problem::new(Slug::OtpIncorrect, "The code is not right. Look at the newest mail.")
                .with("attemptsRemaining", left))
        }
        Verified::Locked(wait) => {
            app.metrics.refused(OTP_ATTEMPT);
            call.audit(app, Entry::new(Event::CodeLocked, link.id(), link.id().to_string()));
            call.stands(OTP_ATTEMPT, 0, wait);
            Err(Problem::new(Slug::OtpCooldown, COOLDOWN).with("attemptsRemaining", 0).retry_after(wait))
        }
        Verified::Cooldown(wait) => {
            app.metrics.refused(OTP_ATTEMPT);
            call.stands(OTP_ATTEMPT, 0, wait);
            Err(Problem::new(Slug::OtpCooldown, COOLDOWN).retry_after(wait))
        }
        Verified::Superseded { reference } => {
            let detail = format!("A newer code was sent. Use the one from the mail marked {reference}.");
            Err(Problem::new(Slug::OtpSuperseded, detail).with("ref", reference))
        }
        Verified::Expired => Err(Problem::new(Slug::OtpExpired, "This code no longer works. Ask for a new one.")),
        Verified::NoSuchLink => Err(no_such_link()),
    }
}

/// An interview under way.
#[derive(Serialize, ToSchema)]
#[schema(as = StartedInterview)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartedBody {
    /// The same at every start of this link.
    #[schema(format = "uuid")]
    session_id: String,
    /// The same at every start of this link.
    #[schema(format = DateTime)]
    started_at: String,
    /// Of the session token.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Where the interview takes place, if this server is told.
    #[schema(required, format = "uri")]
    ws_url: Option<String>,
}

/// POST /candidate-access/{token}/start
pub(crate) async fn start(app: &App, link: &LinkToken, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit(app, Limit::CandidateIp).await?;
    let token = call.header("x-session-token");
    let token = token.ok_or_else(|| Problem::no_credentials(VERIFY_FIRST))?;
    let session = app.candidate.session(token).ok_or_else(|| Problem::bad_credentials(VERIFY_FIRST))?;
    if session.link != link.id() {
        return Err(Problem::new(Slug::Forbidden, "This session belongs to another link."));
    }
    let (status, at_ms, session_id) = match app.candidate.start(&permit, link, &session).await? {
        Started::First { at_ms, session } => (StatusCode::CREATED, at_ms, session),
        Started::Again { at_ms, session } => (StatusCode::OK, at_ms, session),
        Started::Vacant => return Err(Problem::bad_credentials(VERIFY_FIRST)),
        Started::NoSuchLink => return Err(no_such_link()),
    };
    let ws_url = app.candidate.ws_url(&session_id);
    let (started_at, expires_at) = (rfc3339(at_ms), rfc3339(session.expires * 1_000));
    Ok(Reply::json(&StartedBody { session_id, started_at, expires_at, ws_url }).status(status))
}

/// ANY /authz/candidate
///
/// Not limited: a proxy asks it for every request to the platform, and it costs no more than a refusal would.
pub(crate) async fn authz(app: &App, call: &Call) -> Result<Reply, Problem> {
    const HEADER: &str = "x-session-token";
    // A header that is there and bad is not passed over: what stands behind it is another's.
    let token = if call.has_header(HEADER) { call.header(HEADER) } else { call.bearer_token() };
    let token = token.ok_or_else(|| Problem::no_credentials(VERIFY_FIRST))?;
    let session = app.candidate.session(token).ok_or_else(|| Problem::bad_credentials(VERIFY_FIRST))?;
    let seat = app.candidate.seat(&session).await?;
    let Seat { interview, session } = seat.ok_or_else(|| Problem::bad_credentials(VERIFY_FIRST))?;
    Ok(authz::pass(&interview, &session, "candidate"))
}

const COOLDOWN: &str = "Too many wrong codes. Wait until the lock ends, then ask for a new code.";

const VERIFY_FIRST: &str = "Verify a code first: the session token is missing, wrong or over.";

/// The same words whether it expired, was revoked, was reissued over or never was.
pub(crate) fn no_such_link() -> Problem {
    Problem::new(Slug::LinkNotFound, "This link does not work (any more). Ask whoever invited you for a new one.")
}
