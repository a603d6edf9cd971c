//! Somebody at an address, as the proxy names it, and what such a one is told.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::PASSWORD;

/// Whoever sends from this address.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    app: &'a TestApp,
    address: &'a str,
}

/// An app behind a proxy, whose Redis stands still until the test lets time pass.
pub(super) async fn frozen() -> TestApp {
    let app = Setup::new().behind_proxy().start().await;
    app.clock.freeze();
    app
}

/// What a sign-up sends.
pub(super) fn form(username: &str) -> Value {
    json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD})
}

impl TestApp {
    pub(super) fn client<'a>(&'a self, address: &'a str) -> Client<'a> {
        Client { app: self, address }
    }
}

impl Client<'_> {
    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}{path}", self.app.nodes[0].public);
        let headers = [("x-forwarded-for", self.address), ("content-type", "application/json")];
        self.app.http.send(Method::POST, &url, &headers, &body.to_string()).await
    }

    pub(super) async fn sign_up(&self, username: &str) -> Answer {
        self.post("/auth/signup", &form(username)).await
    }

    pub(super) async fn log_in(&self, login: &str, password: &str) -> Answer {
        self.post("/auth/login", &json!({"login": login, "password": password})).await
    }

    /// A wrong try, which is told so and nothing else.
    pub(super) async fn miss(&self, login: &str) -> Answer {
        let told = self.log_in(login, "wrong").await;
        assert_refused(&told, 401, "invalid-credentials", &json!({}));
        told
    }

    pub(super) async fn forgot(&self, email: &str) -> Answer {
        self.post("/auth/forgot-password", &json!({"email": email})).await
    }
}

/// A problem with these members beside those that every problem has, and with headers that say the same.
#[track_caller]
pub(super) fn assert_refused(answer: &Answer, status: u16, slug: &str, extras: &Value) {
    let answer = answer.clone().assert_problem(status, slug);
    let text = answer.text();
    let mut problem = answer.json();
    for member in ["type", "title", "status", "detail"] {
        problem.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(problem, *extras, "{text}");
    let waits = extras.get("retryAfter").map(Value::to_string);
    assert_eq!(answer.header("retry-after"), waits.as_deref(), "{text}");
    assert_eq!(answer.header("www-authenticate").is_some(), slug == "unauthenticated", "{text}");
    assert_eq!(answer.header("allow").is_some(), status == 405, "{text}");
    assert!(answer.header("x-request-id").is_some(), "{text}");
}

/// 422, with these words for these members.
#[track_caller]
pub(super) fn assert_wrong(answer: &Answer, errors: &[(&str, &str)]) {
    let errors: Vec<_> = errors.iter().map(|(field, message)| json!({"field": field, "message": message})).collect();
    assert_refused(answer, 422, "validation-failed", &json!({ "errors": errors }));
}

/// 429, for so many seconds.
#[track_caller]
pub(super) fn assert_waits(answer: &Answer, slug: &str, seconds: u64) {
    assert_refused(answer, 429, slug, &json!({ "retryAfter": seconds }));
}

/// A success with JSON, or with nothing.
#[track_caller]
pub(super) fn assert_done(answer: &Answer, status: u16) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{text}");
    assert!(answer.header("x-request-id").is_some(), "{text}");
    assert_eq!(answer.header("content-type"), (status != 204).then_some("application/json"), "{text}");
    assert_eq!(answer.body.is_empty(), status == 204, "{text}");
}

/// What the client is told of the limits that it knows of; `None` where there are none.
#[track_caller]
pub(super) fn assert_quota(answer: &Answer, quota: Option<(&str, &str)>) {
    let told = answer.header("ratelimit-policy").zip(answer.header("ratelimit"));
    assert_eq!(told, quota, "{}", answer.text());
    let either = answer.header("ratelimit-policy").or(answer.header("ratelimit"));
    assert_eq!(either.is_some(), quota.is_some(), "{:?}", answer.headers);
}
