//! Crowds before two nodes: one name has one owner, one token sets one password, and a limit is as tight as it says.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::crowd::{Fleet, WEATHERS, Weather};
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;

const RESETS: usize = 1_000;
const SIGN_UPS: usize = 200;
const LOG_INS: usize = 100;

/// Nodes that make everybody wait for as long as it takes.
async fn fleet(crowd: usize) -> Fleet {
    let setup = Setup::new().set("accounts.hash_queue_max", &2_000).set("accounts.hash_timeout", &"60s");
    let setup = setup.set("postgres.wait_timeout", &"60s").set("postgres.statement_timeout", &"60s");
    Fleet::of(setup, crowd).await
}

/// Everybody asks at once, by turns at both nodes, each from an address of their own; the answers in the order of the
/// bodies.
async fn storm(app: &TestApp, path: &str, weather: Weather, bodies: Vec<Value>) -> Vec<Answer> {
    let sky = weather.over(app);
    let mut crowd = JoinSet::new();
    for (n, body) in bodies.into_iter().enumerate() {
        let (http, url) = (app.http.clone(), format!("http://{}{path}", app.nodes[n % 2].public));
        crowd.spawn(async move {
            let address = format!("198.18.{}.{}", n / 256, n % 256);
            let headers = [("x-forwarded-for", address.as_str()), ("content-type", "application/json")];
            (n, http.send(Method::POST, &url, &headers, &body.to_string()).await)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(answer) = crowd.join_next().await {
        answers.extend([answer.unwrap()]);
    }
    sky.clear();
    answers.into_values().collect()
}

/// How often each status was told, with the slug where there is one.
fn outcomes(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let mut outcome = answer.status.to_string();
        if answer.status >= 400 {
            outcome = format!("{outcome} {}", answer.text_of("type").rsplit(':').next().unwrap());
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

/// The same letters, large or small by the bits of `n`.
fn cased(name: &str, n: usize) -> String {
    let letters = name.chars().enumerate();
    letters.map(|(at, letter)| if n >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter }).collect()
}

async fn users(app: &TestApp) -> i64 {
    query(&app.database, "SELECT count(*) FROM users").await[0].get(0)
}

#[tokio::test]
async fn of_two_hundred_who_want_a_name_one_gets_it() {
    let app = fleet(SIGN_UPS).await;
    let body =
        |n| json!({"username": cased("ada_lovelace", n), "email": format!("{n}@example.com"), "password": PASSWORD});
    let answers = storm(&app, "/auth/signup", Weather::Calm, (0..SIGN_UPS).map(body).collect()).await;
    assert_outcomes(&answers, &[("201", 1), ("409 already-taken", SIGN_UPS - 1)]);
    assert_eq!(users(&app).await, 1);
    for taken in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!(taken.json()["errors"], json!([{"field": "username", "message": "is taken already"}]));
    }
    let owner = answers.iter().find(|answer| answer.status == 201).unwrap();
    app.me(&owner.text_of("accessToken")).await.assert_status(200);
    app.log_in("ada_lovelace", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn of_two_hundred_who_have_an_address_one_signs_up() {
    let app = fleet(SIGN_UPS).await;
    let body = |n| json!({"username": format!("ada_{n}"), "email": cased("ada@example.com", n), "password": PASSWORD});
    let answers = storm(&app, "/auth/signup", Weather::Calm, (0..SIGN_UPS).map(body).collect()).await;
    assert_outcomes(&answers, &[("201", 1), ("409 already-taken", SIGN_UPS - 1)]);
    assert_eq!(users(&app).await, 1);
    for taken in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!(taken.json()["errors"], json!([{"field": "email", "message": "is taken already"}]));
    }
}

#[tokio::test]
async fn of_a_thousand_resets_with_one_token_one_sets_the_password() {
    let app = fleet(RESETS).await;
    for (round, weather) in (0..).zip(WEATHERS) {
        let ada = app.member(&format!("ada_{round}")).await;
        app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
        let token = app.reset_token(&ada.email, 1).await;
        let password = |n| format!("{n} horses and a battery");
        let body = |n| json!({"token": token, "newPassword": password(n)});
        let answers = storm(&app, "/auth/reset-password", weather, (0..RESETS).map(body).collect()).await;
        assert_outcomes(&answers, &[("204", 1), ("401 reset-token-invalid", RESETS - 1)]);
        let set = answers.iter().position(|answer| answer.status == 204).unwrap();
        app.log_in(&ada.username, &password(set)).await.assert_status(200);
        let sql = format!("SELECT password_version FROM users WHERE id = '{}'", ada.id);
        assert_eq!(query(&app.database, &sql).await[0].get::<_, i64>(0), 2);
    }
}

#[tokio::test]
async fn of_a_hundred_wrong_passwords_at_once_five_are_looked_at() {
    let app = fleet(LOG_INS).await;
    app.member("ada").await;
    for (name, weather) in [("ada", Weather::Calm), ("nobody", Weather::Calm), ("ADA@example.com", Weather::Flushing)] {
        // The fifth starts a wait, and after it one try at a time doubles the next.
        for (looked_at, wait) in [(5, 60), (1, 120), (1, 240)] {
            let bodies = (0..LOG_INS).map(|n| json!({"login": name, "password": format!("wrong {n}")})).collect();
            let answers = storm(&app, "/auth/login", weather, bodies).await;
            let refused = LOG_INS - looked_at;
            assert_outcomes(&answers, &[("401 invalid-credentials", looked_at), ("429 too-many-attempts", refused)]);
            for answer in answers.into_iter().filter(|answer| answer.status == 429) {
                answer.assert_problem(429, "too-many-attempts").assert_retry_after(wait);
            }
            app.pass(wait * 1_000);
        }
    }
}

#[tokio::test]
async fn many_right_passwords_at_once_leave_nothing_counted() {
    let app = fleet(LOG_INS).await;
    let ada = app.member("ada").await;
    for weather in WEATHERS {
        // What came before is older: it ends first.
        app.pass(1);
        let bodies = vec![json!({"login": "ada", "password": PASSWORD}); LOG_INS];
        let answers = storm(&app, "/auth/login", weather, bodies).await;
        let counts = outcomes(&answers);
        let count = |outcome: &str| counts.get(outcome).copied().unwrap_or(0);
        // A try counts until it is known to be right: of more than five at a time, some are told to wait.
        let opened = count("200");
        assert!(opened >= 5 && opened + count("429 too-many-attempts") == LOG_INS, "{counts:?}");
        let left: Vec<String> = app.resp().keys().into_iter().filter(|key| key.contains(":login_")).collect();
        assert!(left.is_empty(), "{left:?}");
        let newest = answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.text_of("accessToken"));
        let mut living = 0;
        for access in newest {
            living += usize::from(app.me(&access).await.status == 200);
        }
        // All of them, as far as a user may have so many.
        assert_eq!(living, opened.min(50), "{counts:?}");
    }
    let again = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    assert_eq!(again.id, ada.id);
}
