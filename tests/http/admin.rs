//! The admin listener: probes, metrics, captured mail; and nowhere else.

use hyper::Method;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::raw::Raw;
use crate::support::smtp::{Behaviour, SmtpSink};

#[tokio::test]
async fn probes_and_version_answer_in_json() {
    let app = TestApp::start().await;
    let url = |path: &str| format!("http://{}{path}", app.nodes[0].admin);
    for (path, member, value) in [
        ("/livez", "status", "alive"),
        ("/readyz", "status", "ready"),
        ("/readyz", "redis", "up"),
        ("/readyz", "postgres", "up"),
        ("/version", "version", env!("CARGO_PKG_VERSION")),
    ] {
        let answer = app.http.get(&url(path)).await.assert_status(200);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.header("x-request-id").is_some_and(|id| id.len() >= 8), "{path}");
        assert_eq!(answer.json()[member], value, "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics", "/version", "/dev/mail", "/dev/mail.json"] {
        let head = app.http.send(Method::HEAD, &url(path), &[], "").await.assert_status(200);
        assert!(head.body.is_empty(), "{path}");
        let answer = app.http.post(&url(path)).await.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{path}");
    }
    let mut raw = Raw::connect(app.nodes[0].admin).await;
    for path in ["/", "/livez/", "/candidate-access/x/info", "/dev", "/debug"] {
        raw.ask(&format!("GET {path}"), "").await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_public_listener_has_nothing_of_it() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics", "/version", "/dev/mail", "/dev/mail.json"] {
        let url = format!("http://{}{path}", app.nodes[0].public);
        app.http.get(&url).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn mail_that_is_sent_is_not_shown() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = Setup::new().relay(&sink.url()).start().await;
    for path in ["/dev/mail", "/dev/mail.json"] {
        let url = format!("http://{}{path}", app.nodes[0].admin);
        app.http.get(&url).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn captured_mail_is_a_page_for_people_and_a_list_for_programs() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.invite("ada+test@example.com").await, app.invite("bob@example.com").await);
    let code = app.code(&ada).await;
    app.code(&bob).await;
    let mail = |query: &str| format!("http://{}/dev/mail{query}", app.nodes[0].admin);

    let page = app.http.get(&mail("")).await.assert_status(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains(&code), "{}", page.text());

    let all = app.http.get(&mail(".json")).await.assert_status(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[0]["to"], "bob@example.com", "newest first");
    for to in ["ada%2Btest@example.com", "ada%2btest%40example.com"] {
        let list = app.http.get(&mail(&format!(".json?to={to}"))).await.assert_status(200).json();
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        assert!(list[0]["subject"].as_str().unwrap().starts_with(&code), "{list}");
        for member in ["to", "subject", "text", "html", "at"] {
            assert!(list[0][member].is_string(), "{member}: {list}");
        }
    }
    assert_eq!(app.http.get(&mail(".json?to=nobody@example.com")).await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn a_dependency_that_is_down_is_named_and_does_not_take_the_node_out() {
    let app = TestApp::start().await;
    let url = format!("http://{}/readyz", app.nodes[0].admin);
    app.redis.pause().unwrap();
    let answer = app.http.get(&url).await;
    app.redis.resume().unwrap();
    let answer = answer.assert_status(200).json();
    assert_eq!((&answer["redis"], &answer["postgres"]), (&"down".into(), &"up".into()));
}

/// The value of a series of the exposition, 0 where there is none yet.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn metrics_move_and_hold_no_secret() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let metrics = async || {
        let answer = app.http.get(&format!("http://{}/metrics", app.nodes[0].admin)).await.assert_status(200);
        assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        String::from_utf8(answer.body).unwrap()
    };
    let series = [
        r#"vestibule_http_requests_total{route="candidate_info",status="200",slug=""}"#,
        r#"vestibule_http_requests_total{route="none",status="404",slug="not-found"}"#,
        r#"vestibule_http_requests_total{route="verify_otp",status="401",slug="otp-incorrect"}"#,
        r#"vestibule_http_request_seconds_count{route="request_otp"}"#,
        r#"vestibule_redis_decisions_total{script="otp_verify",verdict="accepted"}"#,
        r#"vestibule_redis_decision_seconds_count{script="admit"}"#,
        r#"vestibule_jobs_total{kind="code",outcome="done"}"#,
        "vestibule_http_connections",
    ];
    let before = metrics().await;
    let code = app.code(&link).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    app.info(&link).await.assert_status(200);
    app.http.get(&format!("http://{}/{}", app.nodes[0].public, link.token)).await.assert_status(404);
    app.verify(&link, wrong).await.assert_problem(401, "otp-incorrect");
    let session = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    let after = metrics().await;
    for series in series {
        assert!(value(&after, series) > value(&before, series), "{series} has not moved:\n{after}");
    }
    assert_eq!(after.lines().last(), Some("# EOF"));
    for secret in [&link.token, &code, &session, &link.email, &link.id().to_string()] {
        assert!(!after.contains(secret.as_str()), "{secret} is in\n{after}");
    }
}
