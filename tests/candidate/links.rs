//! Links that are dead, and links that only seem to be.

use serde_json::json;
use vestibule::jobs::{JobId, JobKind};
use vestibule::link::LinkToken;
use vestibule::redis::scripts;

use super::{begin_on, frozen, info_on, not, request_on, seconds, session, state, verify_on};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::postgres::query;
use crate::support::until::until;

/// As long as Redis remembers that a link is dead.
const HOUR_MS: u64 = 3_600_000;

/// Every endpoint of every node says that there is no such link. The session token is one that the link gave.
async fn assert_dead(app: &TestApp, link: &Link, code: &str, token: &str) {
    for node in &app.nodes {
        info_on(app, node, link).await.assert_problem(404, "link-not-found");
        request_on(app, node, link).await.assert_problem(404, "link-not-found");
        verify_on(app, node, link, code).await.assert_problem(404, "link-not-found");
        verify_on(app, node, link, &not(code)).await.assert_problem(404, "link-not-found");
        begin_on(app, node, link, token).await.assert_problem(404, "link-not-found");
    }
    let mut resp = app.resp();
    let (keys, id) = (app.keys(), link.id());
    let job = |kind| keys.job(&JobId { kind, subject: id });
    for key in [keys.otp(&id), keys.seat(&id), job(JobKind::Code), job(JobKind::Invitation)] {
        assert!(resp.hash(key.name()).is_empty(), "{} is left", key.name());
    }
}

/// A link that is in use on both nodes: its session token, and a fresh code.
async fn in_use(app: &TestApp, link: &Link) -> (String, String) {
    let token = session(app, link).await;
    app.begin(link, &token).await.assert_status(201);
    app.pass(60_000);
    let code = app.code(link).await;
    for node in &app.nodes {
        info_on(app, node, link).await.assert_status(200);
    }
    (token, code)
}

#[tokio::test]
async fn a_revoked_link_is_dead_at_once_on_every_node() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    let (token, code) = in_use(&app, &link).await;
    app.revoke(&link).await;
    assert_dead(&app, &link, &code, &token).await;
    app.revoke(&link).await;
    assert_dead(&app, &link, &code, &token).await;
    // Redis forgets it after an hour, and Postgres then says the same.
    app.pass(HOUR_MS + 1);
    assert!(app.resp().hash(app.keys().link(&link.id()).name()).is_empty());
    assert_dead(&app, &link, &code, &token).await;
}

#[tokio::test]
async fn a_link_that_was_reissued_over_is_dead_at_once_on_every_node() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    let old = app.invite("ada@example.com").await;
    let (token, code) = in_use(&app, &old).await;
    let new = app.reissue(&old).await;
    assert_eq!(new.interview, old.interview);
    assert_dead(&app, &old, &code, &token).await;

    // The new one begins with nothing of the old one.
    assert_eq!(state(&app, &new).await, json!([0, 0, 3, null]));
    app.begin(&new, &token).await.assert_problem(403, "forbidden");
    verify_on(&app, &app.nodes[1], &new, &code).await.assert_problem(401, "otp-expired");
    let (new_token, _) = in_use(&app, &new).await;
    begin_on(&app, &app.nodes[1], &new, &new_token).await.assert_status(200);
    app.pass(HOUR_MS + 1);
    assert_dead(&app, &old, &code, &token).await;
}

#[tokio::test]
async fn an_interview_that_was_revoked_can_be_reissued() {
    let app = frozen().await;
    let old = app.invite("ada@example.com").await;
    let (token, code) = in_use(&app, &old).await;
    app.revoke(&old).await;
    let new = app.reissue(&old).await;
    assert_dead(&app, &old, &code, &token).await;
    let token = session(&app, &new).await;
    app.begin(&new, &token).await.assert_status(201);
    app.revoke(&new).await;
    assert_dead(&app, &new, &code, &token).await;
}

#[tokio::test]
async fn mail_that_waits_dies_with_its_link() {
    // Nobody listens there: what is queued waits.
    let app = Setup::new().relay("smtp://127.0.0.1:1?tls=none").start().await;
    let link = app.invite_with("ada@example.com", &["--mail"]).await;
    app.request(&link).await.assert_status(202);
    let job = |kind| app.keys().job(&JobId { kind, subject: link.id() });
    for kind in [JobKind::Code, JobKind::Invitation] {
        until("a send that fails", || async { app.resp().field(job(kind).name(), "why") }).await;
    }
    app.revoke(&link).await;
    for kind in [JobKind::Code, JobKind::Invitation] {
        assert!(app.resp().hash(job(kind).name()).is_empty(), "{kind:?}");
    }
    let queue = app.keys().queue(JobKind::Code.queue(), app.keys().partition(&link.id()));
    until("an empty queue", || async { (app.resp().call(&["ZCARD", queue.name()]).integer() == 0).then_some(()) })
        .await;
}

/// All that can be told apart: status, body, and headers but those that differ between any two answers.
fn face(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    for own in ["x-request-id", "date", "ratelimit"] {
        headers.remove(own);
    }
    format!("{} {headers:?}", answer.text())
}

#[tokio::test]
async fn links_that_do_not_work_cannot_be_told_apart() {
    let app = TestApp::start().await;
    let never = Link { token: LinkToken::fresh().expose().to_string(), ..app.invite("ada@example.com").await };
    let revoked = app.invite("ada@example.com").await;
    app.revoke(&revoked).await;
    let over = app.invite("ada@example.com").await;
    app.reissue(&over).await;
    let expired = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
    let expired_in_use = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
    app.info(&expired_in_use).await.assert_status(200);
    app.clock.freeze_at(seconds(&expired_in_use.expires_at) * 1_000_000);

    let answers = async |link: &Link| [app.info(link).await, app.request(link).await, app.verify(link, "123456").await];
    let expected = answers(&never).await.map(|answer| face(&answer.assert_problem(404, "link-not-found")));
    // Twice: the first may load what the second finds.
    for _ in 0..2 {
        for link in [&never, &revoked, &over, &expired, &expired_in_use] {
            assert_eq!(answers(link).await.map(|answer| face(&answer)), expected);
            app.verify(link, "12345").await.assert_problem(422, "validation-failed");
            app.begin(link, "no token").await.assert_problem(401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn what_was_never_a_token_gets_the_same_body() {
    let app = TestApp::start().await;
    let never = Link { token: LinkToken::fresh().expose().to_string(), ..app.invite("ada@example.com").await };
    let expected = app.info(&never).await.assert_problem(404, "link-not-found").text();
    for token in ["", "short", &"A".repeat(31), &"A".repeat(33), &"%41".repeat(32), &"+".repeat(32)] {
        let link = Link { token: token.to_owned(), ..never.clone() };
        for answer in [app.info(&link).await, app.request(&link).await, app.verify(&link, "123456").await] {
            assert_eq!(answer.assert_problem(404, "link-not-found").text(), expected, "{token:?}");
        }
    }
}

#[tokio::test]
async fn guesses_leave_nothing_in_redis() {
    let app = TestApp::start().await;
    let mut link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let keys = |app: &TestApp| {
        let mut keys = app.resp().keys();
        keys.sort();
        keys
    };
    let before = keys(&app);
    for _ in 0..10 {
        link.token = LinkToken::fresh().expose().to_string();
        app.info(&link).await.assert_status(404);
        app.request(&link).await.assert_status(404);
        app.verify(&link, "123456").await.assert_status(404);
    }
    assert_eq!(keys(&app), before);
}

#[tokio::test]
async fn a_reader_of_the_old_row_cannot_bring_a_dead_link_back() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let key = app.keys().link(&link.id());
    let mut resp = app.resp();
    let row = resp.hash(key.name());
    app.revoke(&link).await;

    // It read the row just before, and adds it now: at once, and at the last moment.
    let of = |name: &str| row.iter().find(|(field, _)| field == name).unwrap().1.clone();
    let fields = ["interview", "session", "name", "position", "masked", "to", "minutes", "expires"].map(of);
    let mut words = vec!["EVAL", scripts::LINK_ADD.source, "1", key.name()];
    words.extend(fields.iter().map(String::as_str));
    words.extend(["", "86400000"]);
    for wait in [0, HOUR_MS] {
        app.pass(wait);
        let answer = resp.call(&words);
        assert_eq!(answer.array()[0].text(), "present");
        for node in &app.nodes {
            info_on(&app, node, &link).await.assert_problem(404, "link-not-found");
        }
    }
    assert_eq!(resp.field(key.name(), "state").as_deref(), Some("dead"));
}

#[tokio::test]
async fn a_node_finishes_what_a_killer_that_died_has_begun() {
    let app = Setup::new().nodes(2).set("postgres.sweep_interval", &"100ms").start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    // All that `revoke` commits; then it died.
    let digest: String =
        LinkToken::parse(&link.token).unwrap().digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!(
        "WITH dead AS (INSERT INTO dead_links (link_digest) VALUES (decode('{digest}', 'hex'))) \
        UPDATE interviews SET revoked_at = now() WHERE id = '{}'",
        link.interview
    );
    query(&app.database, &sql).await;
    until("a dead link", || async { (app.info(&link).await.status == 404).then_some(()) }).await;
    until("no note of it", || async {
        query(&app.database, "SELECT FROM dead_links WHERE told_at IS NULL").await.is_empty().then_some(())
    })
    .await;
    assert_eq!(app.resp().field(app.keys().link(&link.id()).name(), "state").as_deref(), Some("dead"));
}

#[tokio::test]
async fn a_dead_link_that_a_failover_brought_back_is_killed_again() {
    let app = Setup::new().set("postgres.sweep_interval", &"100ms").start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let key = app.keys().link(&link.id()).name().to_owned();
    let mut resp = app.resp();
    let alive = resp.hash(&key);
    app.revoke(&link).await;
    app.info(&link).await.assert_problem(404, "link-not-found");

    // The replica that took over had not heard of it; a minute later it is told again.
    resp.call(&["DEL", &key]);
    let words = alive.iter().flat_map(|(field, value)| [field.as_str(), value.as_str()]);
    resp.call(&["HSET", &key].into_iter().chain(words).collect::<Vec<_>>());
    resp.call(&["PEXPIRE", &key, "3600000"]);
    app.info(&link).await.assert_status(200);
    query(&app.database, "UPDATE dead_links SET told_at = now() - interval '61 s'").await;
    until("a dead link", || async { (app.info(&link).await.status == 404).then_some(()) }).await;

    // After an hour nobody needs to be told any more.
    query(
        &app.database,
        "UPDATE dead_links SET told_at = now() - interval '61 s', died_at = now() - interval '61 min'",
    )
    .await;
    until("no note", || async { query(&app.database, "SELECT FROM dead_links").await.is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn a_link_is_killed_where_redis_has_no_room_left() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let mut resp = app.resp();
    resp.call(&["CONFIG", "SET", "maxmemory", "1"]);
    app.info(&link).await.assert_problem(503, "unavailable");
    app.revoke(&link).await;
    resp.call(&["CONFIG", "SET", "maxmemory", "0"]);
    app.info(&link).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn the_flow_goes_on_when_redis_has_lost_the_record() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let lose = || app.resp().call(&["DEL", app.keys().link(&link.id()).name()]).integer();
    let code = app.code(&link).await;
    let before = state(&app, &link).await;
    lose();
    assert_eq!(state(&app, &link).await, before);
    lose();
    let verified = app.verify(&link, &code).await.assert_status(200);
    let token = verified.text_of("sessionToken");
    lose();
    let first = app.begin(&link, &token).await.assert_status(201);
    until("started_at in Postgres", || async {
        let rows = query(&app.database, "SELECT FROM interviews WHERE started_at IS NOT NULL").await;
        (!rows.is_empty()).then_some(())
    })
    .await;

    app.pass(5_000);
    assert_eq!(lose(), 1);
    assert_eq!(app.begin(&link, &token).await.assert_status(200).json(), first.json());
    assert_eq!(lose(), 1);
    app.request(&link).await.assert_problem(429, "otp-resend-too-soon").assert_retry_after(55);
}

#[tokio::test]
async fn a_first_use_on_two_nodes_at_once_is_one_use() {
    let app = Setup::new().nodes(2).start().await;
    for round in 0..5 {
        let link = app.invite(&format!("ada{round}@example.com")).await;
        let mut asked = tokio::task::JoinSet::new();
        for turn in 0..16 {
            let (http, url) = (app.http.clone(), app.nodes[turn % 2].url(&link, "request-otp"));
            asked.spawn(async move { http.post(&url).await });
        }
        let answers = asked.join_all().await;
        let sent: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 202).collect();
        let late = answers.iter().filter(|answer| answer.status == 429).count();
        assert_eq!((sent.len(), late), (1, 15));

        let code = app.nth_code(&link.email, 1).await;
        assert_eq!(code, app.marked_code(&link, &sent[0].text_of("ref")).await);
        let session = verify_on(&app, &app.nodes[round % 2], &link, &code).await.assert_status(200);
        let token = session.text_of("sessionToken");
        let first = begin_on(&app, &app.nodes[0], &link, &token).await.assert_status(201);
        assert_eq!(begin_on(&app, &app.nodes[1], &link, &token).await.assert_status(200).json(), first.json());
        assert_eq!(app.mails(&link.email).await.len(), 1);
    }
}
