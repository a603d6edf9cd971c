//! Test recipients: a load test computes their codes and reset tokens, and nobody computes anybody else's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::members::{Member, PASSWORD};
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn ahead(by: Duration) -> String {
    (OffsetDateTime::now_utc() + by).format(&Rfc3339).unwrap()
}

fn setup(sink: &SmtpSink) -> Setup {
    Setup::new()
        .relay(&sink.url())
        .set("test_recipients.domain", &"load.test")
        .set("test_recipients.until", &ahead(Duration::HOUR))
        .set("test_recipients.key", &KEY)
}

fn mac(key: &str, what: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), what.as_bytes())
}

/// As the documentation says.
fn code(key: &str, link: &Link, mark: &str) -> String {
    let mac = mac(key, &format!("code:{}:{mark}", link.token));
    let number = mac.as_ref()[..6].iter().fold(0, |number, byte| (number << 8) + u64::from(*byte));
    format!("{:06}", number % 1_000_000)
}

fn reset_token(member: &Member, version: u32) -> String {
    let id = uuid::Uuid::parse_str(&member.id).unwrap();
    let mac = mac(KEY, &format!("reset:{id}:{version}"));
    URL_SAFE_NO_PAD.encode([id.as_bytes(), mac.as_ref()].concat())
}

async fn counted(app: &TestApp, what: &str) -> f64 {
    let series = format!("vestibule_test_recipients_total{{what=\"{what}\"}}");
    let mut sum = 0.0;
    for node in &app.nodes {
        sum += app.scrape_at(node.admin).await.value(&series);
    }
    sum
}

#[tokio::test]
async fn on_a_fleet_they_get_in_without_a_mail_and_nobody_else_does() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = setup(&sink).nodes(2).start().await;
    let ada = app.invite_with("ada@load.test", &["--mail"]).await;
    let mark = app.request(&ada).await.assert_status(202).text_of("ref");
    // Whoever has another key computes nothing, and spends an attempt as anybody does.
    let wrong = code(&"x".repeat(32), &ada, &mark);
    app.verify(&ada, &wrong).await.assert_problem(401, "otp-incorrect");
    let right = format!(r#"{{"otp":"{}"}}"#, code(KEY, &ada, &mark));
    let session = app.http.post_json(&app.nodes[1].url(&ada, "verify-otp"), &right).await.assert_status(200);
    app.begin(&ada, &session.text_of("sessionToken")).await.assert_status(201);
    app.verify(&ada, &code(KEY, &ada, &mark)).await.assert_problem(401, "otp-expired");

    // Everybody else's code comes by mail; a new link of an interview is as any.
    let bob = app.invite("bob@example.com").await;
    let again = app.reissue(&ada).await;
    for link in [&bob, &again] {
        let mark = app.request(link).await.assert_status(202).text_of("ref");
        app.verify(link, &code(KEY, link, &mark)).await.assert_problem(401, "otp-incorrect");
    }
    let mailed = sink.mail_to("bob@example.com", 1).await.subject[..6].to_owned();
    app.verify(&bob, &mailed).await.assert_status(200);
    until("the invitation and a code", async || (counted(&app, "mail").await >= 2.0).then_some(())).await;
    assert!(sink.seen().mails.iter().all(|mail| mail.to == "bob@example.com"), "a relay was asked");
    assert!(app.scrape().await.value("vestibule_test_recipients_on") > 0.0);
    let checked = String::from_utf8(app.run(&["check"]).await.stdout).unwrap();
    assert!(checked.contains("TEST RECIPIENTS: whoever has") && !checked.contains(KEY), "{checked}");
}

#[tokio::test]
async fn members_among_them_reset_their_passwords_and_recruiters_do_not() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = setup(&sink).start().await;
    let member = async |name: &str| {
        let body = json!({"username": name, "email": format!("{name}@load.test"), "password": PASSWORD});
        Member::of(&app.post("/auth/signup", &body).await.assert_status(201).json(), PASSWORD)
    };
    let (ada, rita) = (member("ada").await, member("rita").await);
    let output = app.run(&["user", "role", "rita", "recruiter"]).await;
    assert!(output.status.success(), "{output:?}");
    for who in [&rita, &ada] {
        app.post("/auth/forgot-password", &json!({"email": who.email})).await.assert_status(202);
    }
    // Rita's mail is dropped, too: nobody has that address.
    until("both mails", async || (counted(&app, "mail").await >= 2.0).then_some(())).await;
    app.reset(&reset_token(&rita, 1), "another password").await.assert_problem(401, "reset-token-invalid");
    app.reset(&reset_token(&ada, 2), "another password").await.assert_problem(401, "reset-token-invalid");
    app.reset(&reset_token(&ada, 1), "another password").await.assert_status(204);
    app.me(&ada.access).await.assert_status(401);
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", "another password").await.assert_status(200);
    app.reset(&reset_token(&ada, 1), "a third password").await.assert_problem(401, "reset-token-invalid");
    assert!((counted(&app, "reset").await - 1.0).abs() < f64::EPSILON);
    assert!(sink.seen().mails.is_empty());
}

#[tokio::test]
async fn after_their_time_there_are_none_without_a_restart() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = setup(&sink).start().await;
    let (before, after) = (app.invite("ada@load.test").await, app.invite("bob@load.test").await);
    let mark = app.request(&before).await.assert_status(202).text_of("ref");
    let ends = app.node_with(&[("test_recipients.until", &ahead(Duration::SECOND))]).await;
    until("the end", async || {
        let on = app.scrape_at(ends.admin).await.value("vestibule_test_recipients_on");
        (on < 0.5).then_some(())
    })
    .await;
    let mark_after = app.http.post(&ends.url(&after, "request-otp")).await.assert_status(202).text_of("ref");
    let computed = format!(r#"{{"otp":"{}"}}"#, code(KEY, &after, &mark_after));
    app.http.post_json(&ends.url(&after, "verify-otp"), &computed).await.assert_problem(401, "otp-incorrect");
    // What was given before works as long as any code does.
    let computed = format!(r#"{{"otp":"{}"}}"#, code(KEY, &before, &mark));
    app.http.post_json(&ends.url(&before, "verify-otp"), &computed).await.assert_status(200);
    assert!(sink.seen().mails.is_empty(), "a relay was asked");
}
