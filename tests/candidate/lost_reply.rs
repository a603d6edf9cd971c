//! The wire to Redis breaks after a script has run: the first answer stands, and nothing is spent twice.

use std::time::Instant;

use serde_json::Value;
use vestibule::jobs::Queue;
use vestibule::redis::scripts;

use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::until::until;
use crate::support::wire::{DEPENDENCY_DEADLINE, Wired};

const EMAIL: &str = "ada@example.com";

/// Frozen: what is found later was done, not forgotten.
async fn wired() -> Option<Wired> {
    let setup = Setup::new().set("limits.candidate_ip.max", &100_000).set("mail.sweep_interval", &"100ms");
    let wired = Wired::start(setup).await?;
    wired.app.clock.freeze();
    Some(wired)
}

fn wrong_for(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

fn total_wrong(wired: &Wired, link: &Link) -> Option<String> {
    wired.app.resp().field(wired.app.keys().otp(&link.id()).name(), "total")
}

/// Waits until the mail queue is empty, and answers how many mails came out of it.
async fn mails_in_all(wired: &Wired, link: &Link) -> usize {
    let keys = wired.app.keys();
    let queue = keys.queue(Queue::Mail, keys.partition(&link.id()));
    until("the mail queue to be empty", || async {
        (wired.app.resp().call(&["ZCARD", queue.name()]).integer() == 0).then_some(())
    })
    .await;
    wired.app.mails(&link.email).await.len()
}

/// Waits until a node that was cut off has found its way back.
async fn recovered(wired: &Wired, link: &Link) {
    until("the node to recover", || async {
        let asked = Instant::now();
        let answer = wired.app.info(link).await;
        assert!(asked.elapsed() < DEPENDENCY_DEADLINE, "{:?}: {}", asked.elapsed(), answer.text());
        if answer.status == 503 {
            answer.assert_problem(503, "unavailable");
            return None;
        }
        answer.assert_status(200);
        Some(())
    })
    .await;
}

async fn attempts_left(wired: &Wired, link: &Link) -> u64 {
    wired.app.info(link).await.assert_status(200).json()["attemptsRemaining"].as_u64().unwrap()
}

#[track_caller]
fn assert_lost(wired: &Wired, times: usize) {
    assert_eq!(wired.wire.lost(), times, "the wire did not lose what it was to lose");
}

#[track_caller]
fn assert_incorrect(answer: Answer, left: u64) {
    assert_eq!(answer.assert_problem(401, "otp-incorrect").json()["attemptsRemaining"], left);
}

#[tokio::test]
async fn a_request_whose_reply_is_lost_sends_one_mail() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    wired.app.info(&link).await.assert_status(200);
    wired.wire.lose(&scripts::OTP_REQUEST, 1);
    let sent = wired.app.request(&link).await.assert_status(202).json();
    assert_lost(&wired, 1);
    assert_eq!(sent["requestsRemaining"], 4, "{sent}");
    assert_eq!(mails_in_all(&wired, &link).await, 1);

    let code = wired.app.nth_code(EMAIL, 1).await;
    let mark = sent["ref"].as_str().unwrap();
    let subject = wired.app.mails(EMAIL).await[0]["subject"].clone();
    assert!(subject.as_str().unwrap().contains(mark), "{subject} has not the mark {mark}");
    wired.app.verify(&link, &code).await.assert_status(200);
}

#[tokio::test]
async fn a_request_whose_reply_is_lost_twice_is_503_and_counts_once() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    wired.app.info(&link).await.assert_status(200);
    wired.wire.lose(&scripts::OTP_REQUEST, 2);
    wired.app.request(&link).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    recovered(&wired, &link).await;

    wired.app.request(&link).await.assert_problem(429, "otp-resend-too-soon").assert_retry_after(60);
    assert_eq!(mails_in_all(&wired, &link).await, 1);
    let code = wired.app.nth_code(EMAIL, 1).await;
    wired.app.verify(&link, &code).await.assert_status(200);
    wired.app.pass(60_000);
    let next = wired.app.request(&link).await.assert_status(202).json();
    assert_eq!(next["requestsRemaining"], 3, "{next}");
}

#[tokio::test]
async fn a_right_code_whose_reply_is_lost_opens_the_door() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    wired.wire.lose(&scripts::OTP_VERIFY, 1);
    let session = wired.app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    assert_lost(&wired, 1);
    wired.app.begin(&link, &session).await.assert_status(201);
    wired.app.verify(&link, &code).await.assert_problem(401, "otp-expired");
}

#[tokio::test]
async fn a_right_code_whose_reply_is_lost_twice_is_503_and_costs_no_attempt() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    wired.wire.lose(&scripts::OTP_VERIFY, 2);
    wired.app.verify(&link, &code).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    recovered(&wired, &link).await;

    // It was used up, by nobody who knows: the next one does it.
    wired.app.verify(&link, &code).await.assert_problem(401, "otp-expired");
    assert_eq!(attempts_left(&wired, &link).await, 3);
    wired.app.pass(60_000);
    let next = wired.app.code(&link).await;
    wired.app.verify(&link, &next).await.assert_status(200);
}

#[tokio::test]
async fn a_wrong_code_whose_reply_is_lost_costs_one_attempt() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    for left in [2, 1] {
        wired.wire.lose(&scripts::OTP_VERIFY, 1);
        assert_incorrect(wired.app.verify(&link, wrong_for(&code)).await, left);
        assert_lost(&wired, 1);
        assert_eq!(attempts_left(&wired, &link).await, left);
    }
    assert_eq!(total_wrong(&wired, &link).as_deref(), Some("2"));
    wired.app.verify(&link, &code).await.assert_status(200);
}

#[tokio::test]
async fn a_wrong_code_whose_reply_is_lost_twice_is_503_and_costs_one_attempt() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    wired.wire.lose(&scripts::OTP_VERIFY, 2);
    wired.app.verify(&link, wrong_for(&code)).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    recovered(&wired, &link).await;

    assert_eq!(attempts_left(&wired, &link).await, 2);
    assert_incorrect(wired.app.verify(&link, wrong_for(&code)).await, 1);
    assert_eq!(total_wrong(&wired, &link).as_deref(), Some("2"));
}

#[tokio::test]
async fn a_lock_whose_reply_is_lost_is_told_as_the_lock_that_it_was() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    for left in [2, 1] {
        assert_incorrect(wired.app.verify(&link, wrong_for(&code)).await, left);
    }
    wired.wire.lose(&scripts::OTP_VERIFY, 1);
    let locked = wired.app.verify(&link, wrong_for(&code)).await;
    let locked = locked.assert_problem(429, "otp-cooldown").assert_retry_after(600).json();
    assert_lost(&wired, 1);
    assert_eq!(locked["attemptsRemaining"], 0, "{locked}");
    assert_eq!(total_wrong(&wired, &link).as_deref(), Some("3"));

    // One lock, not two: the next one is the second.
    wired.app.pass(600_000);
    let code = wired.app.code(&link).await;
    for left in [2, 1] {
        assert_incorrect(wired.app.verify(&link, wrong_for(&code)).await, left);
    }
    wired.app.verify(&link, wrong_for(&code)).await.assert_problem(429, "otp-cooldown").assert_retry_after(1_200);
}

#[tokio::test]
async fn a_lock_whose_reply_is_lost_twice_is_503_and_one_lock() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    for left in [2, 1] {
        assert_incorrect(wired.app.verify(&link, wrong_for(&code)).await, left);
    }
    wired.wire.lose(&scripts::OTP_VERIFY, 2);
    wired.app.verify(&link, wrong_for(&code)).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    recovered(&wired, &link).await;

    let locked = wired.app.verify(&link, &code).await.assert_problem(429, "otp-cooldown").assert_retry_after(600);
    assert_eq!(locked.json().get("attemptsRemaining"), None);
    assert_eq!(total_wrong(&wired, &link).as_deref(), Some("3"));
}

async fn verified(wired: &Wired) -> (Link, String) {
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    let session = wired.app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    (link, session)
}

#[tokio::test]
async fn a_first_start_whose_reply_is_lost_is_told_as_the_first() {
    let Some(wired) = wired().await else { return };
    let (link, session) = verified(&wired).await;
    wired.wire.lose(&scripts::SEAT_START, 1);
    let first = wired.app.begin(&link, &session).await.assert_status(201).json();
    assert_lost(&wired, 1);
    wired.app.pass(5_000);
    assert_eq!(wired.app.begin(&link, &session).await.assert_status(200).json(), first);
}

#[tokio::test]
async fn a_first_start_whose_reply_is_lost_twice_is_503_then_a_rejoin_of_it() {
    let Some(wired) = wired().await else { return };
    let (link, session) = verified(&wired).await;
    let at_start = wired.app.clock.now_us() / 1_000_000;
    wired.wire.lose(&scripts::SEAT_START, 2);
    wired.app.begin(&link, &session).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    recovered(&wired, &link).await;
    wired.app.pass(5_000);
    let rejoined = wired.app.begin(&link, &session).await.assert_status(200);
    let started = vestibule::http::rfc3339(u64::try_from(at_start).unwrap() * 1_000);
    assert_eq!(rejoined.text_of("startedAt"), started);
}

#[tokio::test]
async fn an_admission_whose_reply_is_lost_counts_once() {
    let Some(wired) = Wired::start(Setup::new()).await else { return };
    wired.app.clock.freeze();
    let link = wired.app.invite(EMAIL).await;
    let left = |answer: &Answer| {
        let header = answer.header("ratelimit").unwrap();
        header.split(";r=").nth(1).unwrap().split(';').next().unwrap().parse::<u64>().unwrap()
    };
    wired.wire.lose(&scripts::ADMIT, 1);
    assert_eq!(left(&wired.app.info(&link).await.assert_status(200)), 119);
    assert_lost(&wired, 1);
    wired.wire.lose(&scripts::ADMIT, 2);
    wired.app.info(&link).await.assert_problem(503, "unavailable");
    assert_lost(&wired, 2);
    wired.wire.lose(&scripts::ADMIT, 0);
    // The one that was refused counts, once: Redis let it through.
    let client = wired.app.resp().keys().into_iter().find(|key| key.contains(":candidate_ip:")).unwrap();
    let counted = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let counts = wired.app.resp().hash(&client).into_iter().filter(|(name, _)| counted(name));
    assert_eq!(counts.map(|(_, count)| count.parse::<u64>().unwrap()).sum::<u64>(), 2);
}

#[tokio::test]
async fn a_job_whose_claim_is_lost_is_mailed_once() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    wired.wire.lose(&scripts::JOB_CLAIM, 1);
    wired.app.request(&link).await.assert_status(202);
    assert_eq!(mails_in_all(&wired, &link).await, 1);
    assert_lost(&wired, 1);
}

#[tokio::test]
async fn a_job_whose_claim_is_lost_twice_falls_due_again_and_is_mailed_once() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    wired.wire.lose(&scripts::JOB_CLAIM, 2);
    wired.app.request(&link).await.assert_status(202);
    until("both replies to be lost", || async { (wired.wire.lost() == 2).then_some(()) }).await;
    recovered(&wired, &link).await;
    assert_eq!(wired.app.mails(EMAIL).await, Vec::<Value>::new());
    wired.app.pass(44_999);
    assert_eq!(wired.app.mails(EMAIL).await, Vec::<Value>::new());
    wired.app.pass(1);
    assert_eq!(mails_in_all(&wired, &link).await, 1);
}

#[tokio::test]
async fn a_mail_whose_end_is_lost_is_not_mailed_again() {
    let Some(wired) = wired().await else { return };
    for (times, email) in [(1, "once@example.com"), (2, "twice@example.com")] {
        let link = wired.app.invite(email).await;
        wired.wire.lose(&scripts::JOB_DONE, times);
        wired.app.request(&link).await.assert_status(202);
        until("the replies to be lost", || async { (wired.wire.lost() == times).then_some(()) }).await;
        recovered(&wired, &link).await;
        // Longer than a job belongs to its taker: were it still there, it would fall due.
        wired.app.pass(46_000);
        assert_eq!(mails_in_all(&wired, &link).await, 1);
    }
}

/// 200, 503, 200: and no 503 takes longer than a client can be asked to wait.
async fn breaks_and_heals(wired: &Wired, link: &Link, break_it: impl FnOnce()) {
    wired.app.info(link).await.assert_status(200);
    break_it();
    for _ in 0..3 {
        let asked = Instant::now();
        wired.app.info(link).await.assert_problem(503, "unavailable");
        assert!(asked.elapsed() < DEPENDENCY_DEADLINE, "{:?}", asked.elapsed());
    }
    let asked = Instant::now();
    wired.app.verify(link, "123456").await.assert_problem(503, "unavailable");
    assert!(asked.elapsed() < DEPENDENCY_DEADLINE, "{:?}", asked.elapsed());
    wired.wire.heal();
    recovered(wired, link).await;
}

#[tokio::test]
async fn a_redis_that_refuses_is_503_until_it_is_back() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    breaks_and_heals(&wired, &link, || wired.wire.refuse()).await;
    wired.app.verify(&link, &code).await.assert_status(200);
}

#[tokio::test]
async fn a_redis_that_is_silent_is_503_until_it_speaks() {
    let Some(wired) = wired().await else { return };
    let link = wired.app.invite(EMAIL).await;
    let code = wired.app.code(&link).await;
    breaks_and_heals(&wired, &link, || wired.wire.silence()).await;
    wired.app.verify(&link, &code).await.assert_status(200);
}
