//! The endpoints of sessions.

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::flow::Exchanged;
use crate::access::{Caller, RefreshToken};
use crate::app::App;
use crate::audit::{Entry, Event};
use crate::http::authz;
use crate::http::{Call, Problem, Reply, SessionBody, Slug, rfc3339};
use crate::id::Id;
use crate::users::Role;

/// POST /auth/refresh
pub(crate) async fn refresh(app: &App, call: &mut Call) -> Result<Reply, Problem> {
    let token = call.json(app).await?.token("refreshToken")?;
    let token = token.ok_or_else(|| Problem::field("refreshToken", "is required"))?;
    let token = RefreshToken::parse(&token).ok_or_else(invalid)?;

    match app.sessions.refresh(token, &call.device()).await? {
        Exchanged::Opened(opened, user) => Ok(Reply::json(&SessionBody::of(&opened, &user))),
        Exchanged::Reused(user) => {
            call.audit(app, Entry::new(Event::RefreshReused, user.id(), user.to_string()));
            Err(invalid())
        }
        Exchanged::Invalid => Err(invalid()),
    }
}

/// The same words whether it was stolen, is over or never was.
fn invalid() -> Problem {
    Problem::new(Slug::RefreshInvalid, "This session is over. Log in again.")
}

/// POST /auth/logout
pub(crate) async fn log_out(app: &App, caller: &Caller, call: &Call) -> Result<Reply, Problem> {
    app.sessions.end(caller, &caller.session()).await?;
    call.audit(app, Entry::new(Event::LoggedOut, caller.user().id(), caller.user().to_string()));
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// POST /auth/logout-all
pub(crate) async fn log_out_everywhere(app: &App, caller: &Caller, call: &Call) -> Result<Reply, Problem> {
    app.sessions.end_all(caller).await?;
    call.audit(app, Entry::new(Event::LoggedOutEverywhere, caller.user().id(), caller.user().to_string()));
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// A user's sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListBody {
    items: Vec<ItemBody>,
    /// Null: a user has few sessions, and they come at once.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A session, as its owner may see it.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionItem)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    #[schema(pattern = "^[0-9a-f]{32}$")]
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// The last log-in or refresh; reading changes nothing.
    #[schema(format = DateTime)]
    last_used: String,
    /// As it calls itself.
    #[schema(max_length = 200)]
    device: String,
    /// Of the client, when the session was last refreshed.
    address: String,
}

/// GET /auth/sessions
pub(crate) async fn list(app: &App, caller: &Caller) -> Result<Reply, Problem> {
    let living = app.sessions.list(caller).await?;
    let items = living.into_iter().map(|session| ItemBody {
        current: session.id == caller.session(),
        id: session.id.to_string(),
        created_at: rfc3339(session.created),
        last_used: rfc3339(session.used),
        device: session.device,
        address: session.address,
    });
    Ok(Reply::json(&ListBody { items: items.collect(), next_cursor: None }))
}

/// DELETE /auth/sessions/{id}
pub(crate) async fn end(app: &App, caller: &Caller, session: &Id, call: &Call) -> Result<Reply, Problem> {
    if !app.sessions.end(caller, session).await? {
        return Err(Problem::new(Slug::NotFound, "You have no such session."));
    }
    call.audit(app, Entry::new(Event::SessionEnded, caller.user().id(), caller.user().to_string()));
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// ANY /authz/user, /authz/recruiter, /authz/admin
pub(crate) fn authz(least: Role, caller: &Caller) -> Result<Reply, Problem> {
    match caller.role() >= least {
        true => Ok(authz::pass(&caller.user(), &caller.session(), caller.role().name())),
        false => Err(authz::not_allowed()),
    }
}
