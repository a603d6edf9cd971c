//! Recruiters while Redis, Postgres or the relay is away: told so, nothing half done stays, and once more is safe.

use hyper::Method;
use serde_json::{Value, json};

use super::{list, reissue_on, revoke_on, told};
use crate::outage::{in_time, private_postgres, settle};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::held::Held;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::{form, link_of};
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;
use crate::support::wire::Wired;

const EMAIL: &str = "ada@example.com";
/// `mail.retry_max` at its default: after it, whatever was put off is due.
const LONGEST_WAIT_MS: u64 = 28_000;

/// A node whose way to Redis can break; it finishes soon what was left half done.
async fn wired() -> Option<Wired> {
    let setup = Setup::new().set("mail.sweep_interval", &"100ms").set("postgres.sweep_interval", &"100ms");
    Wired::start(setup).await
}

async fn create(app: &TestApp, recruiter: &Member, email: &str) -> Answer {
    app.call(Method::POST, "/interviews", &recruiter.access, &form(email)).await
}

/// What is answered where Redis goes away when Postgres has the request, and has not written it yet.
async fn losing_redis(wired: &Wired, request: impl Future<Output = Answer>) -> Answer {
    let held = Held::interviews(&wired.app.database).await;
    let (answer, ()) = tokio::join!(request, async {
        held.has(1).await;
        wired.wire.refuse();
        held.release().await;
    });
    answer
}

/// Redis is back, and has been told of every link that is dead.
async fn healed(wired: &Wired, recruiter: &Member) {
    wired.wire.heal();
    until("the node to be back", || async {
        let answer = wired.app.call(Method::GET, "/interviews", &recruiter.access, &Value::Null).await;
        (answer.status == 200).then_some(())
    })
    .await;
    until("the sweep", || async {
        let untold = query(&wired.app.database, "SELECT FROM dead_links WHERE told_at IS NULL").await;
        untold.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_interview_whose_mail_cannot_be_queued_is_not_made() {
    let Some(wired) = wired().await else { return };
    let app = &wired.app;
    let recruiter = app.member_with("rita", "recruiter").await;
    losing_redis(&wired, create(app, &recruiter, EMAIL)).await.assert_problem(503, "unavailable");
    healed(&wired, &recruiter).await;
    assert_eq!(list(app, &recruiter, "").await, [] as [Value; 0]);
    assert!(query(&app.database, "SELECT FROM interviews").await.is_empty());
    let keys = app.resp().keys();
    assert!(!keys.iter().any(|key| key.contains(":job:") || key.contains(":mail:")), "{keys:?}");
    assert_eq!(app.mails(EMAIL).await, [] as [Value; 0]);

    // Doing it again makes one, and mails it.
    let link = link_of(&create(app, &recruiter, EMAIL).await.assert_status(201).json());
    let mail = until("the invitation", || async { app.mails(EMAIL).await.pop() }).await;
    assert!(mail["text"].as_str().unwrap().contains(&link.token), "{mail}");
    assert_eq!(list(app, &recruiter, "").await.len(), 1);
}

#[tokio::test]
async fn a_new_link_that_redis_did_not_hear_of_leaves_the_old_one_dead() {
    let Some(wired) = wired().await else { return };
    let app = &wired.app;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, old) = app.interview(&recruiter, EMAIL).await;
    // A mail that is not out yet goes with its link.
    until("the first invitation", || async { app.mails(EMAIL).await.pop() }).await;
    app.info(&old).await.assert_status(200);
    let answer = losing_redis(&wired, reissue_on(app, &app.nodes[0], &recruiter, &old)).await;
    answer.assert_problem(503, "unavailable");
    healed(&wired, &recruiter).await;
    app.info(&old).await.assert_problem(404, "link-not-found");
    let found = told(app, &recruiter, &old).await;
    assert_eq!((&found["state"], &found["invitationMail"]), (&json!("open"), &Value::Null), "{found}");

    let again = reissue_on(app, &app.nodes[0], &recruiter, &old).await.assert_status(200).json();
    let new = link_of(&again);
    app.info(&new).await.assert_status(200);
    app.info(&old).await.assert_problem(404, "link-not-found");
    until("its invitation alone", || async {
        let mails = app.mails(EMAIL).await;
        let newest = mails.first()?["text"].as_str()?.contains(&new.token);
        (newest && mails.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_link_taken_away_that_redis_did_not_hear_of_is_dead_when_it_is_back() {
    let Some(wired) = wired().await else { return };
    let app = &wired.app;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&recruiter, EMAIL).await;
    let code = app.code(&link).await;
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    let answer = losing_redis(&wired, revoke_on(app, &app.nodes[0], &recruiter, &link)).await;
    answer.assert_problem(503, "unavailable");
    healed(&wired, &recruiter).await;
    app.begin(&link, &token).await.assert_problem(404, "link-not-found");
    app.info(&link).await.assert_problem(404, "link-not-found");
    assert_eq!(told(app, &recruiter, &link).await["state"], "revoked");
    revoke_on(app, &app.nodes[0], &recruiter, &link).await.assert_status(204);
    app.info(&link).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn what_follows_a_failed_reissue_makes_the_oldest_link_dead_too() {
    // Nobody sweeps: only the request at hand can tell Redis of it.
    let Some(wired) = Wired::start(Setup::new().set("postgres.sweep_interval", &"1h")).await else { return };
    let app = &wired.app;
    let recruiter = app.member_with("rita", "recruiter").await;
    for again in [Method::POST, Method::DELETE] {
        let (_, oldest) = app.interview(&recruiter, EMAIL).await;
        let code = app.code(&oldest).await;
        let token = app.verify(&oldest, &code).await.assert_status(200).text_of("sessionToken");
        let answer = losing_redis(&wired, reissue_on(app, &app.nodes[0], &recruiter, &oldest)).await;
        answer.assert_problem(503, "unavailable");
        wired.wire.heal();
        until("the node to be back", || async { (app.info(&oldest).await.status == 200).then_some(()) }).await;

        match again {
            Method::POST => reissue_on(app, &app.nodes[0], &recruiter, &oldest).await.assert_status(200),
            _ => revoke_on(app, &app.nodes[0], &recruiter, &oldest).await.assert_status(204),
        };
        app.begin(&oldest, &token).await.assert_problem(404, "link-not-found");
        app.pass(60_000);
    }
}

/// Everything that a recruiter can do, at once.
async fn all(app: &TestApp, recruiter: &Member, link: &Link) -> Vec<Answer> {
    let path = format!("/interviews/{}", link.interview);
    let (made, listed, read, reissued, revoked) = tokio::join!(
        in_time(create(app, recruiter, "eve@example.com")),
        in_time(app.call(Method::GET, "/interviews", &recruiter.access, &Value::Null)),
        in_time(app.call(Method::GET, &path, &recruiter.access, &Value::Null)),
        in_time(reissue_on(app, &app.nodes[0], recruiter, link)),
        in_time(revoke_on(app, &app.nodes[0], recruiter, link)),
    );
    vec![made, listed, read, reissued, revoked]
}

/// As it was before anybody tried.
async fn assert_untouched(app: &TestApp, recruiter: &Member, link: &Link) {
    let interviews = list(app, recruiter, "").await;
    assert_eq!(interviews.len(), 1, "{interviews:?}");
    assert_eq!((&interviews[0]["id"], &interviews[0]["state"]), (&json!(link.interview), &json!("open")));
    app.info(link).await.assert_status(200);
    assert_eq!(app.mails("eve@example.com").await, [] as [Value; 0]);
}

#[tokio::test]
async fn recruiters_are_told_while_postgres_is_stopped() {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().set("postgres.url", &url).start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&recruiter, EMAIL).await;
    app.info(&link).await.assert_status(200);
    settle(&url).await;
    postgres.kill().unwrap();
    for _ in 0..2 {
        for answer in all(&app, &recruiter, &link).await {
            answer.assert_problem(503, "unavailable");
        }
    }
    in_time(app.info(&link)).await.assert_status(200);
    postgres.restart().unwrap();
    until("Postgres", || async {
        Some(app.told(&recruiter, &link.interview).await).filter(|answer| answer.status == 200)
    })
    .await;
    assert_untouched(&app, &recruiter, &link).await;
}

#[tokio::test]
async fn recruiters_are_told_while_redis_refuses_and_while_it_is_silent() {
    let Some(wired) = wired().await else { return };
    let app = &wired.app;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&recruiter, EMAIL).await;
    for silent in [false, true] {
        if silent {
            wired.wire.silence();
        } else {
            wired.wire.refuse();
        }
        for answer in all(app, &recruiter, &link).await {
            answer.assert_problem(503, "unavailable");
        }
        healed(&wired, &recruiter).await;
        assert_untouched(app, &recruiter, &link).await;
    }
}

#[tokio::test]
async fn where_too_many_mails_wait_no_interview_is_made() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let setup = Setup::new().relay(&sink.url()).set("redis.partitions", &1).set("mail.waiting_max", &1);
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, first) = app.interview(&recruiter, "first@example.com").await;
    sink.until("a try", |seen| seen.attempts == 1).await;

    create(&app, &recruiter, EMAIL).await.assert_problem(503, "unavailable");
    let interviews = list(&app, &recruiter, "").await;
    assert_eq!(interviews.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&json!(first.interview)]);

    sink.behave(Behaviour::Accept);
    until("the first mail to be gone", || async {
        app.pass(LONGEST_WAIT_MS);
        let found = told(&app, &recruiter, &first).await;
        (found["invitationMail"]["status"] == "accepted").then_some(())
    })
    .await;
    let link = link_of(&create(&app, &recruiter, EMAIL).await.assert_status(201).json());
    let mail = sink.mail_to(EMAIL, 1).await;
    assert!(mail.text.contains(&link.token), "{}", mail.text);
    assert_eq!(sink.seen().mails.iter().filter(|mail| mail.to == EMAIL).count(), 1);
}

#[tokio::test]
async fn where_too_many_mails_wait_a_new_link_is_told_and_not_mailed() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let setup = Setup::new().relay(&sink.url()).set("redis.partitions", &1).set("mail.waiting_max", &1);
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, old) = app.interview(&recruiter, EMAIL).await;
    sink.mail_to(EMAIL, 1).await;
    until("room", || async {
        (told(&app, &recruiter, &old).await["invitationMail"]["status"] == "accepted").then_some(())
    })
    .await;
    sink.behave(Behaviour::Defer);
    app.interview(&recruiter, "other@example.com").await;

    let again = reissue_on(&app, &app.nodes[0], &recruiter, &old).await.assert_status(200).json();
    assert_eq!(again["invitationMail"], Value::Null);
    app.info(&old).await.assert_problem(404, "link-not-found");
    app.info(&link_of(&again)).await.assert_status(200);
    assert_eq!(told(&app, &recruiter, &old).await["invitationMail"], Value::Null);
    sink.behave(Behaviour::Accept);
    let mailed = until("room", || async {
        app.pass(LONGEST_WAIT_MS);
        let answer = reissue_on(&app, &app.nodes[0], &recruiter, &old).await.assert_status(200).json();
        (!answer["invitationMail"].is_null()).then_some(answer)
    });
    let new = link_of(&mailed.await);
    let mail = sink.mail_to(EMAIL, 2).await;
    assert!(mail.text.contains(&new.token), "{}", mail.text);
}
