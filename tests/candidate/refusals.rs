//! Every answer of the flow: what it says, and what it says to whom it refuses.

use serde_json::json;

use super::{extras, frozen, miss, not, seconds, state};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;

const IP: &str = "\"candidate_ip\";q=120;w=60";
const REQUEST: &str = "\"candidate_ip\";q=120;w=60, \"otp_request\";q=5;w=600";
const ATTEMPT: &str = "\"candidate_ip\";q=120;w=60, \"otp_attempt\";q=3";

#[track_caller]
fn assert_quota(answer: &Answer, policy: &str, tightest: &str) {
    assert_eq!(answer.header("ratelimit-policy"), Some(policy), "{}", answer.text());
    assert_eq!(answer.header("ratelimit"), Some(tightest), "{}", answer.text());
}

#[track_caller]
fn assert_json(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test]
async fn successes_say_what_the_contract_says_and_no_more() {
    let app = frozen().await;
    let link = app.invite_with("jane.doe@mail.example.com", &["--minutes", "45"]).await;

    let info = app.info(&link).await.assert_status(200);
    assert_json(&info);
    let expected = json!({
        "candidateName": "Ada Lovelace", "position": "Analyst", "maskedEmail": "j***@m***.com",
        "expiresAt": link.expires_at, "resendIn": 0, "cooldown": 0, "attemptsRemaining": 3, "ref": null,
    });
    assert_eq!(info.json(), expected);
    seconds(&link.expires_at);

    let sent = app.request(&link).await.assert_status(202);
    assert_json(&sent);
    let expected = json!({
        "message": "Verification code sent to j***@m***.com", "maskedEmail": "j***@m***.com",
        "expiresIn": 600, "resendIn": 60, "requestsRemaining": 4, "ref": sent.text_of("ref"),
    });
    assert_eq!(sent.json(), expected);
    let mark = sent.text_of("ref");
    assert!(mark.len() == 3 && mark.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{mark}");

    let code = app.marked_code(&link, &mark).await;
    let verified = app.verify(&link, &code).await.assert_status(200);
    assert_json(&verified);
    let (token, until) = (verified.text_of("sessionToken"), verified.text_of("expiresAt"));
    let expected =
        json!({"sessionToken": token, "candidateName": "Ada Lovelace", "position": "Analyst", "expiresAt": until});
    assert_eq!(verified.json(), expected);

    let started = app.begin(&link, &token).await.assert_status(201);
    assert_json(&started);
    let (session, at) = (started.text_of("sessionId"), started.text_of("startedAt"));
    assert_eq!(started.json(), json!({"sessionId": session, "startedAt": at, "expiresAt": until, "wsUrl": null}));
    assert_eq!(seconds(&at), app.clock.now_us() / 1_000_000);
    assert_eq!(app.begin(&link, &token).await.assert_status(200).json(), started.json());
}

#[tokio::test]
async fn an_address_is_masked_however_short_it_is() {
    let app = TestApp::start().await;
    for (email, masked) in [("a@b.co", "a***@b***.co"), ("jo@x.museum", "j***@x***.museum")] {
        let link = app.invite(email).await;
        assert_eq!(app.info(&link).await.text_of("maskedEmail"), masked);
    }
}

#[tokio::test]
async fn info_tells_every_state() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    assert_eq!(state(&app, &link).await, json!([0, 0, 3, null]), "fresh");

    let mark = app.request(&link).await.assert_status(202).text_of("ref");
    assert_eq!(state(&app, &link).await, json!([60, 0, 3, mark]), "sent");
    app.pass(59_001);
    assert_eq!(state(&app, &link).await, json!([1, 0, 3, mark]), "nearly a minute later");

    app.pass(999);
    let mark = app.request(&link).await.assert_status(202).text_of("ref");
    let code = app.marked_code(&link, &mark).await;
    assert_eq!(state(&app, &link).await, json!([60, 0, 3, mark]), "superseded");
    app.verify(&link, &not(&code)).await.assert_problem(401, "otp-incorrect");
    assert_eq!(state(&app, &link).await, json!([60, 0, 2, mark]), "wrong once");
    miss(&app, &link, &code, 2).await.assert_problem(429, "otp-cooldown");
    assert_eq!(state(&app, &link).await, json!([600, 600, 0, null]), "locked");
    app.pass(599_999);
    assert_eq!(state(&app, &link).await, json!([1, 1, 0, null]), "nearly unlocked");
    app.pass(1);
    assert_eq!(state(&app, &link).await, json!([0, 0, 3, null]), "unlocked");

    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);
    assert_eq!(state(&app, &link).await, json!([60, 0, 3, null]), "used");
}

#[tokio::test]
async fn a_code_is_not_sent_twice_in_a_minute() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let sent = app.request(&link).await.assert_status(202);
    assert_quota(&sent, REQUEST, "\"otp_request\";r=4;t=600");
    app.pass(20_500);

    let refused = app.request(&link).await.assert_problem(429, "otp-resend-too-soon").assert_retry_after(40);
    assert_eq!(extras(&refused), json!({"retryAfter": 40}));
    assert_quota(&refused, REQUEST, "\"otp_request\";r=0;t=40");
}

#[tokio::test]
async fn refused_requests_do_not_count() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    for remaining in [4, 3, 2, 1, 0] {
        let sent = app.request(&link).await.assert_status(202);
        assert_eq!(sent.json()["requestsRemaining"], remaining);
        for _ in 0..6 {
            app.request(&link).await.assert_status(429);
        }
        app.pass(60_000);
    }
    let refused = app.request(&link).await.assert_problem(429, "otp-request-limit").assert_retry_after(300);
    assert_eq!(extras(&refused), json!({"retryAfter": 300}));
    assert_quota(&refused, REQUEST, "\"otp_request\";r=0;t=300");
}

#[tokio::test]
async fn of_several_refusals_the_gravest_is_told_and_the_longest_wait() {
    // A lock that is shorter than what else there is to wait for.
    let app = Setup::new().set("limits.otp_attempt.cooldown", &"10s").start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    for wait in [100_000, 100_000, 100_000, 290_000] {
        app.request(&link).await.assert_status(202);
        app.pass(wait);
    }
    let code = app.code(&link).await;
    let refusal = async |slug: &str, seconds: u64| {
        let refused = app.request(&link).await.assert_problem(429, slug).assert_retry_after(seconds);
        assert_eq!(extras(&refused), json!({"retryAfter": seconds}));
        assert_eq!(app.info(&link).await.json()["resendIn"], seconds);
    };

    // 10 s are left of the full window, 60 s since the last request: the window is told.
    refusal("otp-request-limit", 60).await;
    miss(&app, &link, &code, 3).await.assert_problem(429, "otp-cooldown").assert_retry_after(10);
    refusal("otp-cooldown", 60).await;
    app.pass(9_999);
    refusal("otp-cooldown", 51).await;
    // The cooldown and the first of the window end together.
    app.pass(1);
    refusal("otp-resend-too-soon", 50).await;
    app.pass(50_000);
    app.request(&link).await.assert_status(202);
    refusal("otp-request-limit", 60).await;
}

#[tokio::test]
async fn a_lock_is_told_before_a_full_window() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    for _ in 0..4 {
        app.request(&link).await.assert_status(202);
        app.pass(60_000);
    }
    let code = app.code(&link).await;
    app.request(&link).await.assert_problem(429, "otp-request-limit").assert_retry_after(360);
    miss(&app, &link, &code, 3).await.assert_problem(429, "otp-cooldown");
    let refused = app.request(&link).await.assert_problem(429, "otp-cooldown").assert_retry_after(600);
    assert_quota(&refused, REQUEST, "\"otp_request\";r=0;t=600");
    assert_eq!(state(&app, &link).await, json!([600, 600, 0, null]));
}

#[tokio::test]
async fn wrong_codes_are_counted_down_to_a_lock() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    for left in [2, 1] {
        let wrong = app.verify(&link, &not(&code)).await.assert_problem(401, "otp-incorrect");
        assert_eq!(extras(&wrong), json!({"attemptsRemaining": left}));
        assert_eq!(wrong.header("retry-after"), None);
        assert_quota(&wrong, ATTEMPT, &format!("\"otp_attempt\";r={left};t=0"));
    }
    let locked = app.verify(&link, &not(&code)).await.assert_problem(429, "otp-cooldown").assert_retry_after(600);
    assert_eq!(extras(&locked), json!({"attemptsRemaining": 0, "retryAfter": 600}));
    assert_quota(&locked, ATTEMPT, "\"otp_attempt\";r=0;t=600");

    app.pass(100_001);
    for typed in [&code, &not(&code)] {
        let refused = app.verify(&link, typed).await.assert_problem(429, "otp-cooldown").assert_retry_after(500);
        assert_eq!(extras(&refused), json!({"retryAfter": 500}));
        assert_quota(&refused, ATTEMPT, "\"otp_attempt\";r=0;t=500");
    }
    app.pass(499_999);
    app.verify(&link, &code).await.assert_problem(401, "otp-expired");
}

#[tokio::test]
async fn a_right_code_gives_all_attempts_back() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    miss(&app, &link, &code, 2).await;
    let verified = app.verify(&link, &code).await.assert_status(200);
    assert_quota(&verified, ATTEMPT, "\"otp_attempt\";r=3;t=0");
    app.pass(60_000);
    let code = app.code(&link).await;
    assert_eq!(extras(&app.verify(&link, &not(&code)).await), json!({"attemptsRemaining": 2}));
}

#[tokio::test]
async fn what_is_no_code_costs_no_attempt() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let url = app.url(&link, "verify-otp");
    for otp in
        ["", "12345", "1234567", "12345a", " 12345", "12345 ", "+12345", "-12345", "12.345", "١٢٣٤٥٦", "１２３４５６"]
    {
        let refused = app.verify(&link, otp).await.assert_problem(422, "validation-failed");
        let expected = json!({"errors": [{"field": "otp", "message": "must be exactly six digits"}]});
        assert_eq!(extras(&refused), expected, "{otp:?}");
    }
    for (body, status, slug) in [
        ("{}", 422, "validation-failed"),
        (r#"{"otp":"12345\n"}"#, 422, "validation-failed"),
        (r#"{"otp":null}"#, 400, "malformed-body"),
        (r#"{"otp":123456}"#, 400, "malformed-body"),
        (r#"{"otp":["123456"]}"#, 400, "malformed-body"),
        (r#"{"otp":"123456","otp":"123456"}"#, 400, "malformed-body"),
        (r#"["123456"]"#, 400, "malformed-body"),
        ("123456", 400, "malformed-body"),
        ("", 400, "malformed-body"),
    ] {
        let refused = app.http.post_json(&url, body).await.assert_problem(status, slug);
        assert_eq!(extras(&refused)["errors"].is_array(), status == 422, "{body}");
    }
    app.http.post(&url).await.assert_problem(415, "unsupported-media-type");
    let long = format!(r#"{{"otp":"{code}","more":"{}"}}"#, "x".repeat(32_768));
    app.http.post_json(&url, &long).await.assert_problem(413, "body-too-large");

    assert_eq!(app.resp().field(app.keys().otp(&link.id()).name(), "total"), None);
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 3);
    let more = format!(r#"{{"more":[1,null],"otp":"{code}"}}"#);
    app.http.post_json(&url, &more).await.assert_status(200);
}

#[tokio::test]
async fn the_code_before_the_newest_is_told_apart_and_costs_nothing() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let first = app.code(&link).await;
    app.pass(60_000);
    let second = app.code(&link).await;
    let mark = app.info(&link).await.text_of("ref");
    for _ in 0..4 {
        let refused = app.verify(&link, &first).await.assert_problem(401, "otp-superseded");
        assert_eq!(extras(&refused), json!({"ref": mark}));
    }
    app.pass(60_000);
    let third = app.code(&link).await;
    let mark = app.info(&link).await.text_of("ref");
    assert_eq!(extras(&app.verify(&link, &second).await), json!({"ref": mark}));
    // Two codes back is a wrong code like any other.
    let wrong = app.verify(&link, &first).await.assert_problem(401, "otp-incorrect");
    assert_eq!(extras(&wrong), json!({"attemptsRemaining": 2}));
    app.verify(&link, &third).await.assert_status(200);
    app.verify(&link, &second).await.assert_problem(401, "otp-expired");
}

#[tokio::test]
async fn wrong_codes_are_not_forgiven_by_asking_for_a_new_one() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    miss(&app, &link, &code, 2).await.assert_problem(401, "otp-incorrect");
    app.pass(60_000);
    let code = app.code(&link).await;
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 1);
    let locked = app.verify(&link, &not(&code)).await.assert_problem(429, "otp-cooldown");
    assert_eq!(extras(&locked), json!({"attemptsRemaining": 0, "retryAfter": 600}));
    app.verify(&link, &code).await.assert_problem(429, "otp-cooldown");
}

#[tokio::test]
async fn wrong_codes_outlive_the_code_that_they_were_typed_for() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    miss(&app, &link, &code, 2).await.assert_problem(401, "otp-incorrect");
    app.pass(600_000);
    for typed in [&code, &not(&code)] {
        let expired = app.verify(&link, typed).await.assert_problem(401, "otp-expired");
        assert_eq!(extras(&expired), json!({}));
    }
    assert_eq!(state(&app, &link).await, json!([0, 0, 1, null]));
    let code = app.code(&link).await;
    miss(&app, &link, &code, 1).await.assert_problem(429, "otp-cooldown");
}

#[tokio::test]
async fn without_a_code_outstanding_every_code_has_expired() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    for _ in 0..4 {
        let expired = app.verify(&link, "123456").await.assert_problem(401, "otp-expired");
        assert_eq!(extras(&expired), json!({}), "never asked for");
    }
    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);
    for typed in [&code, &not(&code)] {
        app.verify(&link, typed).await.assert_problem(401, "otp-expired");
    }
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 3);
}

#[tokio::test]
async fn a_success_resets_the_doubling_but_not_the_count() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let lock = async |seconds: u64| {
        let code = app.code(&link).await;
        miss(&app, &link, &code, 3).await.assert_problem(429, "otp-cooldown").assert_retry_after(seconds);
        app.pass(seconds * 1_000);
    };
    lock(600).await;
    lock(1_200).await;
    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);
    app.pass(60_000);
    lock(600).await;
    assert_eq!(app.resp().field(app.keys().otp(&link.id()).name(), "total").as_deref(), Some("9"));
}

#[tokio::test]
async fn a_client_that_asks_too_much_is_told_when_to_come_back() {
    let app = Setup::new().set("limits.candidate_ip.max", &2).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    app.info(&link).await.assert_status(200);
    let ip = IP.replace("120", "2");
    for (refused, policy) in [
        (app.info(&link).await, ip.clone()),
        (app.request(&link).await, format!("{ip}, \"otp_request\";q=5;w=600")),
        (app.verify(&link, "123456").await, format!("{ip}, \"otp_attempt\";q=3")),
        (app.verify(&link, "no code").await, format!("{ip}, \"otp_attempt\";q=3")),
        (app.begin(&link, "no token").await, ip),
    ] {
        let refused = refused.assert_problem(429, "rate-limited");
        let wait = refused.json()["retryAfter"].as_u64().unwrap();
        assert!((60..=65).contains(&wait), "{wait}");
        assert_eq!(extras(&refused), json!({"retryAfter": wait}));
        assert_quota(&refused, &policy, &format!("\"candidate_ip\";r=0;t={wait}"));
    }
    assert_eq!(app.resp().hash(app.keys().otp(&link.id()).name()), [], "nothing was decided");
}

#[tokio::test]
async fn head_is_get_without_its_body_and_neither_changes_anything() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let mut resp = app.resp();
    let keys = [app.keys().link(&link.id()), app.keys().otp(&link.id())];
    let before = keys.each_ref().map(|key| resp.hash(key.name()));
    let head = app.http.send(hyper::Method::HEAD, &app.url(&link, "info"), &[], "").await.assert_status(200);
    assert_eq!(head.body, b"");
    app.info(&link).await.assert_status(200);
    for endpoint in ["request-otp", "verify-otp", "start"] {
        for method in [hyper::Method::GET, hyper::Method::HEAD] {
            let refused = app.http.send(method, &app.url(&link, endpoint), &[], "").await.assert_status(405);
            assert_eq!(refused.header("allow"), Some("POST"));
        }
    }
    assert_eq!(keys.each_ref().map(|key| resp.hash(key.name())), before);
    app.verify(&link, &code).await.assert_status(200);
}
