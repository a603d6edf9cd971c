//! The wire to Redis breaks after a script has run: a member's first answer stands, and nothing is done twice.

use hyper::Method;
use serde_json::{Value, json};
use vestibule::redis::{Script, scripts};

use super::sessions::{assert_lives, assert_over, come_again, session_of};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;
use crate::support::wire::Wired;

const ANOTHER: &str = "another horse battery";

/// Frozen: what is found later was done, not forgotten.
async fn wired(setup: Setup) -> Option<Wired> {
    let wired = Wired::start(setup.set("mail.sweep_interval", &"100ms")).await?;
    wired.app.clock.freeze();
    Some(wired)
}

/// What is answered where the first reply to this script is lost.
async fn losing<const KEYS: usize, const ARGV: usize>(
    wired: &Wired,
    script: &Script<KEYS, ARGV>,
    request: impl Future<Output = Answer>,
) -> Answer {
    wired.wire.lose(script, 1);
    let answer = request.await;
    assert_eq!(wired.wire.lost(), 1, "no reply to {script:?} was lost: {}", answer.text());
    answer
}

async fn living(app: &TestApp, member: &Member) -> usize {
    let listed = app.call(Method::GET, "/auth/sessions", &member.access, &Value::Null).await.assert_status(200).json();
    listed["items"].as_array().unwrap().len()
}

/// Waits until no work waits, and answers the subjects of what came out of it.
async fn mails_in_all(app: &TestApp, member: &Member) -> Vec<String> {
    until("the queues to be empty", || async {
        (!app.resp().keys().iter().any(|key| key.contains(":job:"))).then_some(())
    })
    .await;
    let mails = app.mails(&member.email).await;
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

async fn forgot(app: &TestApp, member: &Member) -> Answer {
    app.post("/auth/forgot-password", &json!({"email": member.email})).await
}

#[tokio::test]
async fn a_client_is_counted_once() {
    let Some(wired) = wired(Setup::new().set("limits.signup_ip.max", &2)).await else { return };
    let sign_up = |name: &str| {
        let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
        let app = &wired.app;
        async move { app.post("/auth/signup", &body).await }
    };
    let first = losing(&wired, &scripts::ADMIT_EXACT, sign_up("ada")).await.assert_status(201);
    assert_eq!(first.header("ratelimit"), Some("\"signup_ip\";r=1;t=3600"));
    sign_up("bob").await.assert_status(201);
    sign_up("eve").await.assert_problem(429, "rate-limited").assert_retry_after(3_600);
}

#[tokio::test]
async fn a_wrong_try_is_counted_once() {
    let Some(wired) = wired(Setup::new()).await else { return };
    wired.app.member("ada").await;
    for _ in 0..5 {
        let tried = losing(&wired, &scripts::LOGIN_TRY, wired.app.log_in("ada", "wrong")).await;
        tried.assert_problem(401, "invalid-credentials");
    }
    wired.app.log_in("ada", PASSWORD).await.assert_problem(429, "too-many-attempts").assert_retry_after(60);
    wired.app.pass(60_000);
    let right = losing(&wired, &scripts::LOGIN_TRY, wired.app.log_in("ada", PASSWORD)).await;
    right.assert_status(200);
    wired.app.log_in("ada", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_try_is_given_back_once() {
    let Some(wired) = wired(Setup::new().set("limits.login_ip.max", &3)).await else { return };
    wired.app.member("ada").await;
    wired.app.log_in("ada", "wrong").await.assert_status(401);
    losing(&wired, &scripts::ADMIT_UNDO, wired.app.log_in("ada", PASSWORD)).await.assert_status(200);
    losing(&wired, &scripts::LOGIN_CLEAR, wired.app.log_in("ada", PASSWORD)).await.assert_status(200);
    // One wrong try stands against the address, and two more may come.
    for _ in 0..2 {
        wired.app.log_in("bob", "wrong").await.assert_problem(401, "invalid-credentials");
    }
    wired.app.log_in("bob", "wrong").await.assert_problem(429, "too-many-attempts");
}

#[tokio::test]
async fn one_session_is_opened() {
    // As many as there may be: one more, and the first one ends.
    let Some(wired) = wired(Setup::new().set("sessions.per_user_max", &2)).await else { return };
    let app = &wired.app;
    let signed_up = app.member("ada").await;
    let ada = losing(&wired, &scripts::SESSION_OPEN, app.log_in("ada", PASSWORD)).await.assert_status(200);
    let ada = Member::of(&ada.json(), PASSWORD);
    assert_eq!(living(app, &ada).await, 2);
    app.refresh(&ada.refresh).await.assert_status(200);
    app.refresh(&signed_up.refresh).await.assert_status(200);
}

#[tokio::test]
async fn one_generation_follows() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    let next = losing(&wired, &scripts::SESSION_REFRESH, app.refresh(&ada.refresh)).await.assert_status(200);
    let next = Member::of(&next.json(), PASSWORD);
    // Had two been exchanged, this one would not be the one before the newest.
    let again = app.refresh(&ada.refresh).await.assert_status(200).text_of("refreshToken");
    assert_eq!(again, next.refresh);
    let newest = Member::of(&app.refresh(&next.refresh).await.assert_status(200).json(), PASSWORD);
    let stolen = losing(&wired, &scripts::SESSION_REFRESH, app.refresh(&ada.refresh)).await;
    stolen.assert_problem(401, "refresh-invalid");
    assert_over(app, &app.nodes[0], &newest).await;
}

#[tokio::test]
async fn a_session_is_ended_and_its_end_is_told() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    let other = come_again(app, &ada).await;
    let path = format!("/auth/sessions/{}", session_of(&other.access));
    let end = || app.call(Method::DELETE, &path, &ada.access, &Value::Null);
    losing(&wired, &scripts::SESSION_END, end()).await.assert_status(204);
    assert_over(app, &app.nodes[0], &other).await;
    losing(&wired, &scripts::SESSION_END, end()).await.assert_problem(404, "not-found");
    assert_lives(app, &app.nodes[0], &ada).await;
    let log_out = app.call(Method::POST, "/auth/logout", &ada.access, &Value::Null);
    losing(&wired, &scripts::SESSION_END, log_out).await.assert_status(204);
    assert_over(app, &app.nodes[0], &ada).await;
}

#[tokio::test]
async fn every_session_is_ended() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    let other = come_again(app, &ada).await;
    let log_out = app.call(Method::POST, "/auth/logout-all", &ada.access, &Value::Null);
    losing(&wired, &scripts::SESSION_END_ALL, log_out).await.assert_status(204);
    for member in [&ada, &other] {
        app.me(&member.access).await.assert_problem(401, "unauthenticated");
        app.refresh(&member.refresh).await.assert_problem(401, "refresh-invalid");
    }
}

#[tokio::test]
async fn sessions_whose_end_nobody_heard_of_are_over() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    let other = come_again(app, &ada).await;
    wired.wire.lose(&scripts::SESSION_END_ALL, 2);
    let log_out = app.call(Method::POST, "/auth/logout-all", &ada.access, &Value::Null).await;
    log_out.assert_problem(503, "unavailable");
    assert_eq!(wired.wire.lost(), 2);
    for member in [&ada, &other] {
        until("the node to recover", || async { (app.me(&member.access).await.status == 401).then_some(()) }).await;
        app.refresh(&member.refresh).await.assert_problem(401, "refresh-invalid");
    }
}

#[tokio::test]
async fn a_changed_password_is_told_of_once() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    let other = come_again(app, &ada).await;
    let mut password = PASSWORD;
    for (n, next) in [ANOTHER, PASSWORD].into_iter().enumerate() {
        let body = json!({"currentPassword": password, "newPassword": next});
        let changed = app.call(Method::POST, "/auth/change-password", &ada.access, &body);
        let changed = match n {
            0 => losing(&wired, &scripts::PASSWORD_CHANGED, changed).await,
            _ => losing(&wired, &scripts::PASSWORD_CHANGING, changed).await,
        };
        changed.assert_status(204);
        password = next;
        assert_eq!(mails_in_all(app, &ada).await, vec!["Your Acme password was changed"; n + 1]);
        app.me(&other.access).await.assert_problem(401, "unauthenticated");
        assert_lives(app, &app.nodes[0], &ada).await;
        assert_eq!(living(app, &ada).await, 1);
        app.log_in("ada", password).await.assert_status(200);
        // The next notice does not wait.
        app.pass(900_000);
    }
}

#[tokio::test]
async fn a_reset_is_asked_for_once() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    losing(&wired, &scripts::FORGOT_ADD, forgot(app, &ada)).await.assert_status(202);
    assert_eq!(mails_in_all(app, &ada).await.len(), 1);
    // Of the three that an address is sent, two are left.
    for expected in [2, 3, 3] {
        forgot(app, &ada).await.assert_status(202);
        assert_eq!(mails_in_all(app, &ada).await.len(), expected);
    }
    let token = app.reset_token(&ada.email, 3).await;
    app.reset(&token, ANOTHER).await.assert_status(204);
}

#[tokio::test]
async fn a_reset_token_is_stored_and_mailed_once() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    wired.wire.lose(&scripts::RESET_STORE, 1);
    forgot(app, &ada).await.assert_status(202);
    assert_eq!(mails_in_all(app, &ada).await.len(), 1);
    assert_eq!(wired.wire.lost(), 1);
    let token = app.reset_token(&ada.email, 1).await;
    app.reset(&token, ANOTHER).await.assert_status(204);
    app.log_in("ada", ANOTHER).await.assert_status(200);
}

#[tokio::test]
async fn a_reset_token_is_spent_once_and_sets_the_password() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    forgot(app, &ada).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    losing(&wired, &scripts::RESET_TAKE, app.reset(&token, ANOTHER)).await.assert_status(204);
    app.reset(&token, PASSWORD).await.assert_problem(401, "reset-token-invalid");
    app.me(&ada.access).await.assert_problem(401, "unauthenticated");
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", ANOTHER).await.assert_status(200);
    assert_eq!(mails_in_all(app, &ada).await.len(), 2, "the link, and the notice");
}

#[tokio::test]
async fn a_reset_token_whose_taking_nobody_heard_of_is_spent() {
    let Some(wired) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let ada = app.member("ada").await;
    forgot(app, &ada).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    wired.wire.lose(&scripts::RESET_TAKE, 2);
    let failed = app.reset(&token, ANOTHER).await.assert_problem(503, "unavailable");
    assert_eq!(wired.wire.lost(), 2);
    assert!(failed.text_of("detail").contains("ask for a new link"), "{}", failed.text());
    until("the node to recover", || async { (app.me(&ada.access).await.status == 401).then_some(()) }).await;
    app.reset(&token, ANOTHER).await.assert_problem(401, "reset-token-invalid");
    app.log_in("ada", PASSWORD).await.assert_status(200);
    forgot(app, &ada).await.assert_status(202);
    let token = app.reset_token(&ada.email, 2).await;
    app.reset(&token, ANOTHER).await.assert_status(204);
}
