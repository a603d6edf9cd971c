//! A node that is told to stop: nobody's request is lost.

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::raw::Raw;
use crate::support::until::until;

const JSON: &str = "content-type: application/json\r\n";

async fn without_nodes() -> TestApp {
    Setup::new().nodes(0).start().await
}

async fn readyz(app: &TestApp, admin: SocketAddr) -> u16 {
    app.http.get(&format!("http://{admin}/readyz")).await.status
}

#[tokio::test]
async fn a_node_that_is_stopped_finishes_what_is_under_way_and_takes_nothing_new() {
    let app = without_nodes().await;
    let token = app.invite("ada@example.com").await.token;
    let mut node = Served::start(&app, &[("http.drain_delay", "2s"), ("http.workers", "2")]).await;
    assert_eq!(readyz(&app, node.admin).await, 200);

    let mut used = Raw::connect(node.public).await;
    used.ask("GET /nothing", "").await.assert_status(404);
    let unused = Raw::connect(node.public).await;
    let mut idle = Raw::connect(node.public).await;
    idle.ask("GET /nothing", "").await.assert_status(404);
    let mut slow = Raw::connect(node.public).await;
    let expecting = format!("{JSON}content-length: 16\r\nexpect: 100-continue\r\n");
    slow.ask(&format!("POST /candidate-access/{token}/verify-otp"), &expecting).await.assert_status(100);

    node.child.signal(Signal::TERM);
    until("the node to say that it drains", async || (readyz(&app, node.admin).await == 503).then_some(())).await;
    let answer = app.http.get(&format!("http://{}/readyz", node.admin)).await;
    assert_eq!(answer.json()["status"], "draining");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["retryAfter"], 1);
    // Proxies have not noticed yet: old and new connections are served, and told to go elsewhere.
    let answer = used.ask("GET /nothing", "").await.assert_status(404);
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(used.rest().await, "");
    Raw::connect(node.public).await.ask("GET /nothing", "").await.assert_status(404);

    assert_eq!((idle.rest().await, unused.rest().await), (String::new(), String::new()));
    assert!(Raw::try_connect(node.public).await.is_err(), "the listener is closed");
    slow.send(r#"{"otp":"123456"}"#).await;
    slow.answer().await.assert_problem(401, "otp-expired");
    assert_eq!(node.child.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_drain_is_bounded() {
    let app = without_nodes().await;
    let token = app.invite("ada@example.com").await.token;
    let settings = [("http.drain_timeout", "200ms"), ("http.body_timeout", "5m"), ("http.handler_timeout", "10m")];
    let mut node = Served::start(&app, &settings).await;
    let mut stuck = Raw::connect(node.public).await;
    let expecting = format!("{JSON}content-length: 16\r\nexpect: 100-continue\r\n");
    stuck.ask(&format!("POST /candidate-access/{token}/verify-otp"), &expecting).await.assert_status(100);

    node.child.signal(Signal::TERM);
    assert_eq!(node.child.ended().await.code(), Some(0));
    let said = node.child.lines();
    assert!(said.iter().any(|line| line.contains("requests under way were cut off")), "{said:#?}");
}
