//! What a proxy is told that asks whether to let a request in.

mod candidates;
mod outage;
mod roles;
mod trips;
mod users;

use hyper::Method;
use serde_json::Value;

use crate::support::TestApp;
use crate::support::app::{Link, Node};
use crate::support::http::Answer;
use crate::support::jwt::parts;
use crate::support::members::Member;

const USER: &str = "/authz/user";
const CANDIDATE: &str = "/authz/candidate";

/// Some by which Envoy and HAProxy may ask, for they keep the client's: one of them is nobody's.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// Asks this node with these headers.
async fn ask(app: &TestApp, node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    app.http.send(Method::GET, &format!("http://{}{path}", node.public), headers, "").await
}

async fn ask_user(app: &TestApp, node: &Node, access: &str) -> Answer {
    ask(app, node, USER, &[("authorization", &format!("Bearer {access}"))]).await
}

async fn ask_candidate(app: &TestApp, node: &Node, token: &str) -> Answer {
    ask(app, node, CANDIDATE, &[("x-session-token", token)]).await
}

/// 204, with nothing but who it is.
#[track_caller]
fn assert_in(answer: &Answer, subject: &str, session: &str, role: &str) {
    let text = answer.text();
    assert_eq!(answer.status, 204, "{text}");
    let told = ["x-auth-subject", "x-auth-session", "x-auth-role"].map(|name| answer.header(name));
    assert_eq!(told, [Some(subject), Some(session), Some(role)], "{text}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{text}");
    assert!(answer.header("x-request-id").is_some(), "{text}");
    assert!(answer.header("ratelimit").is_none(), "{text}");
    assert!(answer.body.is_empty(), "{text}");
}

#[track_caller]
fn assert_user_in(answer: &Answer, member: &Member, role: &str) {
    let claims = parts(&member.access).1;
    assert_in(answer, &member.id, text(&claims, "sid"), role);
}

/// A refusal that says nothing of whose request it is.
#[track_caller]
fn assert_out(answer: Answer, status: u16, slug: &str) -> Answer {
    let refused = answer.assert_problem(status, slug);
    let names = refused.headers.keys().map(hyper::header::HeaderName::as_str);
    assert!(names.into_iter().all(|name| !name.starts_with("x-auth-")), "{:?}", refused.headers);
    refused
}

/// 401, with the challenge of credentials that are missing, or that do not do.
#[track_caller]
fn assert_nobody(answer: Answer, missing: &str) {
    let refused = assert_out(answer, 401, "unauthenticated");
    let error = if missing.is_empty() { ", error=\"invalid_token\"" } else { "" };
    let challenge = format!("Bearer realm=\"vestibule\"{error}");
    assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()), "{missing} {}", refused.text());
}

#[track_caller]
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A session token of a candidate who has verified and not yet started.
async fn seated(app: &TestApp, link: &Link) -> String {
    let code = app.code(link).await;
    app.verify(link, &code).await.assert_status(200).text_of("sessionToken")
}
