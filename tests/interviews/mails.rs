//! What a recruiter is told of the mails to a candidate, whatever the relay makes of them.

use hyper::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{not, now, told};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::members::Member;
use crate::support::program::Program;
use crate::support::recruiters::{form, link_of};
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

/// `mail.retry_max` at its default: after it, whatever was put off is due.
const LONGEST_WAIT_MS: u64 = 28_000;
/// `mail.claim` at its default.
const CLAIM_MS: u64 = 45_000;
const CODE_LIFE_MS: u64 = 600_000;
const DAY_MS: u64 = 24 * 3_600_000;
const EMAIL: &str = "ada@example.com";

/// Nodes that look at their queues often, on a Redis whose clock stands still; and somebody who asks.
async fn start(setup: Setup) -> (TestApp, Member) {
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    let recruiter = app.member_with("rita", "recruiter").await;
    (app, recruiter)
}

async fn start_with(sink: &SmtpSink) -> (TestApp, Member) {
    start(Setup::new().relay(&sink.url())).await
}

/// What is told of this mail, once it is in this state and was tried so often in vain.
async fn mail_is(app: &TestApp, recruiter: &Member, link: &Link, mail: &str, status: &str, tries: u64) -> Value {
    until(&format!("{mail} to be {status} after {tries} tries"), || async {
        let found = told(app, recruiter, link).await[mail].clone();
        (found["status"] == status && found["tries"] == tries).then_some(found)
    })
    .await
}

/// An interview whose invitation, or then whose code mail, meets a relay that behaves so.
async fn meets(
    behaviour: Behaviour,
    mail: &str,
    (app, recruiter): &(TestApp, Member),
    sink: &SmtpSink,
    email: &str,
) -> Link {
    if mail == "invitationMail" {
        sink.behave(behaviour);
        return app.interview(recruiter, email).await.1;
    }
    sink.behave(Behaviour::Accept);
    let (_, link) = app.interview(recruiter, email).await;
    mail_is(app, recruiter, &link, "invitationMail", "accepted", 0).await;
    sink.behave(behaviour);
    app.request(&link).await.assert_status(202);
    link
}

/// A code that arrived, though its sender was not told so and goes on trying.
async fn arrived_and_waiting(app: &TestApp, recruiter: &Member, sink: &SmtpSink, link: &Link, nth: usize) -> String {
    sink.behave(Behaviour::CutAfterData);
    app.request(link).await.assert_status(202);
    let mail = sink.mail_to(&link.email, nth).await;
    mail_is(app, recruiter, link, "codeMail", "deferred", 1).await;
    mail.subject[..6].to_owned()
}

#[tokio::test]
async fn a_mail_that_the_relay_took_is_accepted_since_then() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let (app, recruiter) = start_with(&sink).await;
    let (_, link) = app.interview(&recruiter, EMAIL).await;
    let accepted = json!({"status": "accepted", "at": now(&app), "tries": 0, "reason": null});
    assert_eq!(mail_is(&app, &recruiter, &link, "invitationMail", "accepted", 0).await, accepted);
    assert_eq!(told(&app, &recruiter, &link).await["codeMail"], Value::Null);

    app.pass(5_000);
    app.request(&link).await.assert_status(202);
    let later = json!({"status": "accepted", "at": now(&app), "tries": 0, "reason": null});
    assert_eq!(mail_is(&app, &recruiter, &link, "codeMail", "accepted", 0).await, later);
    // What is told of one does not touch what is told of the other.
    app.pass(5_000);
    let both = told(&app, &recruiter, &link).await;
    assert_eq!((&both["invitationMail"], &both["codeMail"]), (&accepted, &later));
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_told_with_its_tries_and_the_words_of_the_relay() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    for (mail, email) in [("invitationMail", "invited@example.com"), ("codeMail", "coded@example.com")] {
        let link = meets(Behaviour::Defer, mail, &stage, &sink, email).await;
        for tries in 1..=3_u64 {
            let found = mail_is(app, recruiter, &link, mail, "deferred", tries).await;
            let reason = "recipient: 451 4.7.1 greylisted, try again later";
            assert_eq!(found, json!({"status": "deferred", "at": now(app), "tries": tries, "reason": reason}));
            // The second one is due within a second, the third not before 1.6 s.
            if tries > 1 {
                app.pass(1_000);
                assert_eq!(told(app, recruiter, &link).await[mail], found, "the time is that of the try");
            }
            app.pass(LONGEST_WAIT_MS);
        }
        mail_is(app, recruiter, &link, mail, "deferred", 4).await;
        sink.behave(Behaviour::Accept);
        app.pass(LONGEST_WAIT_MS);
        let found = mail_is(app, recruiter, &link, mail, "accepted", 0).await;
        assert_eq!(found, json!({"status": "accepted", "at": now(app), "tries": 0, "reason": null}));
    }
}

#[tokio::test]
async fn a_mail_that_is_refused_is_told_with_the_words_of_the_relay_and_none_of_its_secrets() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    for (behaviour, mail, email, words) in [
        (Behaviour::Refuse, "invitationMail", "i1@example.com", "recipient: 550 5.1.1 <i***@e***.com>: recipient"),
        (Behaviour::Refuse, "codeMail", "c1@example.com", "recipient: 550 5.1.1 <c***@e***.com>: recipient"),
        (Behaviour::RefuseContent, "invitationMail", "i2@example.com", "letter: 554 5.7.1 spam: "),
        (Behaviour::RefuseContent, "codeMail", "c2@example.com", "letter: 554 5.7.1 spam: *** is your"),
    ] {
        let link = meets(behaviour, mail, &stage, &sink, email).await;
        let found = mail_is(app, recruiter, &link, mail, "refused", 0).await;
        assert_eq!(found["at"], now(app), "{found}");
        let reason = found["reason"].as_str().unwrap();
        assert!(reason.starts_with(words), "{reason}");
        let user = email.split('@').next().unwrap();
        for secret in [link.token.as_str(), &link.token[..16], email, &format!("{user}@"), "Ada Lovelace"] {
            assert!(!reason.contains(secret), "{secret} in {reason}");
        }
        let digits = |run: &str| run.len() == 6 && run.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!reason.split(|c: char| !c.is_alphanumeric()).any(digits), "a code in {reason}");

        // Not tried again, and told for as long as it may be asked.
        sink.behave(Behaviour::Accept);
        app.pass(DAY_MS);
        assert_eq!(told(app, recruiter, &link).await[mail], found);
    }
}

#[tokio::test]
async fn a_mail_that_nobody_has_tried_yet_is_queued() {
    let sink = SmtpSink::start(Behaviour::Silent).await;
    let (app, recruiter) = start_with(&sink).await;
    let (made, link) = app.interview(&recruiter, EMAIL).await;
    let queued = json!({"status": "queued", "at": null, "tries": 0, "reason": null});
    assert_eq!(made["invitationMail"], queued);
    assert_eq!(told(&app, &recruiter, &link).await["invitationMail"], queued);
    sink.until("an attempt", |seen| seen.conversations == 1).await;
    assert_eq!(told(&app, &recruiter, &link).await["invitationMail"], queued, "it is still being sent");

    app.request(&link).await.assert_status(202);
    let asked = now(&app);
    sink.until("the other attempt", |seen| seen.conversations == 2).await;
    app.pass(2_000);
    let since = json!({"status": "queued", "at": asked, "tries": 0, "reason": null});
    assert_eq!(told(&app, &recruiter, &link).await["codeMail"], since);

    drop(sink);
    for mail in ["invitationMail", "codeMail"] {
        mail_is(&app, &recruiter, &link, mail, "deferred", 1).await;
    }
}

#[tokio::test]
async fn the_mail_of_a_killed_node_is_queued_until_another_one_has_sent_it() {
    let sink = SmtpSink::start(Behaviour::Silent).await;
    let (app, recruiter) = start_with(&sink).await;
    let killed = Program::serve(&app.environment_with(&[("log.level", "info")]));
    let bearer = format!("Bearer {}", recruiter.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("http://{}/interviews", killed.ready().await.public);
    let made = app.http.send(Method::POST, &url, &headers, &form(EMAIL).to_string()).await.assert_status(201);
    let link = link_of(&made.json());
    sink.until("its attempt", |seen| seen.conversations == 1).await;
    killed.kill();

    sink.behave(Behaviour::Accept);
    app.pass(CLAIM_MS - 1);
    assert_eq!(told(&app, &recruiter, &link).await["invitationMail"]["status"], "queued");
    app.pass(1);
    let found = mail_is(&app, &recruiter, &link, "invitationMail", "accepted", 0).await;
    assert_eq!(found["at"], now(&app));
    assert_eq!(sink.seen().mails.len(), 1);
}

#[tokio::test]
async fn a_code_that_no_relay_took_in_time_has_expired() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    let link = meets(Behaviour::Accept, "codeMail", &stage, &sink, EMAIL).await;
    mail_is(app, recruiter, &link, "codeMail", "accepted", 0).await;
    app.pass(60_000);
    sink.behave(Behaviour::Defer);
    app.request(&link).await.assert_status(202);
    mail_is(app, recruiter, &link, "codeMail", "deferred", 1).await;
    app.pass(CODE_LIFE_MS + 1);
    let expired = json!({"status": "expired", "at": null, "tries": 0, "reason": null});
    assert_eq!(told(app, recruiter, &link).await["codeMail"], expired);

    // The next one has a fate of its own.
    sink.behave(Behaviour::Accept);
    app.request(&link).await.assert_status(202);
    mail_is(app, recruiter, &link, "codeMail", "accepted", 0).await;
}

#[tokio::test]
async fn a_code_that_was_used_or_destroyed_before_the_relay_had_answered_was_dropped() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let (app, recruiter) = start_with(&sink).await;
    let dropped = json!({"status": "dropped", "at": null, "tries": 0, "reason": null});
    let (_, used) = app.interview(&recruiter, "used@example.com").await;
    let (_, destroyed) = app.interview(&recruiter, "destroyed@example.com").await;
    for link in [&used, &destroyed] {
        mail_is(&app, &recruiter, link, "invitationMail", "accepted", 0).await;
    }

    let code = arrived_and_waiting(&app, &recruiter, &sink, &used, 2).await;
    app.verify(&used, &code).await.assert_status(200);
    assert_eq!(told(&app, &recruiter, &used).await["codeMail"], dropped);
    let code = arrived_and_waiting(&app, &recruiter, &sink, &destroyed, 2).await;
    for status in [401, 401, 429] {
        assert_eq!(told(&app, &recruiter, &destroyed).await["codeMail"]["status"], "deferred");
        app.verify(&destroyed, &not(&code)).await.assert_status(status);
    }
    assert_eq!(told(&app, &recruiter, &destroyed).await["codeMail"], dropped);
    // It stays so: nothing is sent any more, and nothing expires any more.
    app.pass(CODE_LIFE_MS + 1);
    for link in [&used, &destroyed] {
        assert_eq!(told(&app, &recruiter, link).await["codeMail"], dropped);
    }
}

#[tokio::test]
async fn what_is_told_of_a_code_mail_is_told_of_the_newest() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    let link = meets(Behaviour::Accept, "codeMail", &stage, &sink, EMAIL).await;
    mail_is(app, recruiter, &link, "codeMail", "accepted", 0).await;
    for (behaviour, status, tries) in [
        (Behaviour::Defer, "deferred", 1),
        (Behaviour::Refuse, "refused", 0),
        (Behaviour::Accept, "accepted", 0),
        (Behaviour::SilentAfterBanner, "queued", 0),
    ] {
        app.pass(60_000);
        sink.behave(behaviour);
        app.request(&link).await.assert_status(202);
        let found = mail_is(app, recruiter, &link, "codeMail", status, tries).await;
        assert_eq!(found["at"], now(app), "{found}");
        assert_eq!(found["reason"].is_null(), matches!(status, "queued" | "accepted"), "{found}");
    }
    drop(sink);
    mail_is(app, recruiter, &link, "codeMail", "deferred", 1).await;
}

#[tokio::test]
async fn a_link_that_an_operator_hands_over_has_no_invitation() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let (app, _) = start_with(&sink).await;
    let admin = app.member_with("root", "admin").await;
    let handed = app.invite(EMAIL).await;
    assert_eq!(told(&app, &admin, &handed).await["invitationMail"], Value::Null);
    app.request(&handed).await.assert_status(202);
    mail_is(&app, &admin, &handed, "codeMail", "accepted", 0).await;
    assert_eq!(told(&app, &admin, &handed).await["invitationMail"], Value::Null);

    let mailed = app.invite_with("eve@example.com", &["--mail"]).await;
    let found = mail_is(&app, &admin, &mailed, "invitationMail", "accepted", 0).await;
    assert_eq!(found["at"], now(&app));
}

#[tokio::test]
async fn a_new_link_has_mails_of_its_own_and_a_link_taken_away_keeps_what_was_told() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    let old = meets(Behaviour::Refuse, "codeMail", &stage, &sink, EMAIL).await;
    mail_is(app, recruiter, &old, "codeMail", "refused", 0).await;
    sink.behave(Behaviour::Defer);
    let new = super::reissue_on(app, &app.nodes[0], recruiter, &old).await.assert_status(200).json();
    let new = link_of(&new);
    mail_is(app, recruiter, &new, "invitationMail", "deferred", 1).await;
    assert_eq!(told(app, recruiter, &new).await["codeMail"], Value::Null);

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    let accepted = mail_is(app, recruiter, &new, "invitationMail", "accepted", 0).await;
    super::revoke_on(app, &app.nodes[0], recruiter, &new).await.assert_status(204);
    assert_eq!(told(app, recruiter, &new).await["invitationMail"], accepted);
}

#[tokio::test]
async fn what_became_of_mails_is_told_until_a_day_after_the_end_of_the_link() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let stage = start_with(&sink).await;
    let (app, recruiter) = (&stage.0, &stage.1);
    let link = meets(Behaviour::Accept, "codeMail", &stage, &sink, EMAIL).await;
    let accepted = mail_is(app, recruiter, &link, "codeMail", "accepted", 0).await;

    let end = OffsetDateTime::parse(&link.expires_at, &Rfc3339).unwrap().unix_timestamp() * 1_000;
    let end = u64::try_from(end).unwrap() + DAY_MS;
    let mailed = app.keys().mailed(&link.id()).name().to_owned();
    let until_when = app.resp().call(&["PEXPIRETIME", &mailed]).integer();
    assert_eq!(u64::try_from(until_when).unwrap(), end);
    app.clock.freeze_at(i64::try_from(end).unwrap() * 1_000);
    let found = told(app, recruiter, &link).await;
    assert_eq!((&found["codeMail"], &found["invitationMail"]["status"]), (&accepted, &json!("accepted")));
    app.pass(1);
    let found = told(app, recruiter, &link).await;
    assert_eq!((&found["codeMail"], &found["invitationMail"]), (&Value::Null, &Value::Null));
}
