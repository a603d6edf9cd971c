//! What goes wrong moves the series that says so.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::held::Held;
use crate::support::postgres::query;
use crate::support::raw::Raw;
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

/// Waits until a series of the first node has this value at least.
async fn reaches(app: &TestApp, series: &str, least: f64) {
    until(series, async || (app.scrape().await.value(series) >= least).then_some(())).await;
}

#[tokio::test]
async fn a_limit_that_refuses_is_named() {
    let app = Setup::new().set("limits.forgot_email.max", &1).set("limits.signup_ip.max", &1).start().await;
    let refusals = async || {
        let scrape = app.scrape().await;
        ["otp_request", "otp_attempt", "signup_ip", "login_account", "forgot_email", "invite_user"]
            .map(|limit| scrape.value(&format!("vestibule_limit_refusals_total{{limit=\"{limit}\"}}")))
    };
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    app.member("grace").await;
    app.post("/auth/forgot-password", &json!({"email": "grace@example.com"})).await.assert_status(202);
    assert_eq!(refusals().await, [0.0; 6]);

    app.request(&link).await.assert_problem(429, "otp-resend-too-soon");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..4 {
        app.verify(&link, wrong).await;
    }
    app.post("/auth/signup", &json!({"username": "bob", "email": "bob@example.com", "password": "correct horse"}))
        .await
        .assert_problem(429, "rate-limited");
    for _ in 0..6 {
        app.log_in("grace", "wrong").await;
    }
    app.post("/auth/forgot-password", &json!({"email": "grace@example.com"})).await.assert_status(202);
    // The third wrong code locks, the fourth meets the lock.
    assert_eq!(refusals().await, [1.0, 2.0, 1.0, 1.0, 1.0, 0.0]);
}

#[tokio::test]
async fn while_redis_is_away_a_scrape_says_so_and_does_not_wait() {
    let app = Setup::new().set("redis.command_timeout", &"100ms").set("mail.sweep_interval", &"100ms").start().await;
    let seen = "vestibule_queue_seen_timestamp_seconds{queue=\"mail\"}";
    reaches(&app, seen, 1.0).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((app.scrape().await.value(seen) - now).abs() < 10.0);
    app.redis.pause().unwrap();
    reaches(&app, "vestibule_redis_errors_total{kind=\"timeout\"}", 2.0).await;
    reaches(&app, "vestibule_redis_decisions_total{script=\"job_due\",verdict=\"fault\"}", 1.0).await;
    let scrape = app.scrape().await;
    let (old, timeouts) = (scrape.value(seen), scrape.value("vestibule_redis_errors_total{kind=\"timeout\"}"));
    // Three queues are looked at, each look twice: every one of them has failed again by then.
    reaches(&app, "vestibule_redis_errors_total{kind=\"timeout\"}", timeouts + 13.0).await;
    assert_eq!(app.scrape().await.value(seen), old);
    app.redis.resume().unwrap();
    until("the queue to be seen again", async || (app.scrape().await.value(seen) > old).then_some(())).await;
}

#[tokio::test]
async fn a_redis_that_is_full_is_told_from_one_that_is_away() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    app.resp().call(&["CONFIG", "SET", "maxmemory", "1"]);
    app.request(&link).await.assert_problem(503, "unavailable");
    app.resp().call(&["CONFIG", "SET", "maxmemory", "0"]);
    let scrape = app.scrape().await;
    let errors = |kind: &str| scrape.value(&format!("vestibule_redis_errors_total{{kind=\"{kind}\"}}"));
    assert_eq!((errors("full"), errors("other"), errors("connection")), (1.0, 0.0, 0.0));
}

#[tokio::test]
async fn a_query_that_is_held_up_is_told_from_a_postgres_that_is_away() {
    let app = Setup::new().set("postgres.statement_timeout", &"100ms").start().await;
    let grace = app.member("grace").await;
    let held = Held::users(&app.database).await;
    app.me(&grace.access).await.assert_problem(503, "unavailable");
    held.release().await;
    app.me(&grace.access).await.assert_status(200);
    let scrape = app.scrape().await;
    let errors = |kind: &str| scrape.value(&format!("vestibule_postgres_errors_total{{kind=\"{kind}\"}}"));
    assert_eq!((errors("cancelled"), errors("connection"), errors("silent"), errors("busy")), (1.0, 0.0, 0.0, 0.0));
    assert!(scrape.value("vestibule_postgres_connections") >= 1.0);
    assert!(scrape.value("vestibule_postgres_wait_seconds_count") >= 2.0);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_not_taken_for_a_postgres_that_is_away() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    query(&app.database, "ALTER TABLE users ALTER COLUMN created_at DROP NOT NULL").await;
    query(&app.database, "UPDATE users SET created_at = NULL").await;
    let connections = app.scrape().await.value("vestibule_postgres_connections");
    app.me(&ada.access).await.assert_problem(503, "unavailable");
    let scrape = app.scrape().await;
    assert_eq!(scrape.value("vestibule_postgres_errors_total{kind=\"statement\"}"), 1.0);
    assert_eq!(scrape.value("vestibule_postgres_errors_total{kind=\"connection\"}"), 0.0);
    assert_eq!(scrape.value("vestibule_postgres_connections"), connections, "connections that are well were ended");
}

/// At a clock that stands, a code is queued that the relay does not take yet.
async fn a_code_put_off() -> (TestApp, SmtpSink) {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = Setup::new().relay(&sink.url()).set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    reaches(&app, "vestibule_jobs_total{kind=\"code\",outcome=\"deferred\"}", 1.0).await;
    (app, sink)
}

async fn empties(app: &TestApp) {
    until("the queue to be empty", async || {
        (app.scrape().await.value("vestibule_queue_jobs{queue=\"mail\"}") == 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_waits_is_counted_and_tells_for_how_long_when_it_goes() {
    let (app, sink) = a_code_put_off().await;
    reaches(&app, "vestibule_queue_jobs{queue=\"mail\"}", 1.0).await;
    let scrape = app.scrape().await;
    // What is put off is not due, and what is queued is not done.
    assert_eq!(scrape.value("vestibule_queue_overdue_seconds{queue=\"mail\"}"), 0.0);
    assert_eq!(scrape.value("vestibule_job_seconds_count{kind=\"code\"}"), 0.0);
    // But it waits, and is not younger for being put off again.
    app.pass(40_000);
    reaches(&app, "vestibule_queue_oldest_seconds{queue=\"mail\"}", 40.0).await;
    sink.behave(Behaviour::Accept);
    app.pass(40_000);
    reaches(&app, "vestibule_job_seconds_count{kind=\"code\"}", 1.0).await;
    let waited = app.scrape().await.value("vestibule_job_seconds_sum{kind=\"code\"}");
    assert!((80.0..110.0).contains(&waited), "{waited}");
    reaches(&app, "vestibule_mail_send_seconds_count", 2.0).await;
    empties(&app).await;
    assert_eq!(app.scrape().await.value("vestibule_queue_oldest_seconds{queue=\"mail\"}"), 0.0);
}

#[tokio::test]
async fn a_mail_that_was_never_sent_is_counted_when_its_time_is_over() {
    let (app, _sink) = a_code_put_off().await;
    let expired = "vestibule_jobs_total{kind=\"code\",outcome=\"expired\"}";
    assert_eq!(app.scrape().await.value(expired), 0.0);
    // A second before its end it is tried for the last time: the next try would be after it.
    app.pass(599_000);
    reaches(&app, expired, 1.0).await;
    empties(&app).await;
    assert_eq!(app.scrape().await.value(expired), 1.0);
}

#[tokio::test]
async fn what_nobody_works_at_is_overdue() {
    let app = Setup::new().set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    // A job of a link that no node could parse stands first in its queue, and for ever.
    let keys = app.keys();
    let key = keys.queue(vestibule::jobs::Queue::Starts, keys.all_partitions().next().unwrap());
    let due = (app.clock.now_us() / 1_000).to_string();
    app.resp().call(&["ZADD", key.name(), &due, "unknown"]);
    app.resp().call(&["EXPIRE", key.name(), "3600"]);
    app.pass(90_000);
    reaches(&app, "vestibule_queue_overdue_seconds{queue=\"starts\"}", 90.0).await;
    assert_eq!(app.scrape().await.value("vestibule_queue_overdue_seconds{queue=\"mail\"}"), 0.0);
}

#[tokio::test]
async fn who_hangs_up_is_counted() {
    let app = Setup::new().set("redis.command_timeout", &"2s").start().await;
    let link = app.invite("ada@example.com").await;
    let mut resp = app.resp();
    resp.hold();
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.send(format!("GET /candidate-access/{}/info HTTP/1.1\r\nhost: test\r\n\r\n", link.token)).await;
    until("the decision to be under way", async || (app.resp().held() == 1).then_some(())).await;
    drop(raw);
    reaches(&app, "vestibule_http_requests_total{route=\"candidate_info\",status=\"499\",slug=\"\"}", 1.0).await;
    resp.release();
}
