//! Resets: which token works, what it does, and what asking for one tells and changes.

mod jobs;
mod under_way;

use hyper::Method;
use serde_json::{Value, json};
use vestibule::id::Id;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;
use crate::support::until::until;

const NEW: &str = "another horse battery";
const TOKEN_LIFE_MS: u64 = 900_000;

async fn frozen() -> TestApp {
    let app = TestApp::start().await;
    app.clock.freeze();
    app
}

/// A node that looks at its queues often, on a Redis whose clock stands still.
async fn frozen_and_sweeping() -> TestApp {
    let app = Setup::new().set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    app
}

async fn forgot(app: &TestApp, email: &str) -> Answer {
    app.post("/auth/forgot-password", &json!({ "email": email })).await
}

/// Asks for a reset, and reads the token out of the `n`th mail with one.
async fn token(app: &TestApp, member: &Member, n: usize) -> String {
    forgot(app, &member.email).await.assert_status(202);
    let token = app.reset_token(&member.email, n).await;
    at_rest(app).await;
    token
}

/// Waits until every job is done: time may then pass without one being delivered again.
async fn at_rest(app: &TestApp) {
    until("the jobs to be done", || async {
        (!app.resp().keys().iter().any(|key| key.contains(":job:"))).then_some(())
    })
    .await;
}

async fn reset_mails(app: &TestApp, email: &str) -> usize {
    let is_reset = |mail: &&Value| mail["subject"] == "Reset your Acme password";
    app.mails(email).await.iter().filter(is_reset).count()
}

fn user_id(member: &Member) -> Id {
    Id::parse(&member.id.replace('-', "")).unwrap()
}

/// What Redis knows of a reset.
fn stored(app: &TestApp, member: &Member) -> Vec<(String, String)> {
    app.resp().hash(app.keys().reset(&user_id(member)).name())
}

/// Redis again knows of the reset what it did then, as after a failover that lost the rest.
fn put_back(app: &TestApp, member: &Member, known: &[(String, String)]) {
    let keys = app.keys();
    let key = keys.reset(&user_id(member));
    let mut resp = app.resp();
    resp.call(&["DEL", key.name()]);
    for (field, value) in known {
        resp.call(&["HSET", key.name(), field, value]);
    }
    resp.call(&["PEXPIRE", key.name(), &TOKEN_LIFE_MS.to_string()]);
}

async fn change_password(app: &TestApp, member: &Member, new: &str) -> Answer {
    let body = json!({"currentPassword": member.password, "newPassword": new});
    app.call(Method::POST, "/auth/change-password", &member.access, &body).await
}

#[tokio::test]
async fn a_link_works_for_a_quarter_of_an_hour_and_not_at_its_end() {
    let app = frozen().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let (of_ada, of_bob) = (token(&app, &ada, 1).await, token(&app, &bob, 1).await);
    app.pass(TOKEN_LIFE_MS - 1);
    app.reset(&of_ada, NEW).await.assert_status(204);
    app.pass(1);
    app.reset(&of_bob, NEW).await.assert_problem(401, "reset-token-invalid");
    app.log_in("bob", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_words_are_the_same() {
    let app = frozen().await;
    let (ada, bob, eve) = (app.member("ada").await, app.member("bob").await, app.member("eve").await);
    let expired = token(&app, &eve, 1).await;
    app.pass(TOKEN_LIFE_MS);
    let used = token(&app, &bob, 1).await;
    app.reset(&used, NEW).await.assert_status(204);
    let superseded = token(&app, &ada, 1).await;
    let newest = token(&app, &ada, 2).await;
    let last = if newest.ends_with('A') { "B" } else { "A" };
    let not_quite = format!("{}{last}", &newest[..newest.len() - 1]);
    let of_another = format!("{}{}", &used[..22], &newest[22..]);
    let never = "A".repeat(64);
    let padded = format!("{newest}=");

    let wrong = [&expired, &used, &superseded, &not_quite, &of_another, &never, &padded];
    let malformed = ["", "x", "ä", " ", &newest[1..], &"A".repeat(10_000)];
    let first = app.reset(&never, NEW).await.assert_problem(401, "reset-token-invalid");
    for token in wrong.into_iter().map(String::as_str).chain(malformed) {
        let answer = app.reset(token, NEW).await.assert_problem(401, "reset-token-invalid");
        assert_eq!(answer.body, first.body, "{token:.80}");
    }
    app.log_in("ada", PASSWORD).await.assert_status(200);
    app.reset(&newest, NEW).await.assert_status(204);
}

#[tokio::test]
async fn a_password_that_is_refused_does_not_spend_the_token() {
    let app = frozen().await;
    let ada = app.member("ada_lovelace").await;
    let token = token(&app, &ada, 1).await;
    let long = "ab".repeat(513);
    for refused in
        ["", "short", "password", "PassWord", &long, "ada_lovelace", "Ada_LoveLace", "ADA_lovelace@example.com"]
    {
        let problem = app.reset(&token, refused).await.assert_problem(422, "validation-failed").json();
        assert_eq!(problem["errors"][0]["field"], "newPassword", "{refused:.80}: {problem}");
    }
    app.me(&ada.access).await.assert_status(200);
    app.log_in("ada_lovelace", PASSWORD).await.assert_status(200);
    app.reset(&token, NEW).await.assert_status(204);
}

#[tokio::test]
async fn a_reset_ends_every_session_on_every_node_and_opens_none() {
    let app = Setup::new().nodes(2).start().await;
    let first = app.member("ada").await;
    let mut members = vec![first.clone()];
    for node in &app.nodes {
        let session = node.post(&app, "/auth/login", &json!({"login": "ada", "password": PASSWORD})).await;
        members.push(Member::of(&session.assert_status(200).json(), PASSWORD));
    }
    let token = token(&app, &first, 1).await;
    let answer = app.reset(&token, NEW).await.assert_status(204);
    assert_eq!((answer.text().as_str(), answer.header("set-cookie")), ("204 ", None));

    for node in &app.nodes {
        for member in &members {
            let me = node.call(&app, Method::GET, "/auth/me", &member.access, &Value::Null).await;
            me.assert_problem(401, "unauthenticated");
            let refreshed = node.post(&app, "/auth/refresh", &json!({"refreshToken": member.refresh})).await;
            refreshed.assert_problem(401, "refresh-invalid");
        }
        let with = |password: &str| json!({"login": "ada", "password": password});
        node.post(&app, "/auth/login", &with(PASSWORD)).await.assert_problem(401, "invalid-credentials");
    }
    let account = app.resp().hash(app.keys().account(&user_id(&first)).name());
    assert_eq!(account.iter().filter(|(_, value)| value.contains(' ')).count(), 0, "{account:?}");
    for node in app.nodes.iter().rev() {
        node.post(&app, "/auth/login", &json!({"login": "ada", "password": NEW})).await.assert_status(200);
    }
    let notice = until("a notice", || async {
        let mails = app.mails(&first.email).await;
        mails.into_iter().find(|mail| mail["subject"] == "Your Acme password was changed")
    });
    let text = notice.await["text"].as_str().unwrap().to_owned();
    assert!(text.contains("https://interviews.example.com/forgot-password"), "{text}");
    for secret in [NEW, PASSWORD, &token] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn the_link_leads_to_us_whatever_the_request_says() {
    let app = frozen().await;
    let ada = app.member("ada").await;
    let url = format!("http://{}/auth/forgot-password", app.nodes[0].public);
    let headers = [
        ("content-type", "application/json"),
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "for=203.0.113.9;host=evil.example;proto=gopher"),
        ("x-original-url", "https://evil.example/"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    let body = json!({"email": ada.email, "public_url": "https://evil.example", "url": "https://evil.example"});
    app.http.send(Method::POST, &url, &headers, &body.to_string()).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    let mail = app.mails(&ada.email).await[0].clone();
    for part in ["text", "html"] {
        let part = mail[part].as_str().unwrap();
        let start = "https://interviews.example.com/reset-password#token=";
        assert!(part.contains(&format!("{start}{token}")), "{part}");
        for forged in ["evil", "gopher", "666"] {
            assert!(!part.contains(forged), "{part}");
        }
    }
    app.reset(&token, NEW).await.assert_status(204);
}

#[tokio::test]
async fn asking_tells_nothing_and_changes_nothing() {
    let app = frozen().await;
    let ada = app.member("ada").await;
    let row = || query(&app.database, "SELECT xmin::text, users::text FROM users");
    let text = |rows: Vec<tokio_postgres::Row>| (rows[0].get::<_, String>(0), rows[0].get::<_, String>(1));
    let before = text(row().await);
    let known = forgot(&app, &ada.email).await.assert_status(202);
    for email in ["ADA@EXAMPLE.COM", " ada@example.com ", "nobody@example.com", "ada@nowhere.example"] {
        let answer = forgot(&app, email).await.assert_status(202);
        assert_eq!(answer.body, known.body, "{email}");
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&answer), names(&known), "{email}");
    }
    assert_eq!(known.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    at_rest(&app).await;
    // A request that still waits is replaced by the next one.
    let mails = reset_mails(&app, &ada.email).await;
    assert!((1..=3).contains(&mails), "{mails}");
    for email in ["ADA@EXAMPLE.COM", "nobody@example.com", "ada@nowhere.example"] {
        assert_eq!(app.mails(email).await.len(), if email.eq_ignore_ascii_case(&ada.email) { mails } else { 0 });
    }
    assert_eq!(text(row().await), before);
    app.me(&ada.access).await.assert_status(200);
    app.log_in("ada", PASSWORD).await.assert_status(200);
    app.refresh(&ada.refresh).await.assert_status(200);
}

#[tokio::test]
async fn a_reset_forgets_the_wrong_tries_under_username_and_address() {
    let app = frozen().await;
    let ada = app.member("ada").await;
    for login in [&ada.username, &ada.email] {
        for _ in 0..5 {
            app.log_in(login, "wrong").await.assert_problem(401, "invalid-credentials");
        }
        app.log_in(login, PASSWORD).await.assert_problem(429, "too-many-attempts").assert_retry_after(60);
    }
    let token = token(&app, &ada, 1).await;
    app.log_in("ada", PASSWORD).await.assert_problem(429, "too-many-attempts");
    app.reset(&token, NEW).await.assert_status(204);
    for login in [&ada.username, &ada.email] {
        // All five are back.
        for _ in 0..4 {
            app.log_in(login, "wrong").await.assert_problem(401, "invalid-credentials");
        }
        app.log_in(login, NEW).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_token_works_once_even_where_redis_forgets_that_it_did() {
    let app = frozen().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let known = stored(&app, &ada);
    assert!(!known.is_empty());
    app.reset(&token, NEW).await.assert_status(204);
    let back = Member::of(&app.log_in("ada", NEW).await.assert_status(200).json(), NEW);

    put_back(&app, &ada, &known);
    app.reset(&token, "a third horse battery").await.assert_problem(401, "reset-token-invalid");
    app.me(&back.access).await.assert_status(200);
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
async fn a_changed_password_voids_the_tokens_that_are_out() {
    let app = frozen().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let known = stored(&app, &ada);
    change_password(&app, &ada, NEW).await.assert_status(204);
    app.reset(&token, "a third horse battery").await.assert_problem(401, "reset-token-invalid");
    // Also where Redis forgets that it did.
    put_back(&app, &ada, &known);
    app.reset(&token, "a third horse battery").await.assert_problem(401, "reset-token-invalid");
    app.me(&ada.access).await.assert_status(200);
    app.log_in("ada", NEW).await.assert_status(200);
}
