//! Wrong tries under one name: the waits that they start, and what ends them.

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, assert_done, assert_refused, assert_waits, frozen};
use crate::outage::{private_postgres, settle};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;

const QUARTER_MS: u64 = 15 * 60_000;

/// Somebody with an account, at the address that signs up.
async fn member(app: &TestApp, username: &str) -> Member {
    let session = app.client("203.0.113.99").sign_up(username).await.assert_status(201).json();
    Member::of(&session, PASSWORD)
}

/// Five wrong tries, the last of which starts a wait of a minute.
async fn lock(client: &Client<'_>, login: &str) {
    for _ in 0..5 {
        client.miss(login).await;
    }
    assert_throttled(&client.log_in(login, PASSWORD).await, 60);
}

#[track_caller]
fn assert_throttled(answer: &Answer, seconds: u64) {
    assert_waits(answer, "too-many-attempts", seconds);
}

#[tokio::test]
async fn the_fifth_wrong_try_starts_a_wait_whoever_there_is() {
    let app = frozen().await;
    member(&app, "ada").await;
    let client = app.client("203.0.113.1");
    let mut refusals = Vec::new();
    for login in ["ada", "ada@example.com", "nobody", "nobody@example.com"] {
        lock(&client, login).await;
        app.pass(59_999);
        let refused = client.log_in(login, PASSWORD).await;
        assert_throttled(&refused, 1);
        refusals.push(refused);
        app.pass(1);
        match login.starts_with("ada") {
            true => assert_done(&client.log_in(login, PASSWORD).await, 200),
            false => drop(client.miss(login).await),
        }
    }
    assert!(refusals.iter().all(|refused| refused.body == refusals[0].body), "a wait tells who there is");
}

#[tokio::test]
async fn each_wrong_try_after_a_wait_doubles_it_up_to_an_hour() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    lock(&client, "ada").await;
    let mut wait = 60;
    for next in [120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600] {
        app.pass(wait * 1_000 - 1);
        assert_throttled(&client.log_in("ada", "wrong").await, 1);
        app.pass(1);
        client.miss("ada").await;
        // What is refused neither counts nor puts off the end.
        for _ in 0..3 {
            assert_throttled(&client.log_in("ada", "wrong").await, next);
        }
        wait = next;
    }
}

/// This many wrong tries at once; how many were told so. The others wait for so many seconds.
async fn crowd(app: &TestApp, size: usize, seconds: u64) -> usize {
    let mut crowd = JoinSet::new();
    for n in 0..size {
        let (http, url) = (app.http.clone(), format!("http://{}/auth/login", app.nodes[n % 2].public));
        crowd.spawn(async move { http.post_json(&url, r#"{"login": "ada", "password": "wrong"}"#).await });
    }
    let (wrong, waiting): (Vec<_>, Vec<_>) =
        crowd.join_all().await.into_iter().partition(|answer| answer.status == 401);
    waiting.iter().for_each(|answer| assert_throttled(answer, seconds));
    wrong.len()
}

#[tokio::test]
async fn of_many_tries_at_once_no_more_are_judged_than_of_as_many_in_turn() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    assert_eq!(crowd(&app, 30, 60).await, 5);
    app.pass(60_000);
    assert_eq!(crowd(&app, 30, 120).await, 1);
    app.pass(120_000);
    assert_eq!(crowd(&app, 30, 240).await, 1);
}

#[tokio::test]
async fn all_is_forgotten_a_quarter_of_an_hour_after_the_last_wait() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    lock(&client, "ada").await;
    app.pass(60_000 + QUARTER_MS - 1);
    client.miss("ada").await;
    assert_throttled(&client.log_in("ada", "wrong").await, 120);
    app.pass(120_000 + QUARTER_MS);
    lock(&client, "ada").await;
}

#[tokio::test]
async fn fewer_are_forgotten_a_quarter_of_an_hour_after_the_last_of_them() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    for _ in 0..4 {
        client.miss("ada").await;
        app.pass(QUARTER_MS - 1);
    }
    client.miss("ada").await;
    assert_throttled(&client.log_in("ada", "wrong").await, 60);
    for _ in 0..4 {
        client.miss("bob").await;
    }
    app.pass(QUARTER_MS);
    lock(&client, "bob").await;
}

#[tokio::test]
async fn a_success_clears_the_name() {
    let app = frozen().await;
    member(&app, "ada").await;
    let client = app.client("203.0.113.1");
    for _ in 0..2 {
        for _ in 0..4 {
            client.miss("ada").await;
        }
        assert_done(&client.log_in("ada", PASSWORD).await, 200);
    }
    // Also the doubling.
    lock(&client, "ada").await;
    app.pass(60_000);
    assert_done(&client.log_in("ada", PASSWORD).await, 200);
    lock(&client, "ada").await;
    // The address is another name, and was cleared by nobody.
    for _ in 0..4 {
        client.miss("ada@example.com").await;
    }
    app.pass(60_000);
    assert_done(&client.log_in("ada", PASSWORD).await, 200);
    client.miss("ada@example.com").await;
    assert_throttled(&client.log_in("ada@example.com", PASSWORD).await, 60);
}

#[tokio::test]
async fn a_reset_clears_username_and_address() {
    let app = frozen().await;
    let ada = member(&app, "Ada_1").await;
    let client = app.client("203.0.113.1");
    lock(&client, &ada.username).await;
    lock(&client, &ada.email).await;
    client.forgot(&ada.email).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    // Asking alone, or a token that is none, clears nothing.
    app.reset("nonsense", "another horse battery").await.assert_status(401);
    for login in [&ada.username, &ada.email] {
        assert_throttled(&client.log_in(login, PASSWORD).await, 60);
    }
    assert_done(&app.reset(&token, "another horse battery").await, 204);
    for login in [&ada.username, &ada.email] {
        assert_done(&client.log_in(login, "another horse battery").await, 200);
        lock(&client, login).await;
    }
}

async fn change(app: &TestApp, member: &Member, current: &str, new: &str) -> Answer {
    let body = json!({"currentPassword": current, "newPassword": new});
    app.call(Method::POST, "/auth/change-password", &member.access, &body).await
}

#[tokio::test]
async fn a_wrong_current_password_counts_under_the_username() {
    let app = frozen().await;
    let ada = member(&app, "Ada_1").await;
    let client = app.client("203.0.113.1");
    for _ in 0..4 {
        let wrong = change(&app, &ada, "wrong", "another horse battery").await;
        assert_refused(&wrong, 401, "invalid-credentials", &json!({}));
    }
    client.miss("ada_1").await;
    assert_throttled(&client.log_in("ada_1", PASSWORD).await, 60);
    assert_throttled(&change(&app, &ada, PASSWORD, "another horse battery").await, 60);
    // Whoever is logged in stays so, and the address is another name.
    assert_done(&app.me(&ada.access).await, 200);
    assert_done(&client.log_in(&ada.email, PASSWORD).await, 200);
    app.pass(60_000);
    let wrong = change(&app, &ada, "wrong", "another horse battery").await;
    assert_refused(&wrong, 401, "invalid-credentials", &json!({}));
    assert_throttled(&change(&app, &ada, PASSWORD, "another horse battery").await, 120);
    app.pass(120_000);
    // A new password that may not be one is no try.
    assert_eq!(change(&app, &ada, "wrong", "short").await.status, 422);
    assert_done(&change(&app, &ada, PASSWORD, "another horse battery").await, 204);
    lock(&client, "ada_1").await;
}

#[tokio::test]
async fn a_name_is_counted_however_it_is_typed() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    for typed in ["zo\u{eb}@example.com", " ZO\u{cb}@Example.com", "zoe\u{308}@EXAMPLE.com ", "ZOE\u{308}@example.com"]
    {
        client.miss(typed).await;
    }
    client.miss("zo\u{eb}@example.com\u{a0}").await;
    for typed in ["Zo\u{eb}@example.com", "zoe\u{308}@example.com"] {
        assert_throttled(&client.log_in(typed, "wrong").await, 60);
    }
    // By whichever member, and from whichever address.
    let other = app.client("198.51.100.1");
    for member in ["login", "username", "email"] {
        let body = json!({member: "ZO\u{cb}@example.com", "password": "wrong"});
        assert_throttled(&other.post("/auth/login", &body).await, 60);
    }
    for another in ["zoe@example.com", "zo\u{eb}@example.co", "z o\u{eb}@example.com"] {
        client.miss(another).await;
    }
}

/// 503, and nothing of it is counted: for the address `left` wrong tries are left beside this one.
#[track_caller]
fn assert_given_back(answer: &Answer, left: u32) {
    assert_refused(answer, 503, "unavailable", &json!({"retryAfter": 1}));
    let told = format!("\"login_ip\";r={left};");
    assert!(answer.header("ratelimit").unwrap().starts_with(&told), "{:?}", answer.headers);
}

#[tokio::test]
async fn a_try_that_postgres_cannot_judge_does_not_count() {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().behind_proxy().set("postgres.url", &url).start().await;
    app.clock.freeze();
    let client = app.client("203.0.113.1");
    for _ in 0..4 {
        client.miss("ada").await;
    }
    settle(&url).await;
    postgres.kill().unwrap();
    for _ in 0..10 {
        assert_given_back(&client.log_in("ada", "wrong").await, 45);
    }
    postgres.restart().unwrap();
    let back = async || Some(client.log_in("ada", "wrong").await).filter(|answer| answer.status != 503);
    let fifth = until("Postgres", back).await;
    assert_refused(&fifth, 401, "invalid-credentials", &json!({}));
    assert_eq!(fifth.header("ratelimit"), Some("\"login_ip\";r=45;t=900"));
    assert_throttled(&client.log_in("ada", "wrong").await, 60);

    // Nor does one that would have doubled a wait: the next is taken at once, and doubles it once.
    app.pass(60_000);
    postgres.kill().unwrap();
    for _ in 0..3 {
        assert_given_back(&client.log_in("ada", "wrong").await, 44);
    }
    postgres.restart().unwrap();
    let sixth = until("Postgres", back).await;
    assert_refused(&sixth, 401, "invalid-credentials", &json!({}));
    assert_throttled(&client.log_in("ada", "wrong").await, 120);
}

#[tokio::test]
async fn a_try_for_which_no_hash_is_left_does_not_count() {
    let mut app = frozen().await;
    // One hash lasts longer than anybody waits for it, and one more may wait: the third on is refused at once.
    let slow = app.node_with(&[
        ("accounts.hash_memory", "131072"),
        ("accounts.hash_iterations", "16"),
        ("accounts.hash_threads", "1"),
        ("accounts.hash_queue_max", "1"),
        ("accounts.hash_timeout", "100ms"),
    ]);
    app.nodes.insert(0, slow.await);
    for _ in 0..6 {
        assert_given_back(&app.client("203.0.113.1").log_in("nobody", "wrong").await, 49);
    }
    let page = app.http.get(&format!("http://{}/metrics", app.nodes[0].admin)).await.assert_status(200);
    let shed = String::from_utf8(page.body).unwrap();
    assert!(shed.lines().any(|line| line.contains("password_hashes_total{outcome=\"shed\"}")), "{shed}");
    app.nodes.swap(0, 1);
    lock(&app.client("203.0.113.1"), "nobody").await;
}

#[tokio::test]
async fn a_change_of_password_that_cannot_be_judged_does_not_count() {
    let mut app = frozen().await;
    let ada = member(&app, "ada").await;
    for _ in 0..4 {
        change(&app, &ada, "wrong", "another horse battery").await.assert_status(401);
    }
    // The current password is soon compared; it is the new one's hash that lasts.
    let slow = app.node_with(&[
        ("accounts.hash_memory", "131072"),
        ("accounts.hash_iterations", "16"),
        ("accounts.hash_timeout", "200ms"),
    ]);
    app.nodes.insert(0, slow.await);
    for _ in 0..2 {
        let late = change(&app, &ada, PASSWORD, "another horse battery").await;
        assert_refused(&late, 503, "unavailable", &json!({"retryAfter": 1}));
    }
    app.nodes.swap(0, 1);
    assert_eq!(app.me(&ada.access).await.assert_status(200).json()["username"], Value::from("ada"));
    let client = app.client("203.0.113.1");
    client.miss("ada").await;
    assert_throttled(&client.log_in("ada", PASSWORD).await, 60);
}
