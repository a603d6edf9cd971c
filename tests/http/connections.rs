//! Connections: kept, shared out, and not what a decision hangs on.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::raw::Raw;
use crate::support::until::until;

/// Open connections of the first node's public listener, as it counts them.
async fn open(app: &TestApp) -> u64 {
    let metrics = app.http.get(&format!("http://{}/metrics", app.nodes[0].admin)).await;
    let text = String::from_utf8(metrics.body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("vestibule_http_connections ")).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let app = TestApp::start().await;
    let token = app.invite("ada@example.com").await.token;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    for _ in 0..3 {
        let answer = raw.ask(&format!("GET /candidate-access/{token}/info"), "").await.assert_status(200);
        assert_eq!(answer.header("connection"), None);
        raw.ask("GET /nothing", "").await.assert_status(404);
        raw.ask(&format!("POST /candidate-access/{token}/start"), "content-length: 3\r\n\r\nabc")
            .await
            .assert_status(401);
    }
    assert_eq!(open(&app).await, 1);
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_their_order() {
    let app = TestApp::start().await;
    let token = app.invite("ada@example.com").await.token;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let request = |line: &str, id: &str| format!("{line} HTTP/1.1\r\nhost: test\r\nx-request-id: {id}\r\n\r\n");
    let all = [
        request(&format!("GET /candidate-access/{token}/info"), "the-first"),
        request("GET /nothing", "the-second"),
        request(&format!("PUT /candidate-access/{token}/info"), "the-third"),
    ];
    raw.send(all.concat()).await;
    for (status, id) in [(200, "the-first"), (404, "the-second"), (405, "the-third")] {
        let answer = raw.answer().await.assert_status(status);
        assert_eq!(answer.header("x-request-id"), Some(id));
    }
}

#[tokio::test]
async fn http_1_0_and_a_wish_to_close_end_the_connection() {
    let app = TestApp::start().await;
    for request in ["GET /nothing HTTP/1.0\r\n\r\n", "GET /nothing HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"]
    {
        let mut raw = Raw::connect(app.nodes[0].public).await;
        raw.send(request).await;
        raw.answer().await.assert_problem(404, "not-found");
        assert_eq!(raw.rest().await, "");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_has_asked_for_one_mail_all_the_same() {
    let setup = Setup::new().set("redis.command_timeout", &"2s");
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);

    let mut resp = app.resp();
    resp.hold();
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.send(format!("POST /candidate-access/{}/request-otp HTTP/1.1\r\nhost: test\r\n\r\n", link.token)).await;
    // The node's own sweeps only read, and are not held.
    until("the decision to be under way", async || (app.resp().held() == 1).then_some(())).await;
    drop(raw);
    until("the node to notice", async || (open(&app).await == 1).then_some(())).await;
    resp.release();

    let code = app.nth_code("ada@example.com", 1).await;
    app.request(&link).await.assert_problem(429, "otp-resend-too-soon");
    assert_eq!(app.mails("ada@example.com").await.len(), 1);
    app.verify(&link, &code).await.assert_status(200);
}

#[tokio::test]
async fn past_the_cap_connections_wait_until_another_closes() {
    let app = Setup::new().set("http.connections_max", &2).start().await;
    let (mut first, mut second) = (Raw::connect(app.nodes[0].public).await, Raw::connect(app.nodes[0].public).await);
    first.ask("GET /nothing", "").await.assert_status(404);
    second.ask("GET /nothing", "").await.assert_status(404);

    let mut third = Raw::connect(app.nodes[0].public).await;
    third.send("GET /nothing HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // The others are served, and this one is not even looked at.
    for _ in 0..20 {
        second.ask("GET /nothing", "").await.assert_status(404);
    }
    assert_eq!(open(&app).await, 2);
    drop(first);
    third.answer().await.assert_status(404);
}

#[tokio::test]
async fn without_files_for_another_connection_the_node_waits_says_so_and_recovers() {
    let app = Setup::new().nodes(0).start().await;
    let changes = [("http.workers", "1"), ("http.connections_max", "1000")];
    let child = Served::launch(&app, "ulimit -n 64;", &changes);
    let ready = child.line("\"message\":\"ready\"").await;
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let public = ready["public"].as_str().unwrap().parse().unwrap();
    assert!(child.lines().iter().any(|line| line.contains("limit of open files")), "{:#?}", child.lines());

    let mut connections = Vec::new();
    for _ in 0..80 {
        connections.push(Raw::connect(public).await);
    }
    child.line("a connection cannot be accepted").await;
    connections[0].ask("GET /nothing", "").await.assert_status(404);
    let mut last = connections.pop().unwrap();
    connections.clear();
    last.ask("GET /nothing", "").await.assert_status(404);
    let complaints = child.lines().iter().filter(|line| line.contains("a connection cannot be accepted")).count();
    assert!(complaints < 100, "{complaints} complaints: it does not back off");
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_hung_up_on() {
    let app = Setup::new().set("http.idle_timeout", &"1s").start().await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    // Far more answers than the buffers of both ends take.
    let requests = "GET /nothing HTTP/1.1\r\nhost: test\r\n\r\n".repeat(1_000);
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), raw.try_send(&requests)).await {}
    until("the connection to be gone", async || (open(&app).await == 0).then_some(())).await;
}
