//! Passwords that wait to be hashed, that nobody waits for any more, and that are hashed anew.

use std::net::SocketAddr;

use hyper::Method;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::child::Served;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;
use crate::support::raw::Raw;
use crate::support::until::until;

/// Half a second of an idle core: long enough for a hundred requests that are refused.
const SLOW: [(&str, &str); 6] = [
    ("accounts.hash_memory", "65536"),
    ("accounts.hash_iterations", "16"),
    ("accounts.hash_threads", "1"),
    ("accounts.hash_queue_max", "1"),
    ("accounts.hash_timeout", "60s"),
    // A machine that others load takes its time.
    ("http.handler_timeout", "120s"),
];
const P1: &str = "p1:cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=";
const P2: &str = "p2:cXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXE=";

/// The value of a line of the metrics; 0 where there is none yet.
async fn metric(app: &TestApp, admin: SocketAddr, line: &str) -> f64 {
    let text = app.http.get(&format!("http://{admin}/metrics")).await.assert_status(200).text();
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

async fn hashes(app: &TestApp, admin: SocketAddr, outcome: &str) -> f64 {
    metric(app, admin, &format!("vestibule_password_hashes_total{{outcome=\"{outcome}\"}}")).await
}

/// Waits until so many log-ins are on their way through a node with one worker and one thread that hashes: one is
/// hashed, the others wait.
async fn queued(app: &TestApp, public: SocketAddr, admin: SocketAddr, count: u8) {
    let looked_up = "vestibule_postgres_queries_total{query=\"user_by_login\",outcome=\"ok\"}";
    for (line, count) in [(looked_up, count), ("vestibule_password_hashes_waiting", count - 1)] {
        until(line, || async { (metric(app, admin, line).await == f64::from(count)).then_some(()) }).await;
        // The worker has come to the end of what it was at: what was looked up is in the queue.
        app.http.get(&format!("http://{public}/nothing")).await.assert_status(404);
    }
}

fn log_in_at(app: &TestApp, public: SocketAddr, login: &str, password: &str) -> JoinHandle<Answer> {
    let (http, url) = (app.http.clone(), format!("http://{public}/auth/login"));
    let body = json!({"login": login, "password": password}).to_string();
    tokio::spawn(async move { http.post_json(&url, &body).await })
}

async fn log_in_on(app: &TestApp, node: &Node, login: &str, password: &str) -> Answer {
    log_in_at(app, node.public, login, password).await.unwrap()
}

/// What is counted against names and clients.
fn counted(app: &TestApp) -> Vec<String> {
    let mut resp = app.resp();
    let keys = resp.keys().into_iter().filter(|key| key.contains(":login_"));
    let keys: Vec<String> = keys.collect();
    keys.into_iter().flat_map(|key| resp.hash(&key)).map(|(field, value)| format!("{field}={value}")).collect()
}

/// The stored hash of a member, and the version of the password.
async fn stored(app: &TestApp, member: &Member) -> (String, i64) {
    let sql = format!("SELECT password_hash, password_version FROM users WHERE id = '{}'", member.id);
    let row = query(&app.database, &sql).await.remove(0);
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_storm_that_cannot_be_hashed_is_shed_and_counts_for_nobody() {
    let app = TestApp::start().await;
    app.member("ada").await;
    app.clock.freeze();
    let slow = app.node_with(&SLOW).await;
    // An unknown user costs what this node's own hashes do. One is hashed, the next one waits, and the queue is full.
    let first = log_in_at(&app, slow.public, "nobody_1", "wrong");
    queued(&app, slow.public, slow.admin, 1).await;
    let second = log_in_at(&app, slow.public, "nobody_2", "wrong");
    queued(&app, slow.public, slow.admin, 2).await;

    let mut storm = JoinSet::new();
    for n in 0..40 {
        let (http, slow) = (app.http.clone(), format!("http://{}/auth/login", slow.public));
        // Four of each: they never wait for one another.
        let body = json!({"login": format!("stranger_{}", n / 4), "password": "wrong"}).to_string();
        storm.spawn(async move { http.post_json(&slow, &body).await });
    }
    for answer in storm.join_all().await {
        answer.assert_problem(503, "unavailable");
    }
    assert!(!first.is_finished(), "what held the thread up was too fast");
    assert_eq!(hashes(&app, slow.admin, "shed").await, 40.0);
    // They were told so before Postgres was asked who they are.
    let looked_up = "vestibule_postgres_queries_total{query=\"user_by_login\",outcome=\"ok\"}";
    assert_eq!(metric(&app, slow.admin, looked_up).await, 2.0);
    let signup = json!({"username": "eve", "email": "eve@example.com", "password": PASSWORD});
    slow.post(&app, "/auth/signup", &signup).await.assert_problem(503, "unavailable");

    for judged in [first, second] {
        judged.await.unwrap().assert_problem(401, "invalid-credentials");
    }
    let counted = counted(&app);
    let wrong: Vec<&String> = counted.iter().filter(|field| field.starts_with("wrong=")).collect();
    assert_eq!(wrong, ["wrong=1", "wrong=1"], "{counted:?}");
    let log = counted.iter().find_map(|field| field.strip_prefix("log=")).unwrap();
    assert_eq!(log.split(' ').count(), 2, "{counted:?}");
}

#[tokio::test]
async fn the_password_of_a_client_that_hung_up_is_not_hashed() {
    let app = Setup::new().nodes(0).start().await;
    let node = Served::start(&app, &SLOW).await;
    let first = log_in_at(&app, node.public, "nobody", "wrong");
    queued(&app, node.public, node.admin, 1).await;

    let mut impatient = Raw::connect(node.public).await;
    let body = json!({"login": "ada", "password": PASSWORD}).to_string();
    let head = "POST /auth/login HTTP/1.1\r\nhost: test\r\nx-request-id: the-impatient\r\n";
    let length = body.len();
    impatient.send(format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")).await;
    queued(&app, node.public, node.admin, 2).await;
    drop(impatient);
    let line = node.child.line("\"request_id\":\"the-impatient\"").await;
    assert!(line.contains("\"status\":499"), "{line}");
    assert!(!first.is_finished(), "what held the thread up was too fast");

    first.await.unwrap().assert_problem(401, "invalid-credentials");
    until("the one that is skipped", || async { (hashes(&app, node.admin, "abandoned").await == 1.0).then_some(()) })
        .await;
    assert_eq!(hashes(&app, node.admin, "done").await, 1.0);
    // It was a try all the same, of the name and of the client: else tries could be had for nothing.
    let counted = counted(&app);
    assert_eq!(counted.iter().filter(|field| *field == "wrong=1").count(), 2, "{counted:?}");
    let log = counted.iter().find_map(|field| field.strip_prefix("log=")).unwrap();
    assert_eq!(log.split(' ').count(), 2, "{counted:?}");
    assert_eq!(metric(&app, node.admin, "vestibule_password_hash_seconds_count").await, 1.0);
}

#[tokio::test]
async fn a_password_is_hashed_anew_where_the_cost_has_moved() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let (cheap, version) = stored(&app, &ada).await;
    assert!(cheap.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{cheap}");
    let dearer = app.node_with(&[("accounts.hash_memory", "128"), ("accounts.hash_iterations", "2")]).await;

    log_in_on(&app, &dearer, "ada", "wrong").await.assert_problem(401, "invalid-credentials");
    assert_eq!(stored(&app, &ada).await, (cheap, version));
    let there = log_in_on(&app, &dearer, "ada", PASSWORD).await.assert_status(200).text_of("accessToken");
    let (dear, same) = stored(&app, &ada).await;
    assert!(dear.starts_with("$argon2id$v=19$m=128,t=2,p=1$"), "{dear}");
    assert_eq!(same, version);
    for access in [&ada.access, &there] {
        app.me(access).await.assert_status(200);
    }
    app.refresh(&ada.refresh).await.assert_status(200);
    // As is fit now: it stays, salt and all.
    log_in_on(&app, &dearer, "ada", PASSWORD).await.assert_status(200);
    assert_eq!(stored(&app, &ada).await, (dear, version));
    app.log_in("ada", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_pepper_comes_is_rotated_and_is_needed() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let plain = stored(&app, &ada).await;
    assert!(!plain.0.contains("keyid="), "{}", plain.0);

    let peppered = app.node_with(&[("secrets.pepper_keys", P1)]).await;
    log_in_on(&app, &peppered, "ada", PASSWORD).await.assert_status(200);
    let with_p1 = stored(&app, &ada).await;
    assert!(with_p1.0.contains(",keyid=cDE$"), "{}", with_p1.0);

    // A node that has not heard of it: right and wrong passwords alike, and neither is counted.
    for password in [PASSWORD, "wrong"].repeat(4) {
        app.log_in("ada", password).await.assert_problem(503, "unavailable");
    }
    let change = json!({"currentPassword": PASSWORD, "newPassword": "another horse battery"});
    let changed = app.call(Method::POST, "/auth/change-password", &ada.access, &change).await;
    changed.assert_problem(503, "unavailable");
    assert_eq!(counted(&app), Vec::<String>::new());
    app.log_in("nobody", PASSWORD).await.assert_problem(401, "invalid-credentials");

    let rotated = app.node_with(&[("secrets.pepper_keys", &format!("{P2},{P1}"))]).await;
    log_in_on(&app, &rotated, "ada", "wrong").await.assert_problem(401, "invalid-credentials");
    assert_eq!(stored(&app, &ada).await, with_p1);
    log_in_on(&app, &rotated, "ada", PASSWORD).await.assert_status(200);
    let with_p2 = stored(&app, &ada).await;
    assert!(with_p2.0.contains(",keyid=cDI$"), "{}", with_p2.0);
    log_in_on(&app, &peppered, "ada", PASSWORD).await.assert_problem(503, "unavailable");
    assert_eq!(stored(&app, &ada).await.1, plain.1);
    app.me(&ada.access).await.assert_status(200);

    // Whoever resets the password needs the old pepper no more.
    app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    app.reset(&token, "another horse battery").await.assert_status(204);
    app.log_in("ada", "another horse battery").await.assert_status(200);
}
