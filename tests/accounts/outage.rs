//! Members while Postgres, Redis or the relay is away: told so in time, nothing spent, and all well afterwards.

use hyper::Method;
use serde_json::{Value, json};

use crate::outage::{in_time, private_postgres, settle};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

const NEW: &str = "another horse battery";

#[derive(Clone, Copy, Debug)]
enum Outage {
    Killed,
    Silent,
}

/// Everything that needs Postgres, at once.
async fn without_postgres(app: &TestApp, ada: &Member, token: &str) -> Vec<Answer> {
    let signup = json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD});
    let change = json!({"currentPassword": PASSWORD, "newPassword": NEW});
    let name = json!({"fullName": "Ada"});
    let (login, stranger, signup, me, refresh, change, reset, profile) = tokio::join!(
        in_time(app.log_in("ada", PASSWORD)),
        in_time(app.log_in("nobody", PASSWORD)),
        in_time(app.post("/auth/signup", &signup)),
        in_time(app.me(&ada.access)),
        in_time(app.refresh(&ada.refresh)),
        in_time(app.call(Method::POST, "/auth/change-password", &ada.access, &change)),
        in_time(app.reset(token, NEW)),
        in_time(app.call(Method::PATCH, "/profile", &ada.access, &name)),
    );
    vec![login, stranger, signup, me, refresh, change, reset, profile]
}

async fn members_through_an_outage_of_postgres(outage: Outage) {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().set("postgres.url", &url).set("mail.sweep_interval", &"100ms").start().await;
    let (ada, bob) = (app.member("ada").await, app.member("robert").await);
    let second = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    let link = app.invite("candidate@example.com").await;
    app.info(&link).await.assert_status(200);
    settle(&url).await;

    match outage {
        Outage::Killed => postgres.kill().unwrap(),
        Outage::Silent => postgres.pause().unwrap(),
    }
    // Killed, it is told at once: more often than a name may be tried, for what could not be judged does not count.
    let rounds = if matches!(outage, Outage::Killed) { 6 } else { 1 };
    for _ in 0..rounds {
        for answer in without_postgres(&app, &ada, &token).await {
            answer.assert_problem(503, "unavailable");
        }
    }
    in_time(app.info(&link)).await.assert_status(200);
    in_time(app.request(&link)).await.assert_status(202);
    let asked = in_time(app.post("/auth/forgot-password", &json!({"email": bob.email}))).await;
    asked.assert_status(202);
    let list = |access: String| {
        let app = &app;
        async move { in_time(app.call(Method::GET, "/auth/sessions", &access, &Value::Null)).await }
    };
    assert_eq!(list(ada.access.clone()).await.assert_status(200).json()["items"].as_array().unwrap().len(), 2);
    in_time(app.call(Method::POST, "/auth/logout", &second.access, &Value::Null)).await.assert_status(204);
    list(second.access).await.assert_problem(401, "unauthenticated");

    match outage {
        Outage::Killed => postgres.restart().unwrap(),
        Outage::Silent => postgres.resume().unwrap(),
    }
    until("Postgres", || async { Some(app.me(&ada.access).await).filter(|answer| answer.status == 200) }).await;
    app.refresh(&ada.refresh).await.assert_status(200);
    app.log_in("ada", PASSWORD).await.assert_status(200);
    app.reset(&token, NEW).await.assert_status(204);
    let token = until("the mail that was asked for meanwhile", || async {
        app.pass(1_000);
        let mails = app.mails(&bob.email).await;
        let text = mails.first()?["text"].as_str()?.to_owned();
        Some(text.split_once("#token=")?.1.split_whitespace().next()?.to_owned())
    })
    .await;
    app.reset(&token, NEW).await.assert_status(204);
}

#[tokio::test]
async fn members_are_told_while_postgres_is_stopped() {
    members_through_an_outage_of_postgres(Outage::Killed).await;
}

#[tokio::test]
async fn members_are_told_while_postgres_is_silent() {
    members_through_an_outage_of_postgres(Outage::Silent).await;
}

async fn members_through_an_outage_of_redis(outage: Outage) {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    match outage {
        Outage::Killed => app.redis.kill().unwrap(),
        Outage::Silent => app.redis.pause().unwrap(),
    }
    let (email, unknown) = (json!({"email": ada.email}), "A".repeat(64));
    for _ in 0..2 {
        let (many, forgot, list, logout, everywhere) = tokio::join!(
            without_postgres(&app, &ada, &unknown),
            in_time(app.post("/auth/forgot-password", &email)),
            in_time(app.call(Method::GET, "/auth/sessions", &ada.access, &Value::Null)),
            in_time(app.call(Method::POST, "/auth/logout", &ada.access, &Value::Null)),
            in_time(app.call(Method::POST, "/auth/logout-all", &ada.access, &Value::Null)),
        );
        for answer in many.into_iter().chain([forgot, list, logout, everywhere]) {
            answer.assert_problem(503, "unavailable");
        }
    }

    match outage {
        Outage::Killed => app.redis.restart().unwrap(),
        Outage::Silent => app.redis.resume().unwrap(),
    }
    until("Redis", || async { Some(app.log_in("ada", PASSWORD).await).filter(|answer| answer.status == 200) }).await;
    match outage {
        // It comes back empty: whoever was logged in is so no more.
        Outage::Killed => drop(app.me(&ada.access).await.assert_problem(401, "unauthenticated")),
        Outage::Silent => {}
    }
    let signup = json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD});
    let signed_up = app.post("/auth/signup", &signup).await;
    assert!(matches!(signed_up.status, 201 | 409), "{}", signed_up.text());
    app.post("/auth/forgot-password", &email).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    app.reset(&token, NEW).await.assert_status(204);
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
async fn no_member_gets_past_a_redis_that_is_stopped() {
    members_through_an_outage_of_redis(Outage::Killed).await;
}

#[tokio::test]
async fn no_member_gets_past_a_redis_that_is_silent() {
    members_through_an_outage_of_redis(Outage::Silent).await;
}

#[tokio::test]
async fn the_mail_of_a_reset_waits_for_a_relay_that_is_down() {
    let sink = SmtpSink::start(Behaviour::Barred).await;
    let app = Setup::new().relay(&sink.url()).set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let ada = app.member("ada").await;
    app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    sink.until("a try", |seen| seen.conversations >= 1).await;
    app.log_in("ada", PASSWORD).await.assert_status(200);

    sink.behave(Behaviour::Accept);
    let mail = until("the mail", || async {
        app.pass(1_000);
        sink.seen().mails.first().cloned()
    })
    .await;
    assert_eq!(mail.to, ada.email);
    let token = mail.text.split_once("#token=").unwrap().1.split_whitespace().next().unwrap().to_owned();
    app.reset(&token, NEW).await.assert_status(204);
}
