//! Heads that are late, broken, too large, or that two readers would read differently.

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::raw::Raw;

#[tokio::test]
async fn a_head_that_cannot_be_parsed_is_refused_without_a_body_and_the_connection_closed() {
    let app = TestApp::start().await;
    for head in [
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/3.7\r\n\r\n",
        "G@T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nna me: value\r\n\r\n",
        "GET / HTTP/1.1\r\nname : value\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: value\r\n\r\n",
        "GET / HTTP/1.1\r\nname: va\0lue\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
    ] {
        let mut raw = Raw::connect(app.nodes[0].public).await;
        raw.send(head).await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.body.len()), (400, 0), "{head:?}: {answer}");
        assert_eq!(raw.rest().await, "", "{head:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_without_a_body_and_the_connection_closed() {
    let app = TestApp::start().await;
    let long = "x".repeat(40_000);
    let many = "x: y\r\n".repeat(200);
    for (head, statuses) in [
        (format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"), &[431][..]),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), &[431]),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), &[414, 431]),
    ] {
        let mut raw = Raw::connect(app.nodes[0].public).await;
        raw.send(head).await;
        let answer = raw.answer().await;
        assert!(statuses.contains(&answer.status) && answer.body.is_empty(), "{answer}");
        assert_eq!(raw.rest().await, "");
    }
    // What a proxy passes on by default is taken.
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.ask("GET /nothing", &format!("cookie: {}\r\n", "x".repeat(30_000))).await.assert_status(404);
}

#[tokio::test]
async fn two_lengths_never_make_two_requests_out_of_one() {
    let app = TestApp::start().await;
    let inner = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";
    let ways = [
        format!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{inner}"),
        format!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("content-length: 5\r\ncontent-length: 0\r\n\r\n{inner}"),
        format!("content-length: 5, 0\r\n\r\n{inner}"),
        format!("content-length: +0\r\n\r\n{inner}"),
        format!("content-length: 0x0\r\n\r\n{inner}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{inner}"),
    ];
    for rest in ways {
        let mut raw = Raw::connect(app.nodes[0].public).await;
        raw.send(format!("POST /nothing HTTP/1.1\r\nhost: test\r\n{rest}")).await;
        raw.answer().await;
        assert_eq!(raw.rest().await, "", "{rest}");
    }
}

#[tokio::test]
async fn a_connection_that_stays_idle_or_sends_half_a_head_is_closed() {
    let app = Setup::new().set("http.idle_timeout", &"1s").start().await;
    let (mut idle, mut half) = (Raw::connect(app.nodes[0].public).await, Raw::connect(app.nodes[0].public).await);
    let silent = Raw::connect(app.nodes[0].public).await;
    idle.ask("GET /nothing", "").await.assert_status(404);
    half.send("GET /nothing HTTP/1.1\r\nhost: te").await;
    let (idle, _half, silent) = tokio::join!(idle.rest(), half.rest(), silent.rest());
    assert_eq!((idle.as_str(), silent.as_str()), ("", ""));
}
