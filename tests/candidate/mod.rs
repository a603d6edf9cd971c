//! A candidate gets in: the flow, its refusals, its limits.

mod concurrency;
mod edges;
mod flow;
mod links;
mod lost_reply;
mod model;
mod refusals;
mod start;
mod trips;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::TestApp;
use crate::support::app::{Link, Node};
use crate::support::http::Answer;

/// An app whose Redis stands still until the test lets time pass.
async fn frozen() -> TestApp {
    let app = TestApp::start().await;
    app.clock.freeze();
    app
}

/// Six digits that are not these.
fn not(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// Types a wrong code so many times; the last answer.
async fn miss(app: &TestApp, link: &Link, code: &str, times: usize) -> Answer {
    for _ in 1..times {
        app.verify(link, &not(code)).await;
    }
    app.verify(link, &not(code)).await
}

/// What a problem tells beside the members that every problem has.
#[track_caller]
fn extras(answer: &Answer) -> Value {
    let mut problem = answer.json();
    for member in ["type", "title", "status", "detail"] {
        assert!(problem.as_object_mut().unwrap().remove(member).is_some(), "{member}: {}", answer.text());
    }
    problem
}

/// The part of `info` that moves: resendIn, cooldown, attemptsRemaining, ref.
async fn state(app: &TestApp, link: &Link) -> Value {
    let info = app.info(link).await.assert_status(200).json();
    json!([info["resendIn"], info["cooldown"], info["attemptsRemaining"], info["ref"]])
}

/// Unix seconds of a time as the API writes it: whole seconds, Z.
#[track_caller]
fn seconds(time: &str) -> i64 {
    assert!(time.len() == 20 && time.ends_with('Z'), "{time} is not whole seconds in UTC");
    OffsetDateTime::parse(time, &Rfc3339).unwrap().unix_timestamp()
}

async fn info_on(app: &TestApp, node: &Node, link: &Link) -> Answer {
    app.http.get(&node.url(link, "info")).await
}

async fn request_on(app: &TestApp, node: &Node, link: &Link) -> Answer {
    app.http.post(&node.url(link, "request-otp")).await
}

async fn verify_on(app: &TestApp, node: &Node, link: &Link, code: &str) -> Answer {
    app.http.post_json(&node.url(link, "verify-otp"), &format!(r#"{{"otp":"{code}"}}"#)).await
}

async fn begin_on(app: &TestApp, node: &Node, link: &Link, token: &str) -> Answer {
    app.http.send(hyper::Method::POST, &node.url(link, "start"), &[("x-session-token", token)], "").await
}

/// Goes through the mailbox; the session token.
async fn session(app: &TestApp, link: &Link) -> String {
    let code = app.code(link).await;
    app.verify(link, &code).await.assert_status(200).text_of("sessionToken")
}
