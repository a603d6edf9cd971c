//! The log: one line a request, which an engineer can search and which gives nothing away.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::child::Served;
use crate::support::raw::Raw;
use crate::support::until::until;

async fn without_nodes() -> (TestApp, Link) {
    let app = Setup::new().nodes(0).start().await;
    let link = app.invite("ada@example.com").await;
    (app, link)
}

/// The line of a request, once it is there: it is the only one.
async fn line_of(node: &Served, id: &str) -> Value {
    let line = node.child.line(&format!("\"request_id\":\"{id}\"")).await;
    let with_id = node.child.lines().iter().filter(|line| line.contains(id)).count();
    assert_eq!(with_id, 1, "{:#?}", node.child.lines());
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[tokio::test]
async fn a_request_is_one_line_of_json_that_never_holds_its_path() {
    let (app, link) = without_nodes().await;
    let node = Served::start(&app, &[("trusted_proxies", "127.0.0.0/8")]).await;
    let mut raw = Raw::connect(node.public).await;
    let token = &link.token;
    for (id, line, headers, expected) in [
        ("the-first", format!("GET /candidate-access/{token}/info"), "", ("GET", "candidate_info", 200, "")),
        ("the-second", format!("GET /elsewhere/{token}"), "", ("GET", "none", 404, "not-found")),
        ("the-third", format!("PUT /candidate-access/{token}/info"), "", ("PUT", "none", 405, "method-not-allowed")),
        (
            "the-fourth",
            format!("POST /candidate-access/{token}/start"),
            "x-forwarded-for: 203.0.113.9\r\nx-session-token: s3cr3t\r\n",
            ("POST", "start", 401, "unauthenticated"),
        ),
    ] {
        raw.ask(&line, &format!("x-request-id: {id}\r\n{headers}")).await.assert_status(expected.2);
        let line = line_of(&node, id).await;
        let (method, route, status, slug) = expected;
        assert_eq!(line["method"], method, "{line}");
        assert_eq!(line["route"], route, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["slug"], slug, "{line}");
        assert_eq!(line["level"], "INFO", "{line}");
        let client = if headers.is_empty() { "127.0.0.1" } else { "203.0.113.9" };
        assert_eq!(line["client"], client, "{line}");
        assert!(line["us"].as_u64().is_some_and(|us| us > 0), "{line}");
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    let said = node.child.lines().join("\n");
    for secret in [token.as_str(), "s3cr3t", "elsewhere", "ada@example.com"] {
        assert!(!said.contains(secret), "{secret} is in\n{said}");
    }
    assert!(said.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said}");
}

#[tokio::test]
async fn a_request_names_its_trace_and_else_begins_one() {
    let (app, _) = without_nodes().await;
    let node = Served::start(&app, &[]).await;
    let mut raw = Raw::connect(node.public).await;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let header = format!("traceparent: 00-{trace}-{parent}-01\r\n");
    let id = "4be1f0c2a7d8e93650b1c2d3e4f5a697";
    for (name, sent, expected) in [
        ("it-goes-on", header.clone(), (Some(trace), parent)),
        ("two-are-none", header.repeat(2), (None, "")),
        ("malformed", format!("traceparent: 00-{trace}-{parent}\r\n"), (None, "")),
        ("there-is-none", String::new(), (None, "")),
        // A request that has no trace gives it its name, where it can.
        (id, String::new(), (Some(id), "")),
    ] {
        let answer = raw.ask("GET /nowhere", &format!("x-request-id: {name}\r\n{sent}")).await.assert_status(404);
        let (sent_on, told) = (answer.header("traceparent"), answer.header("traceresponse"));
        assert!(sent_on.is_none() && told.is_none(), "{name}: {sent_on:?} {told:?}");
        let line: Value = serde_json::from_str(&node.child.line(&format!("\"request_id\":\"{name}\"")).await).unwrap();
        let began = line["trace_id"].as_str().unwrap();
        assert!(began.len() == 32 && (expected.0.is_none() != (began == trace || began == id)), "{line}");
        assert_eq!(expected.0.unwrap_or(began), began, "{line}");
        assert_eq!(line["parent_id"], expected.1, "{line}");
    }
}

#[tokio::test]
async fn what_made_an_answer_unavailable_is_logged_once_with_its_cause() {
    let (app, link) = without_nodes().await;
    let node = Served::start(&app, &[("redis.command_timeout", "100ms")]).await;
    let mut raw = Raw::connect(node.public).await;
    app.redis.pause().unwrap();
    let line = format!("GET /candidate-access/{}/info", link.token);
    let answer = raw.ask(&line, "x-request-id: the-unlucky\r\n").await;
    app.redis.resume().unwrap();
    let answer = answer.assert_problem(503, "unavailable");
    let line = line_of(&node, "the-unlucky").await;
    assert_eq!(line["level"], "ERROR", "{line}");
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.starts_with("redis: "), "{cause}");
    assert!(!answer.to_string().to_lowercase().contains("redis"), "the cause is for us: {answer}");
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_its_line_too() {
    let (app, link) = without_nodes().await;
    let settings = [("mail.sweep_interval", "100ms"), ("redis.command_timeout", "2s")];
    let node = Served::start(&app, &settings).await;
    let mut resp = app.resp();
    resp.hold();
    let mut raw = Raw::connect(node.public).await;
    let head = "HTTP/1.1\r\nhost: test\r\nx-request-id: the-impatient\r\n\r\n";
    raw.send(format!("GET /candidate-access/{}/info {head}", link.token)).await;
    // The node's own sweeps only read, and are not held.
    until("the decision to be under way", async || (app.resp().held() == 1).then_some(())).await;
    drop(raw);
    let line = line_of(&node, "the-impatient").await;
    resp.release();
    assert_eq!(line["status"], 499, "{line}");
    assert_eq!(line["cause"], "the client hung up", "{line}");
}

#[tokio::test]
async fn the_human_format_tells_the_same_without_colours_in_a_file() {
    let (app, _) = without_nodes().await;
    let child = Served::launch(&app, "", &[("log.format", "human")]);
    let ready = child.line("ready public=").await;
    let public = ready.split("public=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    Raw::connect(public).await.ask("GET /nothing", "x-request-id: the-reader\r\n").await.assert_status(404);
    let line =
        until("the line", async || child.lines().into_iter().find(|line| line.contains("request_id=\"the-reader\"")))
            .await;
    for words in ["INFO", "method=GET", "route=\"none\"", "status=404", "slug=\"not-found\"", "client=127.0.0.1"] {
        assert!(line.contains(words), "{words} is not in {line}");
    }
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

/// A program. It ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_keeps_nobody_waiting_and_tells_what_it_lacks() {
    const REQUESTS: usize = 5_000;
    let (app, _) = without_nodes().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("serve").env_clear().envs(Served::settings(&app, &[])).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut node = Running(command.spawn().unwrap());
    let mut log = BufReader::new(node.0.stderr.take().unwrap()).lines().map(|line| {
        let line = line.unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    let ready = log.find(|line| line["message"] == "ready").unwrap();

    // A pipe holds 64 KiB, and a node 1 MiB of lines; these are 1.6 MB.
    let mut raw = Raw::connect(ready["public"].as_str().unwrap().parse().unwrap()).await;
    for _ in 0..REQUESTS {
        raw.ask("GET /nowhere", "").await.assert_status(404);
    }
    let (mut told, mut lacks) = (0, 0);
    while told + lacks < REQUESTS {
        let line = log.next().unwrap();
        match line["lines"].as_u64() {
            Some(lines) => lacks += usize::try_from(lines).unwrap(),
            None => told += usize::from(line["target"] == "vestibule::request"),
        }
    }
    assert_eq!(told + lacks, REQUESTS);
    assert!(told > 1_000 && lacks > 500, "{told} told, {lacks} not");
}
