//! Recruiters, and the interviews that they make.

use hyper::Method;
use serde_json::{Value, json};

use super::app::{Link, TestApp};
use super::http::Answer;
use super::members::Member;

impl TestApp {
    /// A new member whom an operator has given this role.
    pub(crate) async fn member_with(&self, username: &str, role: &str) -> Member {
        let member = self.member(username).await;
        let output = self.run(&["user", "role", username, role]).await;
        assert!(output.status.success(), "{output:?}");
        member
    }

    /// Makes an interview with Ada, for an hour.
    pub(crate) async fn interview(&self, recruiter: &Member, email: &str) -> (Value, Link) {
        let body = form(email);
        let made = self.call(Method::POST, "/interviews", &recruiter.access, &body).await.assert_status(201).json();
        let link = link_of(&made);
        (made, link)
    }

    /// What the recruiter is told of an interview.
    pub(crate) async fn told(&self, recruiter: &Member, id: &str) -> Answer {
        self.call(Method::GET, &format!("/interviews/{id}"), &recruiter.access, &Value::Null).await
    }
}

/// What a recruiter sends.
pub(crate) fn form(email: &str) -> Value {
    json!({"candidateName": "Ada Lovelace", "candidateEmail": email, "position": "Analyst", "durationMinutes": 60})
}

/// The link in an answer that tells one.
pub(crate) fn link_of(interview: &Value) -> Link {
    let text =
        |member: &str| interview[member].as_str().unwrap_or_else(|| panic!("no {member}: {interview}")).to_owned();
    Link {
        token: text("joinUrl").rsplit('/').next().unwrap().to_owned(),
        interview: text("id"),
        email: text("candidateEmail"),
        expires_at: text("expiresAt"),
    }
}
