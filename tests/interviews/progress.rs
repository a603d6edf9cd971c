//! What a recruiter sees of a candidate's way in: each moment as Redis saw it, and at once.

use serde_json::{Value, json};

use super::{in_ms, list, not, now, reissue_on, revoke_on, told};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::held::Held;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::{form, link_of};
use crate::support::until::until;

/// A recruiter, an interview, and a Redis whose clock stands still.
async fn start(setup: Setup) -> (TestApp, Member, Link) {
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&recruiter, "ada@example.com").await;
    (app, recruiter, link)
}

/// The members that tell of the candidate's way.
fn way(interview: &Value) -> Value {
    let members = ["state", "codeSentAt", "verifiedAt", "lockedAt", "lockedUntil", "wornOut", "startedAt", "revokedAt"];
    members.iter().map(|member| ((*member).to_owned(), interview[*member].clone())).collect()
}

/// A way on which nothing has happened but what is said here.
fn only(happened: Value) -> Value {
    let mut way = json!({"state": "open", "codeSentAt": null, "verifiedAt": null, "lockedAt": null,
        "lockedUntil": null, "wornOut": false, "startedAt": null, "revokedAt": null});
    let Value::Object(happened) = happened else { panic!("{happened} is no object") };
    for (member, value) in happened {
        way[member] = value;
    }
    way
}

/// The read and the list say the same, and this.
async fn assert_way(app: &TestApp, recruiter: &Member, link: &Link, happened: Value) {
    let read = told(app, recruiter, link).await;
    assert_eq!(way(&read), only(happened));
    let listed = list(app, recruiter, "").await;
    let found = listed.iter().find(|item| item["id"] == link.interview).expect("it is in the list");
    assert_eq!(way(found), way(&read));
}

async fn assert_none_listed(app: &TestApp, recruiter: &Member, state: &str) {
    assert_eq!(list(app, recruiter, &format!("?state={state}")).await, [] as [Value; 0]);
}

#[tokio::test]
async fn every_step_is_told_with_the_time_at_which_it_was_taken() {
    let (app, recruiter, link) = start(Setup::new()).await;
    assert_way(&app, &recruiter, &link, json!({})).await;
    app.info(&link).await.assert_status(200);
    assert_way(&app, &recruiter, &link, json!({})).await;

    app.pass(1_500);
    let code = app.code(&link).await;
    let first = now(&app);
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": first})).await;
    app.pass(10_500);
    app.verify(&link, &not(&code)).await.assert_status(401);
    app.request(&link).await.assert_status(429);
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": first})).await;
    app.pass(50_000);
    let code = app.code(&link).await;
    let sent = now(&app);
    app.pass(10_000);
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    let verified = now(&app);
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": sent, "verifiedAt": verified})).await;

    app.pass(60_000);
    let answer = app.begin(&link, &token).await.assert_status(201);
    let started = now(&app);
    assert_eq!(answer.text_of("startedAt"), started);
    // A rejoin is no start, and a second right code stands beside the first start.
    app.pass(5_000);
    app.begin(&link, &token).await.assert_status(200);
    let all = json!({"state": "started", "codeSentAt": sent, "verifiedAt": verified, "startedAt": started});
    assert_way(&app, &recruiter, &link, all).await;
    app.pass(60_000);
    let code = app.code(&link).await;
    let sent = now(&app);
    app.pass(5_000);
    app.verify(&link, &code).await.assert_status(200);
    let all = json!({"state": "started", "codeSentAt": sent, "verifiedAt": now(&app), "startedAt": started});
    assert_way(&app, &recruiter, &link, all).await;
}

#[tokio::test]
async fn a_lock_is_told_until_it_is_over_and_that_there_was_one_afterwards() {
    let (app, recruiter, link) = start(Setup::new()).await;
    for minutes in [10, 20] {
        let code = app.code(&link).await;
        let sent = now(&app);
        app.pass(2_000);
        for status in [401, 401, 429] {
            app.verify(&link, &not(&code)).await.assert_status(status);
        }
        let (locked, until) = (now(&app), in_ms(&app, minutes * 60_000));
        let lock = json!({"codeSentAt": sent, "lockedAt": locked, "lockedUntil": until});
        assert_way(&app, &recruiter, &link, lock.clone()).await;
        app.pass(minutes * 60_000 - 1);
        app.verify(&link, &code).await.assert_problem(429, "otp-cooldown");
        assert_way(&app, &recruiter, &link, lock).await;
        app.pass(1);
        assert_way(&app, &recruiter, &link, json!({"codeSentAt": sent, "lockedAt": locked})).await;
    }
    let locked = told(&app, &recruiter, &link).await["lockedAt"].clone();
    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);
    let now = now(&app);
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": now, "verifiedAt": now, "lockedAt": locked})).await;
}

#[tokio::test]
async fn a_link_that_was_worn_out_says_so_until_there_is_a_new_one() {
    let setup = Setup::new().set("limits.otp_attempt.total_max", &4);
    let (app, recruiter, link) = start(setup).await;
    let code = app.code(&link).await;
    for _ in 0..3 {
        app.verify(&link, &not(&code)).await;
    }
    let locked = now(&app);
    app.pass(600_000);
    let code = app.code(&link).await;
    let sent = now(&app);
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": sent, "lockedAt": locked})).await;
    app.verify(&link, &not(&code)).await.assert_problem(404, "link-not-found");
    assert_way(&app, &recruiter, &link, json!({"codeSentAt": sent, "lockedAt": locked, "wornOut": true})).await;

    let new = link_of(&reissue_on(&app, &app.nodes[0], &recruiter, &link).await.assert_status(200).json());
    assert_way(&app, &recruiter, &new, json!({})).await;
    app.info(&new).await.assert_status(200);
}

#[tokio::test]
async fn a_start_is_told_before_postgres_has_heard_of_it() {
    // As long as the test holds the row back, the worker waits for it.
    let (app, recruiter, link) = start(Setup::new().set("postgres.statement_timeout", &"60s")).await;
    let code = app.code(&link).await;
    let sent = now(&app);
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    let held = Held::interviews(&app.database).await;
    app.pass(3_000);
    app.begin(&link, &token).await.assert_status(201);
    held.has(1).await;

    let started = json!({"state": "started", "codeSentAt": sent, "verifiedAt": sent, "startedAt": now(&app)});
    assert_way(&app, &recruiter, &link, started.clone()).await;
    assert_none_listed(&app, &recruiter, "open").await;
    held.release().await;
    until("Postgres to hear of it", || async {
        let rows = query(&app.database, "SELECT FROM interviews WHERE started_at IS NOT NULL").await;
        (!rows.is_empty()).then_some(())
    })
    .await;
    assert_way(&app, &recruiter, &link, started).await;
    assert_none_listed(&app, &recruiter, "open").await;
    assert_eq!(list(&app, &recruiter, "?state=started").await.len(), 1);
}

#[tokio::test]
async fn a_link_is_over_when_the_clock_of_redis_says_so() {
    let (app, recruiter, started) = start(Setup::new()).await;
    let token = {
        let code = app.code(&started).await;
        app.verify(&started, &code).await.assert_status(200).text_of("sessionToken")
    };
    let at = now(&app);
    app.begin(&started, &token).await.assert_status(201);

    let mut body = form("eve@example.com");
    body["expiresInHours"] = json!(1);
    let made = app.call(hyper::Method::POST, "/interviews", &recruiter.access, &body).await.assert_status(201).json();
    let link = link_of(&made);
    let end = query(&app.database, "SELECT extract(epoch FROM min(link_expires_at))::bigint FROM interviews").await;
    let end_us = end[0].get::<_, i64>(0) * 1_000_000;
    app.clock.freeze_at(end_us - 1_000);
    assert_way(&app, &recruiter, &link, json!({})).await;
    app.info(&link).await.assert_status(200);
    app.pass(1);
    assert_eq!(now(&app), made["expiresAt"].as_str().unwrap());
    assert_way(&app, &recruiter, &link, json!({"state": "expired"})).await;
    assert_none_listed(&app, &recruiter, "open").await;
    app.info(&link).await.assert_problem(404, "link-not-found");

    // Whoever is in is in.
    app.pass(7 * 24 * 3_600_000);
    let happened = json!({"state": "started", "codeSentAt": at, "verifiedAt": at, "startedAt": at});
    assert_way(&app, &recruiter, &started, happened).await;
}

#[tokio::test]
async fn what_was_revoked_keeps_its_start_and_forgets_its_codes() {
    let (app, recruiter, link) = start(Setup::new()).await;
    let code = app.code(&link).await;
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&link, &token).await.assert_status(201);
    let started = now(&app);
    until("Postgres to hear of it", || async {
        let rows = query(&app.database, "SELECT FROM interviews WHERE started_at IS NOT NULL").await;
        (!rows.is_empty()).then_some(())
    })
    .await;
    revoke_on(&app, &app.nodes[0], &recruiter, &link).await.assert_status(204);
    query(&app.database, "UPDATE interviews SET revoked_at = revoked_at - interval '1 hour'").await;
    let revoked = told(&app, &recruiter, &link).await["revokedAt"].clone();
    assert!(revoked.is_string(), "{revoked}");
    assert_way(&app, &recruiter, &link, json!({"state": "revoked", "startedAt": started, "revokedAt": revoked})).await;
    revoke_on(&app, &app.nodes[0], &recruiter, &link).await.assert_status(204);
    assert_eq!(told(&app, &recruiter, &link).await["revokedAt"], revoked, "the first time counts");
}
