//! What every answer keeps to: contract, section 1.

use hyper::Method;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::raw::Raw;
use crate::support::resp::Resp;

/// One request of each kind of answer that needs no code.
async fn one_of_each(app: &TestApp, link: &Link, headers: &[(&str, &str)]) -> Vec<(u16, Answer)> {
    let (json, text) = (("content-type", "application/json"), ("content-type", "text/plain"));
    let info = app.url(link, "info");
    let verify = app.url(link, "verify-otp");
    let unknown = info.replace(&link.token, &"x".repeat(43));
    let nothing = format!("http://{}/nothing", app.nodes[0].public);
    let large = "x".repeat(40_000);
    let mut answers = Vec::new();
    for (status, method, url, own, body) in [
        (200, Method::GET, &info, None, ""),
        (404, Method::GET, &nothing, None, ""),
        (404, Method::GET, &unknown, None, ""),
        (405, Method::DELETE, &info, None, ""),
        (415, Method::POST, &verify, Some(text), "{}"),
        (400, Method::POST, &verify, Some(json), "{"),
        (413, Method::POST, &verify, Some(json), large.as_str()),
        (422, Method::POST, &verify, Some(json), r#"{"otp":"12345"}"#),
        (401, Method::POST, &verify, Some(json), r#"{"otp":"123456"}"#),
        (401, Method::POST, &app.url(link, "start"), None, ""),
        (202, Method::POST, &app.url(link, "request-otp"), None, ""),
        (429, Method::POST, &app.url(link, "request-otp"), None, ""),
    ] {
        let headers: Vec<_> = headers.iter().copied().chain(own).collect();
        answers.push((status, app.http.send(method, url, &headers, body).await));
    }
    answers
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_is_not_stored() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    for (status, answer) in one_of_each(&app, &link, &[("x-request-id", "trace-0123.A_z")]).await {
        let answer = answer.assert_status(status);
        assert_eq!(answer.header("x-request-id"), Some("trace-0123.A_z"), "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_all_its_members() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    for (status, answer) in one_of_each(&app, &link, &[]).await {
        if status >= 400 {
            let slug = answer.text_of("type").replace("urn:vestibule:problem:", "");
            let answer = answer.assert_problem(status, &slug);
            assert_eq!(answer.header("www-authenticate").is_some(), slug == "unauthenticated", "{}", answer.text());
            assert_eq!(answer.json().get("errors").is_some(), slug == "validation-failed", "{}", answer.text());
            assert_eq!(answer.header("allow").is_some(), status == 405, "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_well_formed_and_replaced_otherwise() {
    let app = TestApp::start().await;
    let url = format!("http://{}/nothing", app.nodes[0].public);
    let echo = async |id: &str| {
        let answer = app.http.send(Method::GET, &url, &[("x-request-id", id)], "").await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    let longest = "a".repeat(128);
    for kept in ["12345678", "A-b_c.9-", longest.as_str()] {
        assert_eq!(echo(kept).await, kept);
    }
    let too_long = "a".repeat(129);
    for replaced in
        ["", "1234567", too_long.as_str(), "with space", "semi;colon", "quote\"quote", "tab\ttab", "12345678,"]
    {
        let id = echo(replaced).await;
        assert_ne!(id, replaced);
        assert!((8..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
    assert_ne!(echo("").await, echo("").await);

    let mut raw = Raw::connect(app.nodes[0].public).await;
    let answer = raw.ask("GET /nothing", "x-request-id: caf\u{e9}-12345\r\n").await;
    assert!(answer.header("x-request-id").unwrap().is_ascii());
    // A header line that somebody got into the value is a header of its own, and no more.
    let answer = raw.ask("GET /nothing", "x-request-id: 12345678\r\nset-cookie: a=b\r\n").await;
    assert_eq!(answer.header("x-request-id"), Some("12345678"));
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    for (endpoint, allow) in [("info", "GET, HEAD"), ("request-otp", "POST"), ("verify-otp", "POST"), ("start", "POST")]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.http.send(method.clone(), &app.url(&link, endpoint), &[], "").await;
            assert_eq!(answer.header("allow"), Some(allow), "{method} {endpoint}");
            assert_eq!(answer.status, 405, "{method} {endpoint}");
        }
    }
}

#[tokio::test]
async fn paths_are_exact() {
    let app = TestApp::start().await;
    let token = app.invite("ada@example.com").await.token;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    for path in [
        "/".to_owned(),
        "//".to_owned(),
        "*".to_owned(),
        format!("/candidate-access/{token}"),
        format!("/candidate-access/{token}/"),
        format!("/candidate-access/{token}/info/"),
        format!("//candidate-access/{token}/info"),
        format!("/candidate-access//{token}/info"),
        format!("/candidate-access/{token}//info"),
        format!("/candidate-access/./{token}/info"),
        format!("/candidate-access/{token}/x/../info"),
        format!("/./candidate-access/{token}/info"),
        format!("/candidate-access/{token}/%69nfo"),
        format!("/candidate-access/{token}/info%00"),
        format!("/candidate%2daccess/{token}/info"),
        format!("/candidate-access%2f{token}/info"),
        format!("/Candidate-Access/{token}/info"),
        format!("/candidate-access/{token}/INFO"),
        format!("/candidate-access/{token}/info;x=1"),
    ] {
        let answer = raw.ask(&format!("GET {path}"), "").await;
        assert_eq!(answer.status, 404, "{path}: {answer}");
        assert_eq!(answer.json()["type"], "urn:vestibule:problem:not-found", "{path}");
    }
    let escaped = format!("%{:02x}{}", token.as_bytes()[0], &token[1..]);
    let path = format!("GET /candidate-access/{escaped}/info");
    raw.ask(&path, "").await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn a_query_is_ignored_and_a_target_may_be_absolute() {
    let app = TestApp::start().await;
    let token = app.invite("ada@example.com").await.token;
    let mut raw = Raw::connect(app.nodes[0].public).await;
    for target in [
        format!("/candidate-access/{token}/info?"),
        format!("/candidate-access/{token}/info?token=other&x=%00"),
        format!("http://elsewhere.example/candidate-access/{token}/info"),
    ] {
        raw.ask(&format!("GET {target}"), "").await.assert_status(200);
    }
}

/// Every key but the clients' counters, with its value.
fn keyspace(resp: &mut Resp) -> Vec<(String, String)> {
    let mut keys = resp.keys();
    keys.retain(|key| !key.starts_with("vb:candidate_ip:"));
    keys.sort();
    keys.into_iter().map(|key| (format!("{:?}", resp.call(&["DUMP", &key])), key)).collect()
}

#[tokio::test]
async fn head_is_get_without_a_body_and_neither_changes_anything() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.code(&link).await;
    app.info(&link).await.assert_status(200);

    let mut resp = app.resp();
    let before = keyspace(&mut resp);
    assert!(before.iter().any(|(_, key)| key.starts_with("vb:otp:")), "{before:?}");
    let path = format!("/candidate-access/{}/info", link.token);
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
    let head = raw.answer_to_head().await.assert_status(200);
    let get = raw.ask(&format!("GET {path}"), "").await.assert_status(200);
    for _ in 0..3 {
        raw.ask(&format!("GET {path}"), "x-request-id: another-one\r\n").await.assert_status(200);
        raw.ask("GET /nothing", "").await.assert_status(404);
    }
    assert_eq!(keyspace(&mut resp), before);

    for name in ["content-type", "content-length", "cache-control", "ratelimit-policy"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(get.header(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_session_of_another_link_is_forbidden_and_none_is_unauthenticated() {
    let app = Setup::new().start().await;
    let (mine, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    let code = app.code(&mine).await;
    let token = app.verify(&mine, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&other, &token).await.assert_problem(403, "forbidden");
    let answer = app.begin(&mine, "nonsense").await.assert_problem(401, "unauthenticated");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{:?}", answer.headers);
}

#[tokio::test]
async fn without_redis_every_endpoint_is_unavailable_and_says_when_to_try_again() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.redis.pause().unwrap();
    let (info, request, verify) = tokio::join!(app.info(&link), app.request(&link), app.verify(&link, "123456"));
    app.redis.resume().unwrap();
    for answer in [info, request, verify] {
        answer.assert_problem(503, "unavailable");
    }
    app.info(&link).await.assert_status(200);
}
