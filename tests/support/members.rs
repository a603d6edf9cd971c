//! Members: what they send, and the mail that they get.

use hyper::Method;
use serde_json::{Value, json};

use super::app::{Node, TestApp};
use super::http::Answer;
use super::until::until;

/// Somebody with an account and a session.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Not among the common ones.
pub(crate) const PASSWORD: &str = "correct horse battery";

impl TestApp {
    /// Sends JSON to a path of the first node.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.nodes[0].post(self, path, body).await
    }

    /// A new member, with [`PASSWORD`].
    pub(crate) async fn member(&self, username: &str) -> Member {
        let email = format!("{username}@example.com");
        let body = json!({"username": username, "email": email, "password": PASSWORD});
        let session = self.post("/auth/signup", &body).await.assert_status(201).json();
        Member::of(&session, PASSWORD)
    }

    pub(crate) async fn log_in(&self, login: &str, password: &str) -> Answer {
        self.post("/auth/login", &json!({"login": login, "password": password})).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh", &json!({"refreshToken": token})).await
    }

    /// A request of a member to the first node.
    pub(crate) async fn call(&self, method: Method, path: &str, access: &str, body: &Value) -> Answer {
        self.nodes[0].call(self, method, path, access, body).await
    }

    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.call(Method::GET, "/auth/me", access, &Value::Null).await
    }

    /// The token of the `n`th reset mail to this address, counted from 1; waits for it.
    pub(crate) async fn reset_token(&self, email: &str, n: usize) -> String {
        let found = until("a reset mail", || async {
            let mails = self.mails(email).await;
            let tokens: Vec<String> = mails.iter().rev().filter_map(token_of).collect();
            tokens.get(n - 1).cloned()
        });
        found.await
    }

    pub(crate) async fn reset(&self, token: &str, password: &str) -> Answer {
        self.post("/auth/reset-password", &json!({"token": token, "newPassword": password})).await
    }
}

fn token_of(mail: &Value) -> Option<String> {
    let text = mail["text"].as_str()?;
    let (_, rest) = text.split_once("#token=")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

impl Member {
    pub(crate) fn of(session: &Value, password: &str) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {session}")).to_owned();
        let user = &session["user"];
        Self {
            id: text(&user["id"]),
            username: text(&user["username"]),
            email: text(&user["email"]),
            password: password.to_owned(),
            access: text(&session["accessToken"]),
            refresh: text(&session["refreshToken"]),
        }
    }
}

impl Node {
    pub(crate) async fn post(&self, app: &TestApp, path: &str, body: &Value) -> Answer {
        app.http.post_json(&format!("http://{}{path}", self.public), &body.to_string()).await
    }

    pub(crate) async fn call(&self, app: &TestApp, method: Method, path: &str, access: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {access}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        app.http.send(method, &format!("http://{}{path}", self.public), &headers, &body).await
    }
}
