//! Mail from the decision to the relay: once, the newest only, whatever the relay does and whichever node dies.

use std::collections::BTreeMap;
use std::process::Command;

use vestibule::jobs::{JobId, JobKind, Queue};
use vestibule::redis::Keys;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::program::Program;
use crate::support::smtp::{Behaviour, Received, SmtpSink};
use crate::support::until::until;

/// `mail.retry_max` at its default: after it, whatever was put off is due.
const LONGEST_WAIT_MS: u64 = 28_000;
/// `mail.claim` at its default.
const CLAIM_MS: u64 = 45_000;
const NO_RELAY: &str = "smtp://127.0.0.1:1?tls=none";

/// A node that looks at its queues often, on a Redis whose clock stands still.
async fn start(setup: Setup) -> TestApp {
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    app.clock.freeze();
    app
}

async fn start_with(sink: &SmtpSink) -> TestApp {
    start(Setup::new().relay(&sink.url())).await
}

fn job(kind: JobKind, link: &Link) -> JobId {
    JobId { kind, subject: link.id() }
}

/// What redis-cli shows of the code mail that waits for a link; nothing where none does.
fn waiting(app: &TestApp, link: &Link) -> BTreeMap<String, String> {
    app.resp().hash(app.keys().job(&job(JobKind::Code, link)).name()).into_iter().collect()
}

fn queue_of(keys: &Keys, link: &Link) -> String {
    keys.queue(Queue::Mail, keys.partition(&link.id())).name().to_owned()
}

/// In how many ms the code mail of a link falls due; `None` where it is in no queue.
fn due_in_ms(app: &TestApp, link: &Link) -> Option<i64> {
    let id = job(JobKind::Code, link).to_string();
    match app.resp().call(&["ZSCORE", &queue_of(&app.keys(), link), &id]) {
        crate::support::resp::Value::Text(due) => Some(due.parse::<i64>().unwrap() - app.clock.now_us() / 1_000),
        _ => None,
    }
}

/// The code mail once it has been put off for the `tries`th time.
async fn put_off(app: &TestApp, link: &Link, tries: u32) -> BTreeMap<String, String> {
    until("a mail that was put off", || async {
        Some(waiting(app, link)).filter(|mail| mail.get("tries") == Some(&tries.to_string()))
    })
    .await
}

async fn gone(app: &TestApp, link: &Link) {
    until("an empty queue", || async {
        (waiting(app, link).is_empty() && due_in_ms(app, link).is_none()).then_some(())
    })
    .await;
}

/// Every queue has been looked at from end to end since this was called, and what was due has been taken.
async fn swept(app: &TestApp) {
    // Three queues of 16 partitions, twice, and as much again for looks that had begun before.
    let enough = app.resp().scripts_run() + 4 * 3 * 16;
    until("sweeps", || async { (app.resp().scripts_run() >= enough).then_some(()) }).await;
}

fn code_of(mail: &Received) -> String {
    let code = &mail.subject[..6];
    assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{}", mail.subject);
    code.to_owned()
}

/// The next code after this one: never the right one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

fn message_id(mail: &Received) -> String {
    let raw = String::from_utf8_lossy(&mail.raw).into_owned();
    raw.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap_or_else(|| panic!("{raw}")).to_owned()
}

#[tokio::test]
async fn a_code_arrives_with_the_mark_that_the_page_shows() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = start_with(&sink).await;
    let link = app.invite("ada@example.com").await;

    let mark = app.request(&link).await.assert_status(202).text_of("ref");

    let mail = sink.mail_to("ada@example.com", 1).await;
    let code = code_of(&mail);
    assert_eq!(mail.subject, format!("{code} is your Acme interview code ({mark})"));
    assert_eq!(mail.from, "interviews@acme.example");
    for body in [&mail.text, &mail.html] {
        assert!(body.contains(&code) && body.contains(&mark), "{body}");
    }
    assert!(message_id(&mail).starts_with("<code."), "{}", message_id(&mail));
    assert!(message_id(&mail).ends_with("@interviews.example.com>"), "{}", message_id(&mail));
    gone(&app, &link).await;
    app.verify(&link, &code).await.assert_status(200);
    assert_eq!(sink.seen().mails.len(), 1);
}

#[tokio::test]
async fn an_invitation_arrives_with_a_link_that_works() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = start_with(&sink).await;

    let link = app.invite_with("ada@example.com", &["--mail"]).await;

    let mail = sink.mail_to("ada@example.com", 1).await;
    let start = "https://interviews.example.com/interview/join/";
    let url = mail.text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{}", mail.text));
    assert_eq!(url, link.token);
    assert!(mail.html.contains(&format!("{start}{url}")), "{}", mail.html);
    assert!(mail.text.contains("Ada Lovelace") && mail.text.contains("Analyst"), "{}", mail.text);
    app.info(&link).await.assert_status(200);
}

#[tokio::test]
async fn a_relay_that_puts_us_off_is_asked_ever_later_and_gets_the_mail_once() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = start_with(&sink).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);

    // 1 s, doubling to 28 s, less up to a fifth.
    for (tries, longest) in (1..).zip([1_000, 2_000, 4_000, 8_000, 16_000, 28_000, 28_000]) {
        let mail = put_off(&app, &link, tries).await;
        assert_eq!(mail["masked"], "a***@e***.com");
        assert!(mail["why"].starts_with("recipient: 451 4.7.1 greylisted, try again later"), "{mail:?}");
        let due = until("the next try", || async { due_in_ms(&app, &link).filter(|due| *due < 30_000) }).await;
        assert!((longest * 8 / 10..=longest).contains(&due), "try {tries}: {due}");
        app.pass(due.try_into().unwrap());
    }
    put_off(&app, &link, 8).await;
    assert_eq!(sink.seen().attempts, 8);

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    let mail = sink.mail_to("ada@example.com", 1).await;
    gone(&app, &link).await;
    app.pass(LONGEST_WAIT_MS);
    swept(&app).await;
    assert_eq!(sink.seen().mails.len(), 1);
    app.verify(&link, &code_of(&mail)).await.assert_status(200);
}

#[tokio::test]
async fn a_mail_that_is_not_yet_due_is_left_alone() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = start_with(&sink).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    put_off(&app, &link, 1).await;
    let due = until("the next try", || async { due_in_ms(&app, &link).filter(|due| *due <= 1_000) }).await;

    app.pass(due.unsigned_abs() - 1);
    swept(&app).await;
    assert_eq!(sink.seen().attempts, 1);
    app.pass(1);
    put_off(&app, &link, 2).await;
}

#[tokio::test]
async fn what_the_relay_refuses_is_noted_for_the_engineer_and_not_tried_again() {
    let sink = SmtpSink::start(Behaviour::Refuse).await;
    let app = start(Setup::new().relay(&sink.url()).set("mail.refused_keep", &2)).await;
    let link = app.invite("ada@example.com").await;
    let refused = app.keys().refused(app.keys().partition(&link.id())).name().to_owned();

    for _ in 0..3 {
        app.request(&link).await.assert_status(202);
        gone(&app, &link).await;
        app.pass(60_000);
    }
    swept(&app).await;

    assert_eq!(sink.seen().attempts, 3);
    let lines = app.resp().call(&["LRANGE", &refused, "0", "-1"]);
    assert_eq!(lines.array().len(), 2, "{lines:?}");
    for line in lines.array() {
        let (time, rest) = line.text().split_once(' ').unwrap();
        assert_eq!(time.len(), 13, "{line:?}");
        let words = "550 5.1.1 <a***@e***.com>: recipient address rejected";
        assert!(rest.starts_with(&format!("code-{} a***@e***.com recipient: ", link.id())), "{line:?}");
        assert!(rest.contains(words) || rest.contains("550 5.1.1 no such user a***@e***.com"), "{line:?}");
        assert!(!rest.contains("ada@"), "{line:?}");
    }
    // A week after its newest line, a minute ago.
    let week_ms = 7 * 24 * 3_600_000;
    assert_eq!(app.resp().call(&["PTTL", &refused]).integer(), week_ms - 60_000);
}

#[tokio::test]
async fn a_silent_relay_is_hung_up_on_and_asked_again() {
    let sink = SmtpSink::start(Behaviour::SilentAfterBanner).await;
    let app = start(Setup::new().relay(&sink.url()).set("mail.send_timeout", &"1s")).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);

    // While it is being sent, it is nobody else's.
    let due = until("a mail under way", || async { due_in_ms(&app, &link).filter(|due| *due > 0) }).await;
    assert_eq!(due, i64::try_from(CLAIM_MS).unwrap());
    let mail = put_off(&app, &link, 1).await;
    assert!(mail["why"].ends_with("timed out after 1 s"), "{mail:?}");

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    sink.mail_to("ada@example.com", 1).await;
    gone(&app, &link).await;
}

#[tokio::test]
async fn mail_waits_for_a_relay_that_cannot_be_reached() {
    let mut app = start(Setup::new().relay(NO_RELAY)).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    let mail = put_off(&app, &link, 1).await;
    assert!(mail["why"].starts_with("connect: "), "{mail:?}");

    let sink = SmtpSink::start(Behaviour::Accept).await;
    let reaches_it = app.node_with(&[("mail.url", &sink.url())]).await;
    app.nodes = vec![reaches_it];
    app.pass(LONGEST_WAIT_MS);
    sink.mail_to("ada@example.com", 1).await;
    gone(&app, &link).await;
    assert_eq!(sink.seen().mails.len(), 1);
}

#[tokio::test]
async fn of_several_codes_that_wait_only_the_newest_is_mailed() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = start_with(&sink).await;
    let (link, keys) = (app.invite("ada@example.com").await, app.keys());
    for _ in 0..2 {
        app.request(&link).await.assert_status(202);
        put_off(&app, &link, 1).await;
        // The next has nothing of it, also where an operator lets it be asked for at once.
        app.resp().call(&["HSET", keys.job(&job(JobKind::Code, &link)).name(), "tries", "7"]);
        let unlock = include_str!("../lua/ops/unlock.lua");
        app.resp().call(&["EVAL", unlock, "1", keys.otp(&link.id()).name(), "jane@edge-1"]);
    }
    let newest = app.request(&link).await.assert_status(202).text_of("ref");
    put_off(&app, &link, 1).await;

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    let mail = sink.mail_to("ada@example.com", 1).await;
    gone(&app, &link).await;
    app.pass(CLAIM_MS);
    swept(&app).await;

    assert!(mail.subject.ends_with(&format!("({newest})")), "{}", mail.subject);
    assert_eq!(sink.seen().mails.len(), 1);
    app.verify(&link, &code_of(&mail)).await.assert_status(200);
}

#[tokio::test]
async fn a_code_asked_for_while_the_last_one_is_being_mailed_is_mailed_too() {
    let sink = SmtpSink::start(Behaviour::SilentAfterBanner).await;
    let app = start(Setup::new().relay(&sink.url()).set("mail.send_timeout", &"2s")).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    sink.until("a conversation", |seen| seen.conversations == 1).await;
    app.pass(60_000);
    let newest = app.request(&link).await.assert_status(202).text_of("ref");

    // The older one is cut off, and what becomes of it is nothing to the newer one.
    sink.behave(Behaviour::Accept);
    app.clock.thaw();
    let ends = format!("({newest})");
    let seen = sink.until("the newer mail", |seen| seen.mails.iter().any(|mail| mail.subject.ends_with(&ends))).await;
    let mail = seen.mails.into_iter().find(|mail| mail.subject.ends_with(&ends)).unwrap();
    gone(&app, &link).await;
    app.verify(&link, &code_of(&mail)).await.assert_status(200);
}

/// A mail that arrived, though its sender was not told so and goes on trying: its code.
async fn arrived_and_waiting(app: &TestApp, sink: &SmtpSink, link: &Link) -> String {
    sink.behave(Behaviour::CutAfterData);
    app.request(link).await.assert_status(202);
    let mail = sink.mail_to(&link.email, 1).await;
    put_off(app, link, 1).await;
    code_of(&mail)
}

#[tokio::test]
async fn a_mail_that_is_sent_again_is_told_by_its_message_id() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = start_with(&sink).await;
    let link = app.invite("ada@example.com").await;
    arrived_and_waiting(&app, &sink, &link).await;

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    let again = sink.mail_to("ada@example.com", 2).await;
    let first = sink.mail_to("ada@example.com", 1).await;
    assert_eq!(message_id(&first), message_id(&again));
    assert_eq!(first.subject, again.subject);
}

#[tokio::test]
async fn a_code_that_is_of_no_more_use_is_not_mailed() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = start_with(&sink).await;
    let used = app.invite("used@example.com").await;
    let destroyed = app.invite("destroyed@example.com").await;
    let revoked = app.invite_with("revoked@example.com", &[]).await;
    let reissued = app.invite_with("reissued@example.com", &[]).await;
    let mut codes = Vec::new();
    for link in [&used, &destroyed, &revoked, &reissued] {
        codes.push(arrived_and_waiting(&app, &sink, link).await);
    }

    app.verify(&used, &codes[0]).await.assert_status(200);
    for status in [401, 401, 429] {
        app.verify(&destroyed, &wrong(&codes[1])).await.assert_status(status);
    }
    app.revoke(&revoked).await;
    app.reissue(&reissued).await;
    for link in [&used, &destroyed, &revoked, &reissued] {
        assert!(waiting(&app, link).is_empty(), "{}", link.email);
    }

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    for link in [&used, &destroyed, &revoked, &reissued] {
        gone(&app, link).await;
    }
    swept(&app).await;
    assert_eq!(sink.seen().mails.len(), 4);
}

#[tokio::test]
async fn an_invitation_whose_link_was_revoked_is_not_mailed() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = start_with(&sink).await;
    let link = app.invite_with("ada@example.com", &["--mail"]).await;
    sink.until("a try", |seen| seen.attempts == 1).await;
    app.revoke(&link).await;

    sink.behave(Behaviour::Accept);
    app.pass(CLAIM_MS);
    swept(&app).await;
    assert_eq!(sink.seen().attempts, 1);
}

#[tokio::test]
async fn a_mail_whose_code_has_expired_is_dropped() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    // One partition: the younger mail keeps the queue, and the older one's place in it, alive.
    let app = start(Setup::new().relay(&sink.url()).set("redis.partitions", &1)).await;
    let (older, younger) = (app.invite("older@example.com").await, app.invite("younger@example.com").await);
    let keys = Keys::new("vb", 1);
    let (queue, app_ref) = (queue_of(&keys, &older), &app);
    let waiting = || app.resp().call(&["ZCARD", &queue]).integer();
    // Time stands still until an attempt is over: one that is under way would lose its lease to a jump, and be repeated.
    let tried = async |link: &Link, times: &str| {
        let job = keys.job(&job(JobKind::Code, link)).name().to_owned();
        let over = || async { (app_ref.resp().field(&job, "tries").as_deref() == Some(times)).then_some(()) };
        until("an attempt to be over", over).await;
    };
    app.request(&older).await.assert_status(202);
    tried(&older, "1").await;
    app.pass(300_000);
    tried(&older, "2").await;
    app.request(&younger).await.assert_status(202);
    tried(&younger, "1").await;

    app.pass(300_001);
    until("one waiting mail", || async { (waiting() == 1).then_some(()) }).await;
    tried(&younger, "2").await;
    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    sink.mail_to("younger@example.com", 1).await;
    until("an empty queue", || async { (waiting() == 0).then_some(()) }).await;
    assert_eq!(sink.seen().mails.len(), 1);
}

#[tokio::test]
async fn the_mail_of_a_killed_node_is_delivered_by_another_once() {
    let sink = SmtpSink::start(Behaviour::Silent).await;
    let mut app = start(Setup::new().nodes(0).relay(&sink.url())).await;
    let killed = Program::serve(&app.environment_with(&[("log.level", "info")]));
    let node = killed.ready().await.public;
    let link = app.invite("ada@example.com").await;
    let mark = app.http.post(&link.url(node, "request-otp")).await.assert_status(202).text_of("ref");
    sink.until("the conversation of the first node", |seen| seen.conversations == 1).await;

    killed.kill();
    sink.behave(Behaviour::Accept);
    app.add_node().await;
    app.pass(CLAIM_MS - 1);
    swept(&app).await;
    assert_eq!(sink.seen().conversations, 1, "it may still be sending");

    app.pass(1);
    let mail = sink.mail_to("ada@example.com", 1).await;
    gone(&app, &link).await;
    app.pass(CLAIM_MS);
    swept(&app).await;
    assert_eq!(sink.seen().mails.len(), 1);
    assert!(mail.subject.ends_with(&format!("({mark})")), "{}", mail.subject);
    app.verify(&link, &code_of(&mail)).await.assert_status(200);
}

#[tokio::test]
async fn the_relay_is_spoken_to_by_as_many_as_are_allowed() {
    let sink = SmtpSink::start(Behaviour::Silent).await;
    let setup = Setup::new().relay(&sink.url()).set("mail.sends_max", &2).set("mail.send_timeout", &"3s");
    let app = start(setup).await;
    let mut links = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        links.push(app.invite(&format!("{name}@example.com")).await);
    }
    for link in &links {
        app.request(link).await.assert_status(202);
    }
    sink.until("two conversations", |seen| seen.conversations == 2).await;
    // A worker whose places are taken does not look at its queue; one that has a place too many has used it by then.
    app.info(&links[0]).await.assert_status(200);
    assert_eq!(sink.seen().open_at_most, 2);

    sink.behave(Behaviour::Accept);
    app.clock.thaw();
    sink.until("all mails", |seen| seen.mails.len() == 5).await;
    // The two that were silent have never ended for the sink: beside them, two at a time.
    assert!(sink.seen().open_at_most <= 4, "{}", sink.seen().open_at_most);
}

#[tokio::test]
async fn where_too_many_mails_wait_a_request_is_turned_away_without_a_trace() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let setup = Setup::new().relay(&sink.url()).set("redis.partitions", &1).set("mail.waiting_max", &1);
    let app = start(setup).await;
    let (first, second) = (app.invite("first@example.com").await, app.invite("second@example.com").await);
    app.request(&first).await.assert_status(202);

    app.request(&second).await.assert_problem(503, "unavailable");

    let kept = app.resp().keys();
    assert!(!kept.iter().any(|key| key.contains(&second.id().to_string()) && !key.starts_with("vb:link:")), "{kept:?}");
    let info = app.info(&second).await.assert_status(200).json();
    assert_eq!((&info["resendIn"], &info["ref"]), (&0.into(), &serde_json::Value::Null));
    let invitation = app.run(&["invite", "--name", "C", "--email", "c@example.com", "--position", "P", "--mail"]).await;
    assert_eq!(invitation.status.code(), Some(69), "{invitation:?}");

    sink.behave(Behaviour::Accept);
    app.pass(LONGEST_WAIT_MS);
    let room = until("room", || async { Some(app.request(&second).await).filter(|answer| answer.status != 503) });
    room.await.assert_status(202);
    sink.mail_to("second@example.com", 1).await;
}

#[tokio::test]
async fn redis_cli_shows_what_waits_and_none_of_its_secrets() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = start_with(&sink).await;
    let link = app.invite("ada@example.com").await;
    let code = arrived_and_waiting(&app, &sink, &link).await;

    let cli = |arguments: &[&str]| {
        let output = Command::new("redis-cli").args(app.redis.cli_args()).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lua/ops/outbox.lua");
    let queue = cli(&["--eval", script, &queue_of(&app.keys(), &link)]);
    let id = job(JobKind::Code, &link).to_string();
    assert!(queue.contains("1 waiting") && queue.contains(&format!("{id} to a***@e***.com, due in ")), "{queue}");

    let shown = cli(&["HGETALL", app.keys().job(&job(JobKind::Code, &link)).name()]);
    for told in ["a***@e***.com", "tries", "why", "letter: "] {
        assert!(shown.contains(told), "{told} in {shown}");
    }
    // Whom it goes to stands in the link's record alone.
    for secret in [code.as_str(), "ada@example.com", "Ada", &link.token] {
        assert!(!format!("{queue}{shown}").contains(secret), "{secret} in {queue}{shown}");
    }
    let fields = waiting(&app, &link);
    assert!(fields["sealed"].starts_with("r1:"), "{fields:?}");
}
