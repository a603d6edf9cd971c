//! The wire to Redis breaks after a script has run: nothing is mailed twice, and what is told is what happened.

use hyper::Method;
use serde_json::{Value, json};
use vestibule::jobs::JobKind;
use vestibule::redis::scripts;

use super::{list, now, reissue_on, revoke_on, told};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::{form, link_of};
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::trips::decisions;
use crate::support::until::until;
use crate::support::wire::Wired;

const EMAIL: &str = "ada@example.com";
/// Longer than a job belongs to its taker: were it still there, it would fall due.
const LONGER_THAN_A_CLAIM_MS: u64 = 46_000;

/// Frozen: what is found later was done, not forgotten.
async fn wired(setup: Setup) -> Option<(Wired, Member)> {
    let wired = Wired::start(setup.set("mail.sweep_interval", &"100ms")).await?;
    wired.app.clock.freeze();
    let recruiter = wired.app.member_with("rita", "recruiter").await;
    Some((wired, recruiter))
}

async fn create(app: &TestApp, recruiter: &Member) -> Answer {
    app.call(Method::POST, "/interviews", &recruiter.access, &form(EMAIL)).await
}

async fn lost(wired: &Wired, times: usize) {
    until("the replies to be lost", || async { (wired.wire.lost() == times).then_some(()) }).await;
}

/// The invitation once it is in this state; 503 while the node finds its way back.
async fn invitation_is(app: &TestApp, recruiter: &Member, link: &Link, status: &str) -> Value {
    until(&format!("the invitation to be {status}"), || async {
        let answer = app.told(recruiter, &link.interview).await;
        if answer.status == 503 {
            return None;
        }
        let found = answer.assert_status(200).json()["invitationMail"].clone();
        (found["status"] == status).then_some(found)
    })
    .await
}

async fn no_work_waits(app: &TestApp) {
    until("the queues to be empty", || async {
        (!app.resp().keys().iter().any(|key| key.contains(":job:") || key.contains(":mail:"))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_queued_once() {
    let Some((wired, recruiter)) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    wired.wire.lose(&scripts::JOB_ADD, 1);
    let link = link_of(&create(app, &recruiter).await.assert_status(201).json());
    lost(&wired, 1).await;
    let found = invitation_is(app, &recruiter, &link, "accepted").await;
    assert_eq!(found["at"], now(app));
    no_work_waits(app).await;
    assert_eq!((app.mails(EMAIL).await.len(), list(app, &recruiter, "").await.len()), (1, 1));
}

#[tokio::test]
async fn an_invitation_that_was_sent_while_nobody_knew_that_it_was_queued_is_not_sent_again() {
    let setup = Setup::new().set("redis.command_timeout", &"10s");
    let Some((mut wired, recruiter)) = wired(setup).await else { return };
    // It sees the queue, and its way to Redis is no wire.
    wired.app.add_node().await;
    let app = &wired.app;
    wired.wire.lose_and_fall_silent(&scripts::JOB_ADD);
    let (made, sent) = tokio::join!(create(app, &recruiter), async {
        let sent = until("the note that it was sent", || async {
            let mut resp = app.resp();
            let note = resp.keys().into_iter().find(|key| key.contains(":mailed:"))?;
            resp.field(&note, JobKind::Invitation.name())
        });
        let sent = sent.await;
        app.pass(5_000);
        wired.wire.heal();
        sent
    });
    let link = link_of(&made.assert_status(201).json());
    lost(&wired, 1).await;
    no_work_waits(app).await;
    assert_eq!(app.mails(EMAIL).await.len(), 1);
    let note = app.resp().field(app.keys().mailed(&link.id()).name(), JobKind::Invitation.name());
    assert_eq!(note, Some(sent));
}

#[tokio::test]
async fn an_invitation_of_which_nobody_ever_heard_goes_with_its_interview() {
    let setup = Setup::new().set("postgres.sweep_interval", &"100ms");
    // Nobody listens there: what is queued waits.
    let Some((wired, recruiter)) = wired(setup.relay("smtp://127.0.0.1:1?tls=none")).await else { return };
    let app = &wired.app;
    wired.wire.lose(&scripts::JOB_ADD, 2);
    create(app, &recruiter).await.assert_problem(503, "unavailable");
    lost(&wired, 2).await;
    no_work_waits_but_its_place(app).await;
    let listed = until("the node to be back", || async {
        let answer = app.call(Method::GET, "/interviews", &recruiter.access, &Value::Null).await;
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(listed.await.json()["items"], json!([]));
    assert!(query(&app.database, "SELECT FROM interviews").await.is_empty());
}

/// The job dies with its link; its place in the queue goes when it falls due.
async fn no_work_waits_but_its_place(app: &TestApp) {
    until("the job to be gone", || async {
        (!app.resp().keys().iter().any(|key| key.contains(":job:"))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_the_relay_took_is_accepted_and_not_sent_again() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let Some((wired, recruiter)) = wired(Setup::new().relay(&sink.url())).await else { return };
    let app = &wired.app;
    for times in [1, 2] {
        wired.wire.lose(&scripts::JOB_DONE, times);
        let link = link_of(&create(app, &recruiter).await.assert_status(201).json());
        lost(&wired, times).await;
        let found = invitation_is(app, &recruiter, &link, "accepted").await;
        assert_eq!(found, json!({"status": "accepted", "at": now(app), "tries": 0, "reason": null}));
        app.pass(LONGER_THAN_A_CLAIM_MS);
        no_work_waits(app).await;
        assert_eq!(told(app, &recruiter, &link).await["invitationMail"], found);
        assert_eq!(sink.seen().mails.len(), times);
    }
}

#[tokio::test]
async fn a_mail_that_the_relay_refused_is_refused_once() {
    let sink = SmtpSink::start(Behaviour::Refuse).await;
    let setup = Setup::new().relay(&sink.url()).set("redis.partitions", &1);
    let Some((wired, recruiter)) = wired(setup).await else { return };
    let app = &wired.app;
    for times in [1, 2] {
        wired.wire.lose(&scripts::JOB_REFUSE, times);
        let link = link_of(&create(app, &recruiter).await.assert_status(201).json());
        lost(&wired, times).await;
        let found = invitation_is(app, &recruiter, &link, "refused").await;
        assert!(found["at"] == now(app) && found["reason"].as_str().unwrap().starts_with("recipient: 550"), "{found}");
        app.pass(LONGER_THAN_A_CLAIM_MS);
        no_work_waits(app).await;
        assert_eq!(told(app, &recruiter, &link).await["invitationMail"], found);
        assert_eq!((sink.seen().attempts, refused_lines(app)), (times, times));
    }
}

fn refused_lines(app: &TestApp) -> usize {
    let mut resp = app.resp();
    let list = resp.keys().into_iter().find(|key| key.contains(":refused:")).unwrap();
    resp.call(&["LLEN", &list]).integer().try_into().unwrap()
}

#[tokio::test]
async fn a_mail_that_was_put_off_has_been_tried_once() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let Some((wired, recruiter)) = wired(Setup::new().relay(&sink.url())).await else { return };
    let app = &wired.app;
    wired.wire.lose(&scripts::JOB_DEFER, 1);
    let link = link_of(&create(app, &recruiter).await.assert_status(201).json());
    lost(&wired, 1).await;
    until("the second reply", || async { (decisions(app, "job_defer").await == 1).then_some(()) }).await;
    let found = invitation_is(app, &recruiter, &link, "deferred").await;
    assert_eq!((&found["tries"], &found["at"]), (&json!(1), &json!(now(app))));
    assert_eq!(sink.seen().attempts, 1);
}

#[tokio::test]
async fn a_link_is_replaced_once_and_taken_away_once() {
    let Some((wired, recruiter)) = wired(Setup::new().set("postgres.sweep_interval", &"1h")).await else { return };
    let app = &wired.app;
    let old = link_of(&create(app, &recruiter).await.assert_status(201).json());
    app.info(&old).await.assert_status(200);
    wired.wire.lose(&scripts::LINK_KILL, 1);
    let new = link_of(&reissue_on(app, &app.nodes[0], &recruiter, &old).await.assert_status(200).json());
    lost(&wired, 1).await;
    app.info(&old).await.assert_problem(404, "link-not-found");
    app.info(&new).await.assert_status(200);
    invitation_is(app, &recruiter, &new, "accepted").await;
    assert_eq!(app.mails(EMAIL).await.len(), 2);

    wired.wire.lose(&scripts::LINK_KILL, 1);
    revoke_on(app, &app.nodes[0], &recruiter, &new).await.assert_status(204);
    lost(&wired, 1).await;
    app.info(&new).await.assert_problem(404, "link-not-found");
    assert_eq!(told(app, &recruiter, &new).await["state"], "revoked");
}

#[tokio::test]
async fn a_link_whose_replacement_nobody_heard_of_is_replaced_once_more() {
    let Some((wired, recruiter)) = wired(Setup::new()).await else { return };
    let app = &wired.app;
    let old = link_of(&create(app, &recruiter).await.assert_status(201).json());
    app.info(&old).await.assert_status(200);
    wired.wire.lose(&scripts::LINK_KILL, 2);
    reissue_on(app, &app.nodes[0], &recruiter, &old).await.assert_problem(503, "unavailable");
    lost(&wired, 2).await;
    let again = until("the node to be back", || async {
        let answer = reissue_on(app, &app.nodes[0], &recruiter, &old).await;
        (answer.status != 503).then_some(answer)
    });
    let new = link_of(&again.await.assert_status(200).json());
    app.info(&old).await.assert_problem(404, "link-not-found");
    app.info(&new).await.assert_status(200);
    assert_eq!(list(app, &recruiter, "").await.len(), 1);
}
