//! The two endpoints of a reset.

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::flow::{Done, Failed};
use super::token::ResetToken;
use crate::app::App;
use crate::audit::{self, Entry, Event};
use crate::http::{Call, Problem, Reply, Slug};
use crate::limits::Limit;
use crate::mail::EmailAddress;
use crate::password::Password;
use crate::users::{Login, tidy};

/// The same for every address.
#[derive(Serialize, ToSchema)]
#[schema(as = ResetAsked)]
pub(super) struct AskedBody {
    /// For people.
    message: &'static str,
}

/// POST /auth/forgot-password
pub(crate) async fn forgot_password(app: &App, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit(app, Limit::ForgotIp).await?;
    let email = call.json(app).await?.text("email")?.ok_or_else(|| Problem::field("email", "is required"))?;
    let email = EmailAddress::parse(&tidy(&email))
        .ok_or_else(|| Problem::field("email", "must be an e-mail address, as ada@example.com"))?;
    app.reset.ask(&permit, &email).await?;
    let name = app.limits.name(&Login::of(email.as_str()));
    call.audit(app, Entry::new(Event::ResetAsked, name, email.masked()));
    let message = "If somebody has signed up with this address, a link to reset the password is on its way to it.";
    Ok(Reply::json(&AskedBody { message }).status(StatusCode::ACCEPTED))
}

/// POST /auth/reset-password
pub(crate) async fn reset_password(app: &App, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit(app, Limit::ResetIp).await?;
    let mut body = call.json(app).await?;
    let (token, password) = match (body.token("token")?, body.secret("newPassword")?) {
        (Some(token), Some(password)) => (token, Password::new(&password)),
        (Some(_), None) => return Err(Problem::missing(&["newPassword"])),
        (None, Some(_)) => return Err(Problem::missing(&["token"])),
        (None, None) => return Err(Problem::missing(&["token", "newPassword"])),
    };
    // What anybody may know of the rules, before anything is looked up.
    app.rules.check(&password, &[]).map_err(|message| Problem::field("newPassword", &message))?;
    let token = ResetToken::parse(&token).ok_or_else(bad_token)?;

    match app.reset.reset(&permit, &token, &password, call.gone()).await {
        Ok(Done::Set(user)) => {
            call.audit(app, Entry::new(Event::ResetDone, user.id.id(), audit::masked(&user.username)));
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        Ok(Done::Refused(message)) => Err(Problem::field("newPassword", &message)),
        Ok(Done::BadToken) => Err(bad_token()),
        Err(Failed::Before(fault)) => Err(fault.into()),
        Err(Failed::After(fault)) => {
            Err(Problem::from(fault).saying("This link is spent, but something failed. Please ask for a new link."))
        }
    }
}

/// The same words whether it expired, was used, was superseded or never was.
fn bad_token() -> Problem {
    Problem::new(Slug::ResetTokenInvalid, "This link does not work (any more). Ask for a new one.")
}
