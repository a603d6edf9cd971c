//! Dependencies that die, fall silent, are late, or are wrong.

use std::time::{Duration, Instant};

use vestibule::dev::servers::PostgresServer;
use vestibule::password::implementation;

use crate::support::TestApp;
use crate::support::app::{Link, Setup, vestibule};
use crate::support::http::Answer;
use crate::support::postgres::{empty_database, fresh_folder, query};
use crate::support::program::Program;
use crate::support::readers::Readers;
use crate::support::until::until;

/// The 3 s of the contract, and half a second for a machine that runs other tests.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(3_500);
pub(crate) const NO_RELAY: &str = "smtp://127.0.0.1:1?tls=none";

/// A Postgres that this test may stop, and the URL of a migrated database in it.
pub(crate) async fn private_postgres() -> (PostgresServer, String) {
    let server = PostgresServer::start(&fresh_folder("postgres"), false).unwrap();
    server.create_database("vestibule", None).await.unwrap();
    let url = server.url("vestibule");
    let migrated = vestibule(&["migrate"], &[("VESTIBULE_POSTGRES__URL", &url)]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    (server, url)
}

/// A test's Postgres commits in memory first: killed just afterwards, it would have forgotten.
pub(crate) async fn settle(url: &str) {
    query(url, "CHECKPOINT").await;
}

pub(crate) async fn in_time(answer: impl Future<Output = Answer>) -> Answer {
    let begun = Instant::now();
    let answer = answer.await;
    assert!(begun.elapsed() < GIVEN_UP_AFTER, "{:?}: {}", begun.elapsed(), answer.text());
    answer
}

/// All the way through; what `start` answered.
async fn walk_in(app: &TestApp, link: &Link) -> Answer {
    app.info(link).await.assert_status(200);
    let code = app.code(link).await;
    let token = app.verify(link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(link, &token).await.assert_status(201)
}

/// What the admin listener says of Redis and of Postgres. It never takes the node out.
async fn readiness(app: &TestApp) -> (String, String) {
    let admin = app.nodes[0].admin;
    in_time(app.http.get(&format!("http://{admin}/livez"))).await.assert_status(200);
    let ready = in_time(app.http.get(&format!("http://{admin}/readyz"))).await.assert_status(200);
    assert_eq!(ready.text_of("status"), "ready");
    (ready.text_of("redis"), ready.text_of("postgres"))
}

async fn assert_ready(app: &TestApp, redis: &str, postgres: &str) {
    let expected = (redis.to_owned(), postgres.to_owned());
    until(&format!("redis {redis}, postgres {postgres}"), || async {
        (readiness(app).await == expected).then_some(())
    })
    .await;
}

/// Every endpoint of a link at once, with a guess beside it: nobody is let past the limits unchecked.
async fn assert_all_unavailable(app: &TestApp, link: &Link, session_token: &str) {
    let guess = Link { token: "A".repeat(32), ..link.clone() };
    let (info, request, verify, start, guessed, stranger) = tokio::join!(
        in_time(app.info(link)),
        in_time(app.request(link)),
        in_time(app.verify(link, "123456")),
        in_time(app.begin(link, session_token)),
        in_time(app.info(&guess)),
        in_time(app.begin(link, "no session token")),
    );
    for answer in [info, request, verify, start, guessed, stranger] {
        answer.assert_problem(503, "unavailable");
    }
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    Killed,
    Silent,
}

async fn a_known_link_works_through_an_outage_of_postgres(outage: Outage) {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().set("postgres.url", &url).set("mail.sweep_interval", &"100ms").start().await;
    let (known, cold) = (app.invite("known@example.com").await, app.invite("cold@example.com").await);
    app.info(&known).await.assert_status(200);
    settle(&url).await;

    match outage {
        Outage::Killed => postgres.kill().unwrap(),
        Outage::Silent => postgres.pause().unwrap(),
    }
    let started = walk_in(&app, &known).await.text_of("startedAt");
    let (info, request, verify) =
        tokio::join!(in_time(app.info(&cold)), in_time(app.request(&cold)), in_time(app.verify(&cold, "123456")));
    for answer in [info, request, verify] {
        answer.assert_problem(503, "unavailable");
    }
    assert_ready(&app, "up", "down").await;

    match outage {
        Outage::Killed => postgres.restart().unwrap(),
        Outage::Silent => postgres.resume().unwrap(),
    }
    until("the cold link", || async { Some(app.info(&cold).await).filter(|answer| answer.status == 200) }).await;
    walk_in(&app, &cold).await;
    assert_ready(&app, "up", "up").await;
    let sql = format!(
        "SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM interviews \
            WHERE id = '{}' AND started_at IS NOT NULL",
        known.interview
    );
    let written = until("the time of the start in Postgres", || async {
        app.pass(1_000);
        query(&url, &sql).await.first().map(|row| row.get::<_, String>(0))
    })
    .await;
    assert_eq!(written, started);
}

#[tokio::test]
async fn a_known_link_works_while_postgres_is_stopped() {
    a_known_link_works_through_an_outage_of_postgres(Outage::Killed).await;
}

#[tokio::test]
async fn a_known_link_works_while_postgres_is_silent() {
    a_known_link_works_through_an_outage_of_postgres(Outage::Silent).await;
}

#[tokio::test]
async fn nobody_gets_past_a_redis_that_is_stopped_and_all_is_well_when_it_is_back() {
    let mut app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");

    app.redis.kill().unwrap();
    for _ in 0..5 {
        assert_all_unavailable(&app, &link, &token).await;
    }
    assert_ready(&app, "down", "up").await;
    assert_all_unavailable(&app, &link, &token).await;

    // It comes back empty, not knowing a single script.
    app.redis.restart().unwrap();
    until("Redis", || async { Some(app.info(&link).await).filter(|answer| answer.status == 200) }).await;
    assert_ready(&app, "up", "up").await;
    let code = {
        app.request(&link).await.assert_status(202);
        app.nth_code(&link.email, 2).await
    };
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&link, &token).await.assert_status(201);
}

#[tokio::test]
async fn nobody_gets_past_a_redis_that_is_silent_and_what_it_knew_still_holds() {
    let app = TestApp::start().await;
    let (link, other) = (app.invite("ada@example.com").await, app.invite("other@example.com").await);
    let code = app.code(&link).await;
    let other_code = app.code(&other).await;
    let token = app.verify(&other, &other_code).await.assert_status(200).text_of("sessionToken");

    app.redis.pause().unwrap();
    // Also while the client hangs up on it, and dials again.
    for _ in 0..5 {
        assert_all_unavailable(&app, &other, &token).await;
    }
    assert_ready(&app, "down", "up").await;

    app.redis.resume().unwrap();
    until("Redis", || async { Some(app.info(&link).await).filter(|answer| answer.status == 200) }).await;
    assert_ready(&app, "up", "up").await;
    app.resp().call(&["SCRIPT", "FLUSH"]);
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&link, &token).await.assert_status(201);
}

#[tokio::test]
async fn a_connection_that_is_dropped_costs_nobody_a_request() {
    const CROWD: usize = 32;
    const DROPS: usize = 20;
    let app = Setup::new().set("limits.candidate_ip.max", &1_000_000).start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let readers = Readers::start(&app, &link, CROWD);
    let mut resp = app.resp();
    for _ in 0..DROPS {
        readers.go_on().await;
        resp.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    }
    readers.end().await;
}

#[tokio::test]
async fn a_node_waits_for_its_dependencies_saying_so() {
    let (mut postgres, url) = private_postgres().await;
    let mut app = Setup::new().nodes(0).relay(NO_RELAY).set("postgres.url", &url).start().await;
    let link = app.invite("ada@example.com").await;
    settle(&url).await;
    app.redis.kill().unwrap();
    postgres.kill().unwrap();

    let program = Program::serve(&app.environment_with(&[("log.level", "info")]));
    let line = program.says("waiting for redis").await;
    assert!(line["cause"].as_str().unwrap().contains("cannot connect to"), "{line}");
    app.redis.restart().unwrap();
    program.says("waiting for postgres").await;
    assert!(!program.log().contains(r#""message":"ready""#), "{}", program.log());
    postgres.restart().unwrap();

    let node = program.ready().await;
    assert_eq!(program.says("ready").await["argon2id"], implementation(), "{}", program.log());
    app.http.get(&link.url(node.public, "info")).await.assert_status(200);
    assert!(program.stop().await.success(), "{}", program.log());
}

/// `vestibule serve` does not start: its exit code, and every one of these words.
async fn assert_does_not_start(app: &TestApp, changes: &[(&str, &str)], code: i32, words: &[&str]) {
    let environment = app.environment_with(changes);
    let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = tokio::time::timeout(Duration::from_secs(30), vestibule(&["serve"], &pairs)).await;
    let output = output.expect("it should have given up");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "{word} in {told}");
    }
}

#[tokio::test]
async fn a_dependency_that_is_wrong_is_refused_in_clear_words() {
    let app = Setup::new().nodes(0).relay(NO_RELAY).start().await;
    app.resp().call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let words = ["redis: maxmemory-policy is \"allkeys-lru\"", "set it to noeviction"];
    assert_does_not_start(&app, &[], 69, &words).await;
    app.resp().call(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);

    drop(app.node_with(&[]).await);
    let words = ["redis.partitions is 8 here", "laid out for 16", "vb:meta"];
    assert_does_not_start(&app, &[("redis.partitions", "8")], 69, &words).await;

    let empty = empty_database().await;
    let words = ["postgres: the schema is at version 0", "run `vestibule migrate`"];
    assert_does_not_start(&app, &[("postgres.url", &empty)], 69, &words).await;
}

#[tokio::test]
async fn a_bad_configuration_is_refused_with_all_its_errors() {
    let app = Setup::new().nodes(0).relay(NO_RELAY).start().await;
    let changes = [
        ("http.listen", "here"),
        ("redis.partitions", "0"),
        ("mail.url", "capture:"),
        ("secrets.jwt_keys", "j1:c2hvcnQ="),
        ("no.such_key", "1"),
    ];
    let words = ["http.listen", "redis.partitions", "mail.url", "secrets.jwt_keys", "VESTIBULE_NO__SUCH_KEY"];
    assert_does_not_start(&app, &changes, 64, &words).await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_for() {
    let setup = Setup::new().set("http.body_timeout", &"500ms").set("http.handler_timeout", &"1s");
    let app = setup.set("redis.command_timeout", &"5s").start().await;
    let link = app.invite("ada@example.com").await;
    let mut resp = app.resp();
    resp.hold();
    let asked = Instant::now();
    app.info(&link).await.assert_problem(503, "unavailable").assert_retry_after(1);
    // The decision itself would be given up after two tries of 5 s.
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    resp.release();
    app.info(&link).await.assert_status(200);
}

#[tokio::test]
async fn what_cannot_be_done_soon_is_refused_and_not_kept_waiting() {
    let setup =
        Setup::new().set("redis.in_flight_max", &4).set("redis.waiting_max", &4).set("redis.wait_max", &"100ms");
    let app = setup.set("redis.command_timeout", &"5s").set("mail.sweep_interval", &"60s").start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let mut resp = app.resp();
    // The pin of the partitions, the first sweeps of two queues with 16 partitions, and a cold info.
    until("the first sweeps", async || (app.resp().scripts_run() >= 1 + 32 + 4).then_some(())).await;
    resp.hold();
    // Four are under way, four wait for a while, and the rest is told at once.
    let crowd = (0..20).map(|_| {
        let (http, url) = (app.http.clone(), app.url(&link, "info"));
        tokio::spawn(async move { http.get(&url).await })
    });
    let crowd: Vec<_> = crowd.collect();
    let refused = until("sixteen to be refused", async || {
        (crowd.iter().filter(|asked| asked.is_finished()).count() == 16).then_some(())
    });
    refused.await;
    resp.release();
    let mut statuses = Vec::new();
    for asked in crowd {
        statuses.push(asked.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!((&statuses[..4], &statuses[4..]), (&[200; 4][..], &[503; 16][..]));
    app.info(&link).await.assert_status(200);
}
