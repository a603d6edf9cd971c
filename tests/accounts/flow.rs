//! The main roads, end to end.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;

#[tokio::test]
async fn a_member_signs_up_comes_back_and_leaves() {
    let app = TestApp::start().await;
    let body = json!({"username": "Ada_1", "email": "Ada@Example.com", "password": PASSWORD, "fullName": " Ada L. "});
    let answer = app.post("/auth/signup", &body).await.assert_status(201);
    let session = answer.json();
    assert_eq!(session["tokenType"], "Bearer");
    assert_eq!((&session["expiresIn"], &session["refreshExpiresIn"]), (&json!(3_600), &json!(2_592_000)));
    let user = &session["user"];
    assert_eq!(user["fullName"], "Ada L.");
    assert_eq!(
        user["profile"],
        json!({"complete": false, "missing": ["phone", "yearsOfExperience", "skills", "resume"]})
    );
    let member = Member::of(&session, PASSWORD);
    assert_eq!(app.me(&member.access).await.assert_status(200).json(), *user);

    for login in ["ada_1", "ADA_1", "ada@example.COM", " Ada_1 "] {
        assert_eq!(app.log_in(login, PASSWORD).await.assert_status(200).json()["user"], *user);
    }
    for body in
        [json!({"username": "ada_1", "password": PASSWORD}), json!({"email": "ada@example.com", "password": PASSWORD})]
    {
        app.post("/auth/login", &body).await.assert_status(200);
    }
    let refreshed = app.refresh(&member.refresh).await.assert_status(200).json();
    assert_eq!(refreshed["user"], *user);
    let access = refreshed["accessToken"].as_str().unwrap();
    let listed = app.call(Method::GET, "/auth/sessions", access, &Value::Null).await.assert_status(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 7);
    app.call(Method::POST, "/auth/logout", access, &Value::Null).await.assert_status(204);
    app.me(access).await.assert_problem(401, "unauthenticated");
    app.refresh(refreshed["refreshToken"].as_str().unwrap()).await.assert_problem(401, "refresh-invalid");
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    app.post("/auth/forgot-password", &json!({"email": "ADA@example.com"})).await.assert_status(202);
    let token = app.reset_token(&member.email, 1).await;
    app.reset(&token, "another horse battery").await.assert_status(204);
    app.me(&member.access).await.assert_problem(401, "unauthenticated");
    app.reset(&token, "a third horse battery").await.assert_problem(401, "reset-token-invalid");
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", "another horse battery").await.assert_status(200);
    until("a notice", || async {
        app.mails(&member.email)
            .await
            .iter()
            .any(|mail| mail["subject"] == "Your Acme password was changed")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let other = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    let change = |current: &str| json!({"currentPassword": current, "newPassword": "another horse battery"});
    let wrong = app.call(Method::POST, "/auth/change-password", &member.access, &change("wrong")).await;
    wrong.assert_problem(401, "invalid-credentials");
    app.call(Method::POST, "/auth/change-password", &member.access, &change(PASSWORD)).await.assert_status(204);
    app.me(&member.access).await.assert_status(200);
    app.me(&other.access).await.assert_problem(401, "unauthenticated");
    app.refresh(&member.refresh).await.assert_status(200);
    app.refresh(&other.refresh).await.assert_problem(401, "refresh-invalid");
}

#[tokio::test]
async fn a_profile_is_completed() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let profile = json!({"fullName": "Ada", "phone": "+41 44 668 18 00", "yearsOfExperience": 7, "skills": ["Rust", "rust", " Lua "]});
    let user = app.call(Method::PATCH, "/profile", &member.access, &profile).await.assert_status(200).json();
    assert_eq!((&user["phone"], &user["skills"]), (&json!("+41446681800"), &json!(["Rust", "Lua"])));
    assert_eq!(user["profile"], json!({"complete": false, "missing": ["resume"]}));
    let bearer = format!("Bearer {}", member.access);
    let url = format!("http://{}/profile/resume", app.nodes[0].public);
    let put = app.http.send(Method::PUT, &url, &[("authorization", &bearer)], "My life").await.assert_status(201);
    assert_eq!(put.json(), json!({"mediaType": "text/plain; charset=utf-8", "size": 7}));
    let got = app.http.send(Method::GET, &url, &[("authorization", &bearer)], "").await.assert_status(200);
    assert_eq!(got.body, b"My life");
    let user = app.me(&member.access).await.assert_status(200).json();
    assert_eq!(user["profile"], json!({"complete": true, "missing": []}));
}
