//! A thousand at once, on two nodes that share one Redis: the limit that is configured is the one that holds.
//!
//! Each storm comes twice: in calm weather, and with the scripts flushed out of Redis again and again. Nobody is told
//! 5xx in either.

use std::collections::BTreeMap;

use hyper::Method;
use tokio::task::JoinSet;
use vestibule::jobs::Queue;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::crowd::{Fleet, WEATHERS, Weather};
use crate::support::http::Answer;
use crate::support::until::until;

const CROWD: usize = 1_000;
const JSON: (&str, &str) = ("content-type", "application/json");

/// What one of the crowd asks for.
#[derive(Clone)]
struct Ask {
    endpoint: &'static str,
    header: (&'static str, String),
    body: String,
}

impl Ask {
    fn verify(code: &str) -> Self {
        let header = (JSON.0, JSON.1.to_owned());
        Self { endpoint: "verify-otp", header, body: format!(r#"{{"otp":"{code}"}}"#) }
    }

    fn request() -> Self {
        Self { endpoint: "request-otp", header: ("accept", "*/*".to_owned()), body: String::new() }
    }

    fn start(session_token: &str) -> Self {
        Self { endpoint: "start", header: ("x-session-token", session_token.to_owned()), body: String::new() }
    }
}

async fn fleet() -> Fleet {
    Fleet::of(Setup::new(), CROWD).await
}

/// Everybody asks at once, by turns at both nodes, each from an address of their own.
async fn storm(app: &TestApp, link: &Link, weather: Weather, asks: &[Ask]) -> Vec<Answer> {
    let sky = weather.over(app);
    let mut crowd = JoinSet::new();
    for (n, ask) in asks.iter().cloned().enumerate() {
        let (http, url) = (app.http.clone(), app.nodes[n % 2].url(link, ask.endpoint));
        crowd.spawn(async move {
            let address = address(n);
            let headers = [("x-forwarded-for", address.as_str()), (ask.header.0, ask.header.1.as_str())];
            http.send(Method::POST, &url, &headers, &ask.body).await
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = crowd.join_next().await {
        answers.push(answer.unwrap());
    }
    assert_eq!(answers.len(), asks.len());
    sky.clear();
    answers
}

fn address(n: usize) -> String {
    format!("198.18.{}.{}", n / 256, n % 256)
}

/// How often each outcome was told: the status, with the slug and the attempts left where there are such.
fn outcomes(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let mut outcome = answer.status.to_string();
        if answer.status >= 400 {
            let problem = answer.json();
            let slug = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
            outcome = format!("{outcome} {slug}");
            if let Some(left) = problem["attemptsRemaining"].as_u64() {
                outcome = format!("{outcome} {left}");
            }
        }
        *counts.entry(outcome).or_default() += 1;
    }
    counts
}

#[track_caller]
fn assert_outcomes(answers: &[Answer], expected: &[(&str, usize)]) {
    let expected = expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect();
    assert_eq!(outcomes(answers), expected);
}

fn wrong_for(codes: &[&str]) -> &'static str {
    ["000000", "111111", "222222"].into_iter().find(|code| !codes.contains(code)).unwrap()
}

fn total_wrong(app: &TestApp, link: &Link) -> Option<String> {
    app.resp().field(app.keys().otp(&link.id()).name(), "total")
}

#[tokio::test]
async fn of_a_thousand_right_codes_one_opens_the_door() {
    let app = fleet().await;
    for weather in WEATHERS {
        let link = app.invite("ada@example.com").await;
        let code = app.code(&link).await;
        let answers = storm(&app, &link, weather, &vec![Ask::verify(&code); CROWD]).await;
        assert_outcomes(&answers, &[("200", 1), ("401 otp-expired", CROWD - 1)]);
        assert_eq!(total_wrong(&app, &link), None);
    }
}

#[tokio::test]
async fn a_thousand_wrong_codes_spend_three_attempts() {
    let app = fleet().await;
    for weather in WEATHERS {
        let link = app.invite("ada@example.com").await;
        let code = app.code(&link).await;
        let answers = storm(&app, &link, weather, &vec![Ask::verify(wrong_for(&[&code])); CROWD]).await;
        let once = ["401 otp-incorrect 2", "401 otp-incorrect 1", "429 otp-cooldown 0"].map(|outcome| (outcome, 1));
        assert_outcomes(&answers, &[once.as_slice(), &[("429 otp-cooldown", CROWD - 3)]].concat());
        assert_eq!(total_wrong(&app, &link).as_deref(), Some("3"));
        for answer in answers.into_iter().filter(|answer| answer.status == 429) {
            answer.assert_problem(429, "otp-cooldown").assert_retry_after(600);
        }
    }
}

#[tokio::test]
async fn a_thousand_requests_send_one_mail() {
    let app = fleet().await;
    for (weather, email) in WEATHERS.into_iter().zip(["calm@example.com", "flushing@example.com"]) {
        let link = app.invite(email).await;
        let answers = storm(&app, &link, weather, &vec![Ask::request(); CROWD]).await;
        assert_outcomes(&answers, &[("202", 1), ("429 otp-resend-too-soon", CROWD - 1)]);
        for answer in answers.into_iter().filter(|answer| answer.status == 429) {
            answer.assert_problem(429, "otp-resend-too-soon").assert_retry_after(60);
        }
        queue_is_empty(&app, &link).await;
        assert_eq!(app.mails(email).await.len(), 1);
    }
}

async fn queue_is_empty(app: &TestApp, link: &Link) {
    let keys = app.keys();
    let queue = keys.queue(Queue::Mail, keys.partition(&link.id()));
    until("the queue to be empty", || async {
        (app.resp().call(&["ZCARD", queue.name()]).integer() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_thousand_starts_start_once() {
    let app = fleet().await;
    for weather in WEATHERS {
        let link = app.invite("ada@example.com").await;
        let code = app.code(&link).await;
        let session = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
        let answers = storm(&app, &link, weather, &vec![Ask::start(&session); CROWD]).await;
        assert_outcomes(&answers, &[("200", CROWD - 1), ("201", 1)]);
        let bodies: Vec<_> = answers.iter().map(Answer::json).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "not all are in the same session");
    }
}

#[tokio::test]
async fn right_wrong_and_old_codes_at_once_end_in_one_session_or_one_lock() {
    let app = fleet().await;
    for weather in WEATHERS {
        let link = app.invite("ada@example.com").await;
        let old = app.code(&link).await;
        app.pass(60_000);
        let new = app.code(&link).await;
        let three = [old.as_str(), new.as_str(), wrong_for(&[&old, &new])];
        let asks: Vec<Ask> = (0..CROWD).map(|n| Ask::verify(three[n % 3])).collect();

        let answers = storm(&app, &link, weather, &asks).await;
        let counts = outcomes(&answers);
        let count = |outcome: &str| counts.get(outcome).copied().unwrap_or(0);
        let (opened, locked) = (count("200"), count("429 otp-cooldown 0"));
        let slips = count("401 otp-incorrect 2") + count("401 otp-incorrect 1");
        assert_eq!(opened + locked, 1, "{counts:?}");
        assert!(slips <= 2 && (locked == 0 || slips == 2), "{counts:?}");
        let after = if opened == 1 { "401 otp-expired" } else { "429 otp-cooldown" };
        let known = opened + locked + slips + count("401 otp-superseded") + count(after);
        assert_eq!(known, CROWD, "{counts:?}");
        let total = total_wrong(&app, &link).map_or(0, |total| total.parse().unwrap());
        assert_eq!(total, slips + locked, "{counts:?}");
    }
}

#[tokio::test]
async fn of_two_hundred_clients_behind_one_address_120_pass() {
    let app = fleet().await;
    let link = app.invite("ada@example.com").await;
    let mut crowd = JoinSet::new();
    for n in 0..200 {
        let (http, url) = (app.http.clone(), app.nodes[n % 2].url(&link, "info"));
        crowd.spawn(async move { http.send(Method::GET, &url, &[("x-forwarded-for", "198.18.0.1")], "").await });
    }
    let answers = crowd.join_all().await;
    assert_outcomes(&answers, &[("200", 120), ("429 rate-limited", 80)]);
    // Another address is another client.
    let other = [("x-forwarded-for", "198.18.0.2")];
    app.http.send(Method::GET, &app.url(&link, "info"), &other, "").await.assert_status(200);
}
