//! Limits at their exact edges, by a clock that the test holds.

use serde_json::json;

use super::{extras, frozen, miss, not, seconds, state};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};

/// A sub-window of `candidate_ip`: a twelfth of its minute.
const SUB_MS: i64 = 5_000;
const HOUR_MS: u64 = 3_600_000;

/// Goes on to the beginning of the next sub-window of `candidate_ip`.
fn align(app: &TestApp) {
    let now_ms = app.clock.now_us() / 1_000;
    app.clock.freeze_at((now_ms / SUB_MS + 1) * SUB_MS * 1_000);
}

/// Stands still so many milliseconds before a link expires.
fn freeze_before_expiry(app: &TestApp, link: &Link, ms: i64) {
    app.clock.freeze_at((seconds(&link.expires_at) * 1_000 - ms) * 1_000);
}

#[tokio::test]
async fn another_code_is_to_be_had_after_a_minute_to_the_millisecond() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    for (pass, wait) in [(0, 60), (1, 60), (58_998, 2), (1, 1), (999, 1)] {
        app.pass(pass);
        app.request(&link).await.assert_problem(429, "otp-resend-too-soon").assert_retry_after(wait);
        assert_eq!(app.info(&link).await.json()["resendIn"], wait);
    }
    app.pass(1);
    assert_eq!(app.info(&link).await.json()["resendIn"], 0);
    app.request(&link).await.assert_status(202);
}

#[tokio::test]
async fn a_code_works_for_ten_minutes_to_the_millisecond() {
    let app = frozen().await;
    for (pass, works) in [(599_999, true), (600_000, false)] {
        let link = app.invite(&format!("ada{pass}@example.com")).await;
        let code = app.code(&link).await;
        app.pass(pass);
        assert_eq!(app.info(&link).await.json()["ref"].is_string(), works);
        let verified = app.verify(&link, &code).await;
        if works {
            verified.assert_status(200)
        } else {
            verified.assert_problem(401, "otp-expired")
        };
    }
}

#[tokio::test]
async fn a_superseded_code_is_one_for_as_long_as_the_newest_works() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let old = app.code(&link).await;
    app.pass(300_000);
    app.code(&link).await;
    app.pass(599_999);
    app.verify(&link, &old).await.assert_problem(401, "otp-superseded");
    app.pass(1);
    app.verify(&link, &old).await.assert_problem(401, "otp-expired");
}

#[tokio::test]
async fn five_codes_in_any_ten_minutes_to_the_millisecond() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let mut now = 0;
    let mut go_to = |ms: u64| {
        app.pass(ms - now);
        now = ms;
    };
    // Each of the first five frees its place at exactly ten minutes after it was taken.
    let asked = [0, 60_001, 150_123, 270_456, 390_789];
    for at in asked {
        go_to(at);
        app.request(&link).await.assert_status(202);
    }
    go_to(450_789);
    let refused = app.request(&link).await.assert_problem(429, "otp-request-limit").assert_retry_after(150);
    assert_eq!(extras(&refused), json!({"retryAfter": 150}));
    for at in asked {
        go_to(at + 599_999);
        app.request(&link).await.assert_problem(429, "otp-request-limit").assert_retry_after(1);
        assert_eq!(app.info(&link).await.json()["resendIn"], 1);
        go_to(at + 600_000);
        assert_eq!(app.info(&link).await.json()["resendIn"], 0);
        let sent = app.request(&link).await.assert_status(202);
        assert_eq!(sent.json()["requestsRemaining"], 0);
    }
    // Ten quiet minutes, and all five are back.
    go_to(asked[4] + 1_200_000);
    assert_eq!(app.request(&link).await.assert_status(202).json()["requestsRemaining"], 4);
}

#[tokio::test]
async fn cooldowns_double_up_to_a_day_to_the_millisecond() {
    let app = frozen().await;
    let link = app.invite_with("ada@example.com", &["--expires-hours", "720"]).await;
    for minutes in [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440, 1_440] {
        let code = app.code(&link).await;
        let locked = miss(&app, &link, &code, 3).await.assert_problem(429, "otp-cooldown");
        assert_eq!(extras(&locked), json!({"attemptsRemaining": 0, "retryAfter": minutes * 60}));
        assert_eq!(state(&app, &link).await, json!([minutes * 60, minutes * 60, 0, null]));
        app.pass(minutes * 60_000 - 1);
        app.request(&link).await.assert_problem(429, "otp-cooldown").assert_retry_after(1);
        app.verify(&link, &code).await.assert_problem(429, "otp-cooldown").assert_retry_after(1);
        app.pass(1);
        app.verify(&link, &code).await.assert_problem(401, "otp-expired");
        assert_eq!(state(&app, &link).await, json!([0, 0, 3, null]));
    }
}

#[tokio::test]
async fn a_hundred_wrong_codes_in_all_end_a_link() {
    let app = frozen().await;
    let link = app.invite_with("ada@example.com", &["--expires-hours", "100"]).await;
    let token = super::session(&app, &link).await;
    // Two misses and a hit, so that no lock comes between: the count goes on regardless.
    for _ in 0..49 {
        app.pass(150_000);
        let code = app.code(&link).await;
        miss(&app, &link, &code, 2).await.assert_problem(401, "otp-incorrect");
        app.verify(&link, &code).await.assert_status(200);
    }
    app.pass(150_000);
    let code = app.code(&link).await;
    miss(&app, &link, &code, 1).await.assert_problem(401, "otp-incorrect");
    assert_eq!(app.resp().field(app.keys().otp(&link.id()).name(), "total").as_deref(), Some("99"));
    app.info(&link).await.assert_status(200);

    app.verify(&link, &not(&code)).await.assert_problem(404, "link-not-found");
    app.info(&link).await.assert_problem(404, "link-not-found");
    app.request(&link).await.assert_problem(404, "link-not-found");
    app.verify(&link, &code).await.assert_problem(404, "link-not-found");
    app.pass(24 * HOUR_MS);
    app.info(&link).await.assert_problem(404, "link-not-found");

    let again = app.reissue(&link).await;
    assert_eq!(state(&app, &again).await, json!([0, 0, 3, null]));
    super::session(&app, &again).await;
    app.begin(&link, &token).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn the_hundredth_wrong_code_ends_a_link_also_where_it_would_lock() {
    let app = Setup::new().set("limits.otp_attempt.total_max", &6).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    miss(&app, &link, &code, 3).await.assert_problem(429, "otp-cooldown");
    app.pass(600_000);
    let code = app.code(&link).await;
    miss(&app, &link, &code, 2).await.assert_problem(401, "otp-incorrect");
    miss(&app, &link, &code, 1).await.assert_problem(404, "link-not-found");
    app.info(&link).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn a_link_works_until_it_expires_to_the_millisecond() {
    let app = TestApp::start().await;
    let link = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
    freeze_before_expiry(&app, &link, 60_001);
    app.code(&link).await;
    freeze_before_expiry(&app, &link, 1);
    app.info(&link).await.assert_status(200);
    let code = app.code(&link).await;
    app.verify(&link, &not(&code)).await.assert_problem(401, "otp-incorrect");
    app.pass(1);
    app.info(&link).await.assert_problem(404, "link-not-found");
    app.verify(&link, &code).await.assert_problem(404, "link-not-found");
    app.request(&link).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn the_state_of_a_link_lives_until_its_expiry_and_a_day() {
    let app = TestApp::start().await;
    let link = app.invite_with("ada@example.com", &["--expires-hours", "3"]).await;
    let mut resp = app.resp();
    let names = [app.keys().link(&link.id()), app.keys().otp(&link.id())];
    let mut lives = |when: &str| {
        let left = seconds(&link.expires_at) * 1_000 + 86_400_000 - app.clock.now_us() / 1_000;
        for key in &names {
            assert_eq!(resp.call(&["PTTL", key.name()]).integer(), left, "{} {when}", key.name());
        }
    };
    app.clock.freeze();
    let code = app.code(&link).await;
    lives("after a request");
    app.pass(61_234);
    miss(&app, &link, &code, 2).await;
    lives("after wrong codes");
    app.verify(&link, &code).await.assert_status(200);
    lives("after a right code");
    let code = app.code(&link).await;
    miss(&app, &link, &code, 3).await.assert_status(429);
    lives("after a lock");
    // Redis keeps a key through the last millisecond of its life.
    freeze_before_expiry(&app, &link, -86_400_000);
    lives("at the end");
    app.pass(1);
    assert!(names.iter().all(|key| resp.hash(key.name()).is_empty()), "its state is still there");
}

#[tokio::test]
async fn a_client_has_120_requests_a_minute() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.clock.freeze();
    align(&app);
    for left in (0..120).rev() {
        let admitted = app.info(&link).await.assert_status(200);
        assert_eq!(admitted.header("ratelimit").unwrap(), format!("\"candidate_ip\";r={left};t=65"));
    }
    app.info(&link).await.assert_problem(429, "rate-limited").assert_retry_after(65);
    app.pass(400);
    app.info(&link).await.assert_problem(429, "rate-limited").assert_retry_after(65);
    app.pass(64_599);
    // What was refused was not counted, and does not put off the recovery.
    app.info(&link).await.assert_problem(429, "rate-limited").assert_retry_after(1);
    app.pass(1);
    for _ in 0..120 {
        app.info(&link).await.assert_status(200);
    }
    app.info(&link).await.assert_problem(429, "rate-limited").assert_retry_after(65);
}

#[tokio::test]
async fn no_window_ever_admits_more_than_120_on_any_number_of_nodes() {
    let app = Setup::new().nodes(2).start().await;
    let link = app.invite("ada@example.com").await;
    app.clock.freeze();
    align(&app);
    let mut admitted = Vec::new();
    // Gaps that fall on, before and after the edges of sub-windows, with bursts of several sizes.
    let gaps = [1, 4_998, 1, 2_500, 2_501, 4_999, 17_003, 9_997, 20_000, 12_345, 55_001, 3, 64_999, 1];
    for round in 0..42 {
        app.pass(gaps[round % gaps.len()]);
        for turn in 0..[7, 31, 90][round % 3] {
            let url = app.nodes[turn % 2].url(&link, "info");
            let answer = app.http.get(&url).await;
            if answer.status == 200 {
                admitted.push(app.clock.now_us());
                continue;
            }
            answer.assert_problem(429, "rate-limited");
            break;
        }
    }
    // Some window with the most in it begins with a request.
    let within = |start: i64| admitted.iter().filter(|at| (start..start + 60_000_000).contains(*at)).count();
    let most = admitted.iter().map(|at| within(*at)).max().unwrap();
    assert!(most <= 120, "{most} in a minute");
    assert!(admitted.len() > 600 && most >= 100, "too few to tell: {} in all, {most} at most", admitted.len());
}

#[tokio::test]
async fn clients_are_counted_apart_and_an_ipv6_one_by_its_network() {
    let app = Setup::new().behind_proxy().set("limits.candidate_ip.max", &1).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    let ask = async |client: &str| {
        let headers = [("x-forwarded-for", client)];
        app.http.send(hyper::Method::GET, &app.url(&link, "info"), &headers, "").await.status
    };
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"] {
        assert_eq!(ask(client).await, 200, "{client}");
        assert_eq!(ask(client).await, 429, "{client}");
    }
    assert_eq!(ask("2001:db8:0:1:ffff::2").await, 429);
    assert_eq!(ask("::ffff:192.0.2.1").await, 429);
}

#[tokio::test]
async fn another_window_or_number_of_attempts_takes_over_what_was_counted() {
    let mut app = Setup::new().set("limits.candidate_ip.max", &10).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    for _ in 0..2 {
        app.verify(&link, &super::not(&code)).await.assert_problem(401, "otp-incorrect");
    }
    let changes =
        [("limits.candidate_ip.window", "2m"), ("limits.otp_attempt.max", "1"), ("limits.otp_request.max", "1")];
    let node = app.node_with(&changes).await;
    app.nodes.push(node);
    let info = |app: &TestApp| app.nodes[1].url(&link, "info");

    // Three were counted before. Two attempts are more than the one that there is now: the next wrong one locks.
    let shown = app.http.get(&info(&app)).await.assert_status(200).json();
    assert_eq!((&shown["attemptsRemaining"], &shown["resendIn"]), (&json!(1), &json!(600)));
    for _ in 0..6 {
        app.http.get(&info(&app)).await.assert_status(200);
    }
    app.http.get(&info(&app)).await.assert_problem(429, "rate-limited");
    app.pass(130_000);
    app.http.get(&info(&app)).await.assert_status(200);
}
