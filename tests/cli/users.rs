//! `vestibule user role`.

use std::process::Output;

use hyper::Method;
use serde_json::{Value, json};
use vestibule::id::Id;

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::TestApp;
use crate::support::app::{Setup, vestibule};
use crate::support::members::{Member, PASSWORD};

async fn role(app: &TestApp, login: &str, role: &str) -> Output {
    app.run(&["user", "role", login, role]).await
}

/// What Redis tells every node of a member who is logged in.
fn role_in_redis(app: &TestApp, member: &Member) -> Option<String> {
    let id = Id::parse(&member.id.replace('-', "")).unwrap();
    app.resp().field(app.keys().account(&id).name(), "role")
}

async fn role_of(app: &TestApp, member: &Member) -> Value {
    app.me(&member.access).await.assert_status(200).json()["role"].clone()
}

#[tokio::test]
async fn a_role_is_given_by_name_or_address_to_sessions_that_live() {
    let app = Setup::new().nodes(2).start().await;
    let body = json!({"username": "Ada_1", "email": "Ada@Example.com", "password": PASSWORD});
    let ada = Member::of(&app.post("/auth/signup", &body).await.assert_status(201).json(), PASSWORD);
    let eve = app.member("eve").await;
    for (login, given) in
        [("ada_1", "recruiter"), ("ADA@example.COM", "admin"), (" Ada_1 ", "admin"), ("ada@example.com", "member")]
    {
        let output = role(&app, login, given).await;
        assert_code(&output, 0);
        assert_eq!(stdout(&output), format!("{} is {given} now.\n", ada.id), "{}", stderr(&output));
        assert_eq!(role_of(&app, &ada).await, given);
        assert_eq!(role_in_redis(&app, &ada).as_deref(), Some(given));
        let next = app.nodes[1].call(&app, Method::GET, "/profile", &ada.access, &Value::Null).await;
        assert_eq!(next.assert_status(200).json()["role"], given);
        assert_eq!(app.log_in("ada_1", PASSWORD).await.assert_status(200).json()["user"]["role"], given);
    }
    assert_eq!((role_of(&app, &eve).await, role_in_redis(&app, &eve).as_deref()), (json!("member"), Some("member")));
}

#[tokio::test]
async fn a_role_of_who_is_not_logged_in_waits_for_them() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    app.call(Method::POST, "/auth/logout-all", &ada.access, &Value::Null).await.assert_status(204);
    assert_code(&role(&app, "ada", "admin").await, 0);
    let ada = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    assert_eq!((role_of(&app, &ada).await, role_in_redis(&app, &ada).as_deref()), (json!("admin"), Some("admin")));
}

#[tokio::test]
async fn who_is_not_there_and_what_is_no_role_is_said_to_be_so() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    for login in ["eve", "eve@example.com", "", "ada@example", &ada.id] {
        assert_refused(&role(&app, login, "admin").await, 64, &["there is no user of this name or address"]);
    }
    for wrong in ["Admin", "root", ""] {
        assert_refused(&role(&app, "ada", wrong).await, 64, &["member, recruiter or admin"]);
    }
    assert_refused(&vestibule(&["user", "role", "ada"], &[]).await, 64, &["<ROLE>", "Usage: vestibule user role"]);
    assert_eq!(role_of(&app, &ada).await, "member");
}

#[tokio::test]
async fn where_redis_is_not_told_it_says_so_and_can_be_told_again() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let arguments = ["user", "role", "ada", "admin"];
    let changes = [("redis.url", "redis+unix:///nowhere"), ("mail.url", "smtp://127.0.0.1:1?tls=none")];
    let environment = app.environment_with(&changes);
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = vestibule(&arguments, &environment).await;
    assert_refused(&output, 69, &["Postgres has the new role", "Redis could not be told", "run this again"]);
    assert_eq!(stdout(&output), "");
    assert_eq!((role_of(&app, &ada).await, role_in_redis(&app, &ada).as_deref()), (json!("admin"), Some("member")));

    assert_code(&app.run(&arguments).await, 0);
    assert_eq!(role_in_redis(&app, &ada).as_deref(), Some("admin"));
}
