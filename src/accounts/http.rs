//! The endpoints of an account.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use super::flow::{Changed, LoggedIn, Member, SignedUp};
use super::form::{SignUp, Typed};
use crate::app::App;
use crate::audit::{self, Entry, Event};
use crate::http::{Call, Problem, Reply, SessionBody, Slug, UserBody};
use crate::limits::Limit;
use crate::password::Password;
use crate::users::Login;

/// The authenticated user of a request, as Postgres has it: session and row are asked for
/// at the same time. The only way to a [`Member`].
///
/// # Errors
/// `unauthenticated`, `unavailable`.
pub(crate) async fn member(app: &App, call: &Call) -> Result<Member, Problem> {
    let bearer = call.bearer(app)?;
    app.accounts.member(&bearer).await?.ok_or_else(Problem::session_over)
}

/// POST /auth/signup
pub(crate) async fn sign_up(app: &App, call: &mut Call) -> Result<Reply, Problem> {
    let permit = call.admit(app, Limit::SignupIp).await?;
    let form = match sign_up_form(app, call).await {
        Ok(form) => form,
        // A slip in the form makes no account, and counts for none.
        Err(refused) => return Err(call.give_back(app, permit, refused).await),
    };
    let (who, name) = (audit::masked(&form.username), app.limits.name(&Login::of(&form.username)));

    match app.accounts.sign_up(&permit, form, &call.device(), call.gone()).await? {
        SignedUp::Opened(opened, user) => {
            call.audit(app, Entry::new(Event::SignUp, user.id.id(), &who));
            Ok(Reply::json(&SessionBody::of(&opened, &user)).status(StatusCode::CREATED))
        }
        SignedUp::Unopened(fault) => {
            call.audit(app, Entry::new(Event::SignUp, name, &who));
            Err(Problem::from(fault).saying("Your account was made. Log in with it in a moment."))
        }
        SignedUp::Taken { username, email } => {
            let taken = [("username", username), ("email", email)].into_iter().filter(|(_, taken)| *taken);
            let errors: Vec<_> =
                taken.map(|(field, _)| json!({"field": field, "message": "is taken already"})).collect();
            let detail = "Somebody has signed up with this already. Log in, or take another one.";
            Err(Problem::new(Slug::AlreadyTaken, detail).with("errors", errors))
        }
    }
}

async fn sign_up_form(app: &App, call: &mut Call) -> Result<SignUp, Problem> {
    let mut body = call.json(app).await?;
    let typed = Typed {
        username: body.text("username")?,
        email: body.text("email")?,
        password: body.secret("password")?.map(|text| Password::new(&text)),
        full_name: body.text("fullName")?,
    };
    typed.read(&app.rules).map_err(|wrong| Problem::fields(&wrong))
}

/// POST /auth/login
pub(crate) async fn log_in(app: &App, call: &mut Call) -> Result<Reply, Problem> {
    // Counted as a wrong try, until it turns out to be none.
    let permit = match call.admit(app, Limit::LoginIp).await {
        Ok(permit) => permit,
        Err(refused) => {
            if call.refusal_is_news() {
                // The trail tells whom a guesser is after; who goes on is told of by the requests' lines alone, for the trail is
                // bounded, and could be emptied so.
                let login = log_in_form(app, call).await.map_or_else(|_| Login::of(""), |(login, _)| login);
                let who = audit::masked(login.key());
                call.audit(app, Entry::new(Event::LogInThrottled, app.limits.name(&login), &who));
            }
            return Err(refused);
        }
    };
    let (login, password) = match log_in_form(app, call).await {
        Ok(typed) => typed,
        Err(refused) => return Err(call.give_back(app, permit, refused).await),
    };
    let (who, name) = (audit::masked(login.key()), app.limits.name(&login));

    match app.accounts.log_in(permit, &login, &password, &call.device(), call.gone()).await? {
        LoggedIn::Opened(opened, user) => {
            call.gave_back();
            call.audit(app, Entry::new(Event::LogIn, user.id.id(), &who));
            Ok(Reply::json(&SessionBody::of(&opened, &user)))
        }
        LoggedIn::Wrong => {
            call.audit(app, Entry::new(Event::LogInFailed, name, &who));
            Err(wrong_credentials("Login or password is not right. Look at both, or reset your password."))
        }
        LoggedIn::Throttled(wait, first) => {
            call.gave_back();
            if first {
                call.audit(app, Entry::new(Event::LogInThrottled, name, &who));
            }
            Err(too_many(wait))
        }
    }
}

async fn log_in_form(app: &App, call: &mut Call) -> Result<(Login, Password), Problem> {
    let mut body = call.json(app).await?;
    let (login, username, email) = (body.text("login")?, body.text("username")?, body.text("email")?);
    match (login.or(username).or(email), body.secret("password")?) {
        (Some(login), Some(password)) => Ok((Login::of(&login), Password::new(&password))),
        (Some(_), None) => Err(Problem::missing(&["password"])),
        (None, Some(_)) => Err(Problem::missing(&["login"])),
        (None, None) => Err(Problem::missing(&["login", "password"])),
    }
}

/// GET /auth/me, GET /profile
pub(crate) fn me(member: &Member) -> Reply {
    Reply::json(&UserBody::of(&member.user))
}

/// POST /auth/change-password
pub(crate) async fn change_password(app: &App, member: &Member, call: &mut Call) -> Result<Reply, Problem> {
    let mut body = call.json(app).await?;
    let [current, new] = body.secrets(["currentPassword", "newPassword"])?.map(|text| Password::new(&text));
    let own = [member.user.username.as_str(), member.user.email.as_str()];
    app.rules.check(&new, &own).map_err(|message| Problem::field("newPassword", &message))?;

    let (who, user) = (audit::masked(&member.user.username), member.user.id.id());
    match app.accounts.change_password(member, &current, &new, call.gone()).await? {
        Changed::Done => {
            call.audit(app, Entry::new(Event::PasswordChanged, user, &who));
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        Changed::Over => Err(Problem::session_over()),
        Changed::Wrong => {
            call.audit(app, Entry::new(Event::LogInFailed, user, &who));
            Err(wrong_credentials("The current password is not right."))
        }
        Changed::Throttled(wait, first) => {
            if first {
                call.audit(app, Entry::new(Event::LogInThrottled, user, &who));
            }
            Err(too_many(wait))
        }
    }
}

fn wrong_credentials(detail: &'static str) -> Problem {
    Problem::new(Slug::InvalidCredentials, detail)
}

fn too_many(wait: Duration) -> Problem {
    let detail = "Too many wrong tries under this name. Wait a little, or reset your password.";
    Problem::new(Slug::TooManyAttempts, detail).retry_after(wait)
}
