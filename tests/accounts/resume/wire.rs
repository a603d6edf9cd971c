//! A resume on the wire: slowly sent, slowly taken, cut off, and too many at a time.

use std::net::SocketAddr;

use hyper::Method;
use rustix::process::Signal;

use super::{CV, MAX, PDF, get, put, resume};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::members::Member;
use crate::support::raw::Raw;
use crate::support::until::until;

/// More than all buffers on the way take: a client that does not read has not got it all.
const LARGE: usize = 16 * 1_024 * 1_024;

fn large() -> Setup {
    // Whether a machine that others load moves so much in time is not what is asked of it here.
    let patience = [("http.body_timeout", "2m"), ("http.handler_timeout", "5m"), ("postgres.statement_timeout", "10s")];
    let setup = Setup::new().set("profile.resume_bytes_max", &LARGE);
    patience.iter().fold(setup, |setup, (key, value)| setup.set(key, value))
}

/// A large file of one letter.
fn filled(letter: &str) -> String {
    let mut file = "%PDF-".to_owned();
    file.push_str(&letter.repeat(LARGE - file.len()));
    file
}

fn bearer(member: &Member) -> String {
    format!("authorization: Bearer {}\r\n", member.access)
}

/// Begins to send something, and is told to go on: from then on the node is reading it.
async fn begin_put(app: &TestApp, member: &Member, length: usize) -> Raw {
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let headers = format!("{}content-length: {length}\r\nexpect: 100-continue\r\n", bearer(member));
    raw.ask("PUT /profile/resume", &headers).await.assert_status(100);
    raw
}

/// Begins to take it, and reads nothing of it yet.
async fn begin_get(node: SocketAddr, member: &Member) -> Raw {
    let mut raw = Raw::connect(node).await;
    raw.send(format!("GET /profile/resume HTTP/1.1\r\nhost: test\r\n{}\r\n", bearer(member))).await;
    raw
}

/// How often the node has asked Postgres for a piece.
async fn pieces(app: &TestApp, admin: SocketAddr) -> u64 {
    let metrics = app.http.get(&format!("http://{admin}/metrics")).await.assert_status(200);
    let metrics = String::from_utf8(metrics.body).unwrap();
    let asked = metrics.lines().filter(|line| line.contains("queries_total{") && line.contains("\"resume_chunk\""));
    asked.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

async fn some_pieces(app: &TestApp, admin: SocketAddr) {
    until("the first pieces", || async { (pieces(app, admin).await >= 2).then_some(()) }).await;
}

#[tokio::test]
async fn head_tells_what_get_would_and_reads_nothing() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.send(format!("HEAD /profile/resume HTTP/1.1\r\nhost: test\r\n{}\r\n", bearer(&member))).await;
    raw.answer_to_head().await.assert_status(404);

    put(&app, &member, PDF, CV.repeat(40_000)).await.assert_status(201);
    raw.send(format!("HEAD /profile/resume HTTP/1.1\r\nhost: test\r\n{}\r\n", bearer(&member))).await;
    let head = raw.answer_to_head().await.assert_status(200);
    assert_eq!(pieces(&app, app.nodes[0].admin).await, 0);
    let got = get(&app, &member).await.assert_status(200);
    for name in ["content-type", "content-disposition", "x-content-type-options", "content-length", "cache-control"] {
        assert!(head.header(name).is_some(), "{name} is not in {head}");
        assert_eq!(head.header(name), got.header(name), "{name}");
    }
    assert_eq!(got.body.len(), CV.len() * 40_000);
    // The connection goes on where a body would have been in the way.
    raw.ask("GET /profile", &bearer(&member)).await.assert_status(200);
}

#[tokio::test]
async fn too_much_is_refused_before_it_comes_and_while_it_does() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let headers = format!("{}content-length: {}\r\n", bearer(&member), MAX + 1);
    let answer = raw.ask("PUT /profile/resume", &headers).await.assert_problem(413, "body-too-large");
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(raw.rest().await, "");

    let chunk = "x".repeat(65_536);
    for (last, status) in [("", 201), ("1\r\nx\r\n", 413)] {
        let mut raw = Raw::connect(app.nodes[0].public).await;
        let head = format!("PUT /profile/resume HTTP/1.1\r\nhost: test\r\n{}", bearer(&member));
        let chunks = format!("10000\r\n{chunk}\r\n").repeat(MAX / chunk.len());
        raw.send(format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}{last}0\r\n\r\n")).await;
        raw.answer().await.assert_status(status);
    }
    assert_eq!(get(&app, &member).await.assert_status(200).body.len(), MAX);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let app = Setup::new().set("http.body_timeout", &"200ms").start().await;
    let member = app.member("ada").await;
    let mut raw = begin_put(&app, &member, 100).await;
    raw.send("half of it").await;
    let answer = raw.answer().await.assert_problem(408, "request-timeout");
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(raw.rest().await, "");

    let mut raw = begin_put(&app, &member, 100).await;
    raw.send("half of it").await;
    drop(raw);
    get(&app, &member).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_node_takes_in_so_many_at_a_time() {
    let app = Setup::new().set("profile.uploads_max", &1).set("profile.upload_wait_max", &"20ms").start().await;
    let (ada, eve) = (app.member("ada").await, app.member("eve").await);
    let mut slow = begin_put(&app, &ada, 7).await;
    put(&app, &eve, PDF, CV).await.assert_problem(503, "unavailable").assert_retry_after(1);
    put(&app, &ada, "multipart/form-data; boundary=b", "").await.assert_problem(503, "unavailable");
    // Who sends no file is not in the way of those who do.
    get(&app, &eve).await.assert_problem(404, "not-found");

    slow.send("My life").await;
    slow.answer().await.assert_status(201);
    put(&app, &eve, PDF, CV).await.assert_status(201);
    let gone = begin_put(&app, &ada, 100).await;
    drop(gone);
    until("the place of who hung up", || async { (put(&app, &eve, PDF, CV).await.status == 200).then_some(()) }).await;
}

#[tokio::test]
async fn a_download_of_what_is_replaced_meanwhile_breaks_off() {
    let app = large().start().await;
    let member = app.member("ada").await;
    let node = &app.nodes[0];
    for replaced in [true, false] {
        let before = pieces(&app, node.admin).await;
        put(&app, &member, PDF, filled("a")).await;
        let slow = begin_get(node.public, &member).await;
        until("the first pieces", || async { (pieces(&app, node.admin).await >= before + 2).then_some(()) }).await;
        if replaced {
            put(&app, &member, PDF, filled("b")).await.assert_status(200);
        } else {
            resume(&app, Method::DELETE, &member, &[], "").await.assert_status(204);
        }
        let taken = slow.rest().await;
        let (head, body) = taken.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {LARGE}")), "{head}");
        assert!(body.len() < LARGE, "it was not cut off");
        assert!(!body.contains('b'), "two files in one");
    }
    get(&app, &member).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_drain_waits_for_who_reads_and_not_for_who_hung_up() {
    let app = large().start().await;
    let member = app.member("ada").await;
    put(&app, &member, PDF, filled("a")).await.assert_status(201);
    // Longer than anybody waits here: the node ends when nothing is under way.
    let mut node = Served::start(&app, &[("http.drain_timeout", "1h")]).await;
    let (mut slow, gone) = (begin_get(node.public, &member).await, begin_get(node.public, &member).await);
    some_pieces(&app, node.admin).await;
    drop(gone);
    node.child.signal(Signal::TERM);
    node.child.line("draining").await;
    assert_eq!(slow.answer().await.assert_status(200).body.len(), LARGE);
    assert_eq!(node.child.ended().await.code(), Some(0));
    let said = node.child.lines();
    assert!(!said.iter().any(|line| line.contains("cut off")), "{said:#?}");
}
