//! What is under way during a reset: log-ins, changes, and the reset itself where it fails half-way.

use hyper::Method;
use serde_json::{Value, json};

use super::{NEW, change_password, token};
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::held::Held;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};

/// How the statement begins that writes the same password down with newer parameters: it comes between the look at a
/// password and the session that it opens.
const REHASH: &str = "password_hash = $1 WHERE";
const SET_PASSWORD: &str = "password_version + 1";

/// A node that waits for Postgres for as long as a test wants.
async fn patient() -> TestApp {
    Setup::new().set("postgres.statement_timeout", &"60s").set("http.handler_timeout", &"60s").start().await
}

/// One beside it that hashes otherwise, so that each log-in there writes.
async fn rehashing(app: &TestApp) -> Node {
    app.node_with(&[("accounts.hash_memory", "128")]).await
}

fn log_in_on(app: &TestApp, node: &Node, password: &str) -> tokio::task::JoinHandle<Answer> {
    let (http, url) = (app.http.clone(), format!("http://{}/auth/login", node.public));
    let body = json!({"login": "ada", "password": password}).to_string();
    tokio::spawn(async move { http.post_json(&url, &body).await })
}

/// Sends a request to the first node, and does not wait for its answer.
fn sent(app: &TestApp, path: &str, access: &str, body: &Value) -> tokio::task::JoinHandle<Answer> {
    let (http, url) = (app.http.clone(), format!("http://{}{path}", app.nodes[0].public));
    let (bearer, body) = (format!("Bearer {access}"), body.to_string());
    tokio::spawn(async move {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http.send(Method::POST, &url, &headers, &body).await
    })
}

async fn living_sessions(app: &TestApp, access: &str) -> usize {
    let listed = app.call(Method::GET, "/auth/sessions", access, &Value::Null).await.assert_status(200);
    listed.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_log_in_under_way_during_a_reset_does_not_survive_it() {
    let app = patient().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let other = rehashing(&app).await;
    let held = Held::updates(&app.database, REHASH).await;
    let log_in = log_in_on(&app, &other, PASSWORD);
    // The old password was found right, and its session is not open yet.
    held.has(1).await;
    app.reset(&token, NEW).await.assert_status(204);
    held.release().await;
    log_in.await.unwrap().assert_problem(401, "invalid-credentials");

    let back = app.log_in("ada", NEW).await.assert_status(200).text_of("accessToken");
    assert_eq!(living_sessions(&app, &back).await, 1);
}

#[tokio::test]
async fn a_log_in_under_way_during_a_change_of_password_does_not_survive_it() {
    let app = patient().await;
    let ada = app.member("ada").await;
    let other = rehashing(&app).await;
    let held = Held::updates(&app.database, REHASH).await;
    let log_in = log_in_on(&app, &other, PASSWORD);
    held.has(1).await;
    change_password(&app, &ada, NEW).await.assert_status(204);
    held.release().await;
    log_in.await.unwrap().assert_problem(401, "invalid-credentials");
    assert_eq!(living_sessions(&app, &ada.access).await, 1);
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
async fn what_the_old_password_opens_in_the_middle_of_a_reset_ends_with_it() {
    let app = patient().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let other = app.node_with(&[]).await;
    let held = Held::updates(&app.database, SET_PASSWORD).await;
    let reset = sent(&app, "/auth/reset-password", "", &json!({"token": token, "newPassword": NEW}));
    held.has(1).await;
    // The token is taken, and what it found has ended.
    let gone = other.call(&app, Method::GET, "/auth/sessions", &ada.access, &Value::Null).await;
    gone.assert_problem(401, "unauthenticated");
    let late = log_in_on(&app, &other, PASSWORD).await.unwrap().assert_status(200);
    let late = Member::of(&late.json(), PASSWORD);
    app.me(&late.access).await.assert_status(200);
    app.reset(&token, "a third horse battery").await.assert_problem(401, "reset-token-invalid");

    held.release().await;
    reset.await.unwrap().assert_status(204);
    for node in [&app.nodes[0], &other] {
        let listed = node.call(&app, Method::GET, "/auth/sessions", &late.access, &Value::Null).await;
        listed.assert_problem(401, "unauthenticated");
        let refreshed = node.post(&app, "/auth/refresh", &json!({"refreshToken": late.refresh})).await;
        refreshed.assert_problem(401, "refresh-invalid");
    }
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
async fn of_a_change_and_a_reset_at_the_same_time_one_holds() {
    let app = patient().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let held = Held::updates(&app.database, SET_PASSWORD).await;
    let changed = "a third horse battery";
    let body = json!({"currentPassword": PASSWORD, "newPassword": changed});
    let change = sent(&app, "/auth/change-password", &ada.access, &body);
    held.has(1).await;
    let reset = sent(&app, "/auth/reset-password", "", &json!({"token": token, "newPassword": NEW}));
    held.has(2).await;
    held.release().await;
    let (change, reset) = (change.await.unwrap(), reset.await.unwrap());
    let (right, wrong) = if reset.status == 204 { (NEW, changed) } else { (changed, NEW) };
    if reset.status == 204 {
        change.assert_problem(401, "invalid-credentials");
    } else {
        reset.assert_problem(401, "reset-token-invalid");
        change.assert_status(204);
    }
    app.log_in("ada", wrong).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    let back = app.log_in("ada", right).await.assert_status(200).text_of("accessToken");
    assert_eq!(living_sessions(&app, &back).await, 1);
}

#[tokio::test]
async fn a_reset_that_fails_half_way_says_so_and_leaves_the_old_password() {
    let app = Setup::new().set("postgres.statement_timeout", &"200ms").start().await;
    let ada = app.member("ada").await;
    let spent = token(&app, &ada, 1).await;
    let held = Held::updates(&app.database, SET_PASSWORD).await;
    let failed = app.reset(&spent, NEW).await.assert_problem(503, "unavailable");
    let detail = failed.text_of("detail");
    assert!(detail.contains("ask for a new link"), "{detail}");
    app.reset(&spent, NEW).await.assert_problem(401, "reset-token-invalid");
    app.log_in("ada", NEW).await.assert_problem(401, "invalid-credentials");
    let back = app.log_in("ada", PASSWORD).await.assert_status(200).text_of("accessToken");
    app.me(&back).await.assert_status(200);
    app.me(&ada.access).await.assert_problem(401, "unauthenticated");

    held.release().await;
    let fresh = token(&app, &ada, 2).await;
    app.reset(&fresh, NEW).await.assert_status(204);
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
async fn a_reset_that_fails_before_it_began_can_be_sent_again() {
    let app = Setup::new().set("postgres.statement_timeout", &"200ms").start().await;
    let ada = app.member("ada").await;
    let token = token(&app, &ada, 1).await;
    let held = Held::users(&app.database).await;
    let failed = app.reset(&token, NEW).await.assert_problem(503, "unavailable");
    assert!(!failed.text_of("detail").contains("new link"), "{}", failed.text());
    held.release().await;
    app.reset(&token, NEW).await.assert_status(204);
}
