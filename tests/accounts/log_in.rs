//! Log-in, and what a member does with a session.

use hyper::Method;
use serde_json::{Value, json};

use super::client::{assert_done, assert_refused, assert_wrong};
use crate::support::TestApp;
use crate::support::http::Answer;
use crate::support::jwt::{parts, with};
use crate::support::members::{Member, PASSWORD};

/// Headers that are the same for all who ask the same.
fn told(answer: &Answer) -> Vec<(String, String)> {
    let own = ["x-request-id", "date", "ratelimit"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn an_unknown_login_and_a_wrong_password_are_told_the_same() {
    let app = TestApp::start().await;
    app.member("ada").await;
    let mut answers = Vec::new();
    for login in ["ada", "ada@example.com", "nobody", "nobody@example.com", "", "no such name \u{2603}"] {
        for password in ["wrong", "", "correct horse batterz"] {
            let answer = app.log_in(login, password).await;
            assert_refused(&answer, 401, "invalid-credentials", &json!({}));
            answers.push(answer);
        }
    }
    let first = &answers[0];
    assert!(answers.iter().all(|answer| answer.body == first.body), "{}", first.text());
    assert!(answers.iter().all(|answer| told(answer) == told(first)), "{:?}", first.headers);
}

#[tokio::test]
async fn a_member_is_known_by_login_username_or_email() {
    let app = TestApp::start().await;
    let session = app.post("/auth/signup", &super::client::form("Ada_1")).await.assert_status(201).json();
    let member = Member::of(&session, PASSWORD);
    for (name, login) in [
        ("login", "Ada_1"),
        ("login", "ada_1"),
        ("login", "ADA_1@example.com"),
        ("username", " ada_1 "),
        ("username", "ada_1@example.com"),
        ("email", "ada_1@EXAMPLE.com"),
        ("email", "ADA_1"),
    ] {
        let answer = app.post("/auth/login", &json!({name: login, "password": member.password})).await;
        assert_done(&answer, 200);
        let session = answer.json();
        let again = Member::of(&session, PASSWORD);
        let expected = json!({
            "accessToken": again.access, "tokenType": "Bearer", "expiresIn": 3_600,
            "refreshToken": again.refresh, "refreshExpiresIn": 2_592_000, "user": session["user"],
        });
        assert_eq!(session, expected);
        assert_eq!(
            (again.id, again.username, again.email),
            (member.id.clone(), member.username.clone(), member.email.clone())
        );
        assert_eq!(app.me(&again.access).await.assert_status(200).json(), session["user"]);
    }
    // The first that is there is the one that is meant.
    let body = json!({"login": "ada_1", "username": "nobody", "email": "nobody", "password": PASSWORD});
    assert_done(&app.post("/auth/login", &body).await, 200);
    for body in [with(&body, "login", &json!("nobody")), with(&body, "login", &json!(""))] {
        assert_refused(&app.post("/auth/login", &body).await, 401, "invalid-credentials", &json!({}));
    }
}

#[tokio::test]
async fn a_session_is_listed_as_it_was_last_used() {
    let app = TestApp::start().await;
    app.clock.freeze_at(1_795_342_500_000_000);
    let ada = app.member("ada").await;
    app.pass(60_000);
    let long = "x".repeat(300);
    let url = format!("http://{}/auth/login", app.nodes[0].public);
    let headers = [("content-type", "application/json"), ("user-agent", long.as_str())];
    let body = json!({"login": "ada", "password": PASSWORD}).to_string();
    let phone = app.http.send(Method::POST, &url, &headers, &body).await.assert_status(200);
    let phone = Member::of(&phone.json(), PASSWORD);
    app.pass(60_000);
    app.refresh(&ada.refresh).await.assert_status(200);
    app.pass(60_000);

    let sid = |member: &Member| parts(&member.access).1["sid"].clone();
    let answer = app.call(Method::GET, "/auth/sessions", &ada.access, &Value::Null).await;
    assert_done(&answer, 200);
    let first = json!({
        "id": sid(&phone), "current": false, "createdAt": "2026-11-22T10:16:00Z", "lastUsed": "2026-11-22T10:16:00Z",
        "device": "x".repeat(200), "address": "127.0.0.1",
    });
    let second = json!({
        "id": sid(&ada), "current": true, "createdAt": "2026-11-22T10:15:00Z", "lastUsed": "2026-11-22T10:17:00Z",
        "device": "", "address": "127.0.0.1",
    });
    assert_eq!(answer.json(), json!({"items": [first, second], "nextCursor": null}));
    let head = app.call(Method::HEAD, "/auth/sessions", &phone.access, &Value::Null).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_password_is_changed_only_by_whoever_knows_the_current_one() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        app.call(Method::POST, "/auth/change-password", &ada.access, &body).await
    };
    for wrong in ["", "wrong", "CORRECT HORSE BATTERY"] {
        assert_refused(&change(wrong, "another horse battery").await, 401, "invalid-credentials", &json!({}));
    }
    let short = [("newPassword", "must have at least 6 characters")];
    assert_wrong(&change(PASSWORD, "short").await, &short);
    assert_wrong(&change("wrong", "short").await, &short);
    assert_wrong(&change(PASSWORD, &"x".repeat(1_025)).await, &[("newPassword", "must have at most 1024 characters")]);
    app.log_in("ada", PASSWORD).await.assert_status(200);

    let (typed, meant) = ("zoe\u{308} and the horse", "zo\u{eb} and the horse");
    assert_done(&change(PASSWORD, typed).await, 204);
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", meant).await.assert_status(200);
    assert_done(&change(meant, " spaces are kept ").await, 204);
    app.log_in("ada", "spaces are kept").await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", " spaces are kept ").await.assert_status(200);
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_told_so_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let flipped = |at: usize| {
        let mut token = ada.refresh.clone().into_bytes();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    let length = ada.refresh.len();
    let forged = [0, length / 2, length - 2].map(flipped);
    for bad in ["", "nonsense", "A", &"A".repeat(length), &"é".repeat(length / 2), &ada.access]
        .into_iter()
        .chain([&ada.refresh[1..], &format!("{}A", ada.refresh), &format!(" {}", ada.refresh)])
        .chain(forged.iter().map(String::as_str))
    {
        assert_refused(&app.refresh(bad).await, 401, "refresh-invalid", &json!({}));
        assert_refused(&app.reset(bad, PASSWORD).await, 401, "reset-token-invalid", &json!({}));
    }
    app.me(&ada.access).await.assert_status(200);
    let refreshed = app.refresh(&ada.refresh).await;
    assert_done(&refreshed, 200);
    let session = refreshed.json();
    let next = Member::of(&session, PASSWORD);
    let expected = json!({
        "accessToken": next.access, "tokenType": "Bearer", "expiresIn": 3_600,
        "refreshToken": next.refresh, "refreshExpiresIn": 2_592_000, "user": app.me(&next.access).await.json(),
    });
    assert_eq!(session, expected);
}

#[tokio::test]
async fn a_reset_is_asked_for_in_the_same_words_whoever_there_is() {
    let app = TestApp::start().await;
    app.member("ada").await;
    let mut answers = Vec::new();
    for email in ["ada@example.com", " ADA@example.com ", "nobody@example.com", "a@b.co"] {
        let answer = app.post("/auth/forgot-password", &json!({"email": email})).await;
        assert_done(&answer, 202);
        let message = answer.text_of("message");
        assert_eq!(answer.json(), json!({"message": message}));
        assert!(!message.contains('@'), "{message}");
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| answer.body == answers[0].body && told(answer) == told(&answers[0])));
}
