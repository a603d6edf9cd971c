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
    let mut late = Raw::connect(node.public).await;
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

    assert_eq!(idle.rest().await, "");
    assert!(Raw::try_connect(node.public).await.is_err(), "the listener is closed");
    // Who was let in before that, and has not said anything yet, may do so for a second.
    let answer = late.ask("GET /nothing", "").await.assert_status(404);
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(unused.rest().await, "");
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

/// A proxy of the simplest kind: it keeps a connection while the node lets it, and asks
/// `/readyz` before it opens one.
struct Proxy<'a> {
    app: &'a TestApp,
    nodes: Vec<(SocketAddr, SocketAddr)>,
    kept: Option<Raw>,
}

impl Proxy<'_> {
    async fn ask(&mut self, line: &str) -> u16 {
        if self.kept.is_none() {
            self.kept = Some(self.connect().await);
        }
        let mut connection = self.kept.take().unwrap();
        let answer = connection.ask(line, "").await;
        if answer.header("connection") != Some("close") {
            self.kept = Some(connection);
        }
        answer.status
    }

    async fn connect(&self) -> Raw {
        for (public, admin) in &self.nodes {
            let Ok(mut probe) = Raw::try_connect(*admin).await else { continue };
            probe.send("GET /readyz HTTP/1.1\r\nhost: test\r\n\r\n").await;
            if probe.try_answer(false).await.is_some_and(|answer| answer.status == 200) {
                return Raw::connect(*public).await;
            }
        }
        panic!("no node is ready");
    }
}

#[tokio::test]
async fn a_rollout_fails_no_request() {
    let app = Setup::new().nodes(0).set("limits.candidate_ip.max", &1_000_000).start().await;
    let token = app.invite("ada@example.com").await.token;
    let line = format!("GET /candidate-access/{token}/info");
    let settings = [("http.drain_delay", "2s")];
    let mut old = vec![Served::start(&app, &settings).await, Served::start(&app, &settings).await];
    let mut proxy = Proxy { app: &app, nodes: old.iter().map(|node| (node.public, node.admin)).collect(), kept: None };
    assert_eq!(proxy.ask(&line).await, 200);

    for _ in 0..2 {
        let new = Served::start(proxy.app, &settings).await;
        proxy.nodes.push((new.public, new.admin));
        let mut leaving = old.remove(0);
        leaving.child.signal(Signal::TERM);
        let mut ended = std::pin::pin!(leaving.child.ended());
        let status = loop {
            tokio::select! {
                biased;
                status = &mut ended => break status,
                answer = proxy.ask(&line) => assert_eq!(answer, 200),
            }
        };
        assert_eq!(status.code(), Some(0));
        assert_eq!(proxy.ask(&line).await, 200);
        old.push(new);
    }
}
