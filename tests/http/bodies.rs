//! What a body may be, and what is said where it is not.

use hyper::Method;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::raw::Raw;

fn verify(link: &Link) -> String {
    format!("POST /candidate-access/{}/verify-otp", link.token)
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_body_is_json_of_the_right_shape_or_refused() {
    let app = Setup::new().set("limits.candidate_ip.max", &10_000).start().await;
    let link = app.invite("ada@example.com").await;
    let nested = "{\"x\":".repeat(2_000);
    let deep = format!(r#"{{"otp":"123456","x":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    for (body, status, slug) in [
        ("", 400, "malformed-body"),
        ("null", 400, "malformed-body"),
        ("[]", 400, "malformed-body"),
        ("\"123456\"", 400, "malformed-body"),
        ("{", 400, "malformed-body"),
        ("{\"otp\":\"123456\"}{}", 400, "malformed-body"),
        ("otp=123456", 400, "malformed-body"),
        ("\u{feff}{\"otp\":\"123456\"}", 400, "malformed-body"),
        (r#"{"otp":null}"#, 400, "malformed-body"),
        (r#"{"otp":123456}"#, 400, "malformed-body"),
        (r#"{"otp":["123456"]}"#, 400, "malformed-body"),
        (r#"{"otp":true}"#, 400, "malformed-body"),
        (r#"{"otp":"123456","otp":"123456"}"#, 400, "malformed-body"),
        (r#"{"otp":"123456","o\u0074p":"123456"}"#, 400, "malformed-body"),
        (r#"{"otp":"123456","x":1,"x":2}"#, 400, "malformed-body"),
        (r#"{"otp":"\ud800"}"#, 400, "malformed-body"),
        (nested.as_str(), 400, "malformed-body"),
        ("{}", 422, "validation-failed"),
        (r#"{"OTP":"123456"}"#, 422, "validation-failed"),
        (r#"{"otp":""}"#, 422, "validation-failed"),
        (r#"{"otp":"12345"}"#, 422, "validation-failed"),
        (r#"{"otp":"1234567"}"#, 422, "validation-failed"),
        (r#"{"otp":" 123456"}"#, 422, "validation-failed"),
        (r#"{"otp":"12345\u0000"}"#, 422, "validation-failed"),
        (r#"{"otp":"123456\n"}"#, 422, "validation-failed"),
        ("{\"otp\":\"\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\"}", 422, "validation-failed"),
        (r#"{"otp":"123456"}"#, 401, "otp-expired"),
        (r#" {"x":{"y":[null,1.5e300]},"otp":"\u0031\u00323456","Otp":1} "#, 401, "otp-expired"),
        (deep.as_str(), 401, "otp-expired"),
    ] {
        let answer = app.http.post_json(&app.url(&link, "verify-otp"), body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        let answer = answer.assert_problem(status, slug);
        if status == 422 {
            let errors = &answer.json()["errors"];
            assert_eq!(errors[0]["field"], "otp", "{body}");
            assert!(!errors[0]["message"].as_str().unwrap().is_empty(), "{body}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_malformed() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let head = format!("{} HTTP/1.1\r\nhost: test\r\n{JSON}content-length: 16\r\n\r\n", verify(&link));
    raw.send([head.as_bytes(), b"{\"otp\":\"12345\xff\"}"].concat()).await;
    raw.answer().await.assert_problem(400, "malformed-body");
}

#[tokio::test]
async fn the_media_type_is_json_in_any_case_and_with_any_parameter() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let send = async |content_type: &str| {
        let headers = [("content-type", content_type)];
        app.http.send(Method::POST, &app.url(&link, "verify-otp"), &headers, r#"{"otp":"123456"}"#).await
    };
    for taken in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=\"UTF-8\"",
    ] {
        send(taken).await.assert_problem(401, "otp-expired");
    }
    for refused in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "text/json"] {
        send(refused).await.assert_problem(415, "unsupported-media-type");
    }
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let twice = format!("content-type: text/plain\r\n{JSON}content-length: 0\r\n");
    raw.ask(&verify(&link), &twice).await.assert_problem(415, "unsupported-media-type");
    raw.ask(&verify(&link), "content-length: 0\r\n").await.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_body_has_32_kib_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let of = |length: usize| format!(r#"{{"otp":"123456"{}}}"#, " ".repeat(length - 16));
    for (length, status, slug) in [(32_768, 401, "otp-expired"), (32_769, 413, "body-too-large")] {
        let body = of(length);
        assert_eq!(body.len(), length);
        app.http.post_json(&app.url(&link, "verify-otp"), &body).await.assert_problem(status, slug);

        let mut raw = Raw::connect(app.nodes[0].public).await;
        let head = format!("{} HTTP/1.1\r\nhost: test\r\n{JSON}transfer-encoding: chunked\r\n\r\n", verify(&link));
        let chunks: String =
            [&body[..9_000], &body[9_000..]].iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
        raw.send(head + &chunks + "0\r\n\r\n").await;
        raw.answer().await.assert_problem(status, slug);
    }
}

#[tokio::test]
async fn a_length_that_is_too_large_is_refused_before_the_body_comes() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let answer = raw.ask(&verify(&link), &format!("{JSON}content-length: 99999999999\r\n")).await;
    let answer = answer.assert_problem(413, "body-too-large");
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_client_that_sends_too_much_still_reads_why_it_is_refused() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.send(format!("{} HTTP/1.1\r\nhost: test\r\n{JSON}content-length: 8000000\r\n\r\n", verify(&link))).await;
    // More than all buffers on the way take: a reset would be noticed here.
    raw.send("x".repeat(8_000_000)).await;
    raw.answer().await.assert_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_ends_the_connection() {
    let app = Setup::new().set("http.body_timeout", &"200ms").start().await;
    let link = app.invite("ada@example.com").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let answer = raw.ask(&verify(&link), &format!("{JSON}content-length: 16\r\n")).await;
    let answer = answer.assert_problem(408, "request-timeout");
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn an_endpoint_without_a_body_ignores_one() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let huge = "x".repeat(2_000_000);
    for body in ["not json", huge.as_str()] {
        for (method, endpoint, status) in
            [(Method::GET, "info", 200), (Method::POST, "request-otp", 202), (Method::POST, "start", 401)]
        {
            let headers = [("content-type", "image/png")];
            let answer = app.http.send(method, &app.url(&link, endpoint), &headers, body).await;
            answer.assert_status(status);
        }
        app.pass(60_000);
    }
}

#[tokio::test]
async fn a_connection_outlives_a_small_body_that_nobody_reads_and_not_a_large_one() {
    let app = TestApp::start().await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    for body in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"] {
        let answer = raw.ask("POST /nothing", body).await.assert_status(404);
        assert_eq!(answer.header("connection"), None, "{answer}");
    }
    let answer = raw.ask("POST /nothing", "content-length: 40000\r\n").await.assert_status(404);
    assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let expecting = format!("{JSON}content-length: 16\r\nexpect: 100-continue\r\n");
    raw.ask(&verify(&link), &expecting).await.assert_status(100);
    raw.send(r#"{"otp":"123456"}"#).await;
    raw.answer().await.assert_problem(401, "otp-expired");

    // And is spared the trouble where the body would be refused anyway.
    let expecting = format!("{JSON}content-length: 40000\r\nexpect: 100-continue\r\n");
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.ask(&verify(&link), &expecting).await.assert_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_body_that_ends_early_decides_nothing() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let head = format!("{} HTTP/1.1\r\nhost: test\r\n{JSON}content-length: 17\r\n\r\n", verify(&link));
    raw.send(format!(r#"{head}{{"otp":"{code}"}}"#)).await;
    drop(raw);
    app.verify(&link, &code).await.assert_status(200);
}
