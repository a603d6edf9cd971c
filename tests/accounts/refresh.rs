//! Refresh tokens: one that two tabs show keeps the session, a stolen one ends it, a forged one changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sessions::{assert_lives, assert_over, come_again, everything, keys_of};
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;

async fn fleet() -> TestApp {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    app
}

async fn refresh_at(app: &TestApp, node: &Node, token: &str) -> Answer {
    node.post(app, "/auth/refresh", &json!({"refreshToken": token})).await
}

/// The member with the tokens that the newest one is exchanged for.
async fn next(app: &TestApp, member: &Member) -> Member {
    Member::of(&app.refresh(&member.refresh).await.assert_status(200).json(), PASSWORD)
}

/// On both nodes.
async fn assert_ended(app: &TestApp, member: &Member) {
    for node in app.nodes.iter().rev() {
        assert_over(app, node, member).await;
    }
}

#[tokio::test]
async fn two_tabs_get_the_same_successor() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    let (one, other) =
        tokio::join!(refresh_at(&app, &app.nodes[0], &ada.refresh), refresh_at(&app, &app.nodes[1], &ada.refresh),);
    let [one, other] = [one, other].map(|tab| Member::of(&tab.assert_status(200).json(), PASSWORD));
    assert_eq!(one.refresh, other.refresh);
    assert_ne!(one.refresh, ada.refresh);
    assert_ne!(one.access, other.access);
    for tab in [&ada, &one, &other] {
        assert_lives(&app, &app.nodes[0], tab).await;
        assert_lives(&app, &app.nodes[1], tab).await;
    }
    let later = refresh_at(&app, &app.nodes[1], &one.refresh).await.assert_status(200).text_of("refreshToken");
    assert_ne!(later, one.refresh);
}

#[tokio::test]
async fn the_token_before_is_forgiven_for_ten_seconds() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    app.pass(60_000);
    let newest = next(&app, &ada).await;
    for ms in [0, 5_000, 4_999] {
        app.pass(ms);
        let again = refresh_at(&app, &app.nodes[1], &ada.refresh).await.assert_status(200);
        assert_eq!(again.text_of("refreshToken"), newest.refresh);
        assert_lives(&app, &app.nodes[0], &newest).await;
    }
    app.pass(1);
    app.refresh(&ada.refresh).await.assert_problem(401, "refresh-invalid");
    assert_ended(&app, &newest).await;
}

#[tokio::test]
async fn an_older_token_ends_the_session_at_once() {
    let app = fleet().await;
    let stolen = app.member("ada").await;
    let spared = come_again(&app, &stolen).await;
    let newest = next(&app, &next(&app, &stolen).await).await;
    app.refresh(&stolen.refresh).await.assert_problem(401, "refresh-invalid");
    assert_ended(&app, &newest).await;
    // The account of whoever was robbed is not locked, and other devices are not thrown out.
    assert_lives(&app, &app.nodes[1], &next(&app, &spared).await).await;
    come_again(&app, &stolen).await;
}

/// The bytes of a token: user, session, generation, MAC.
fn taken_apart(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

const MAC: usize = 36;

/// What somebody without our keys may present for the session of `victim`, knowing all tokens of `other`.
fn forgeries(victim: &Member, other: &Member) -> Vec<(String, String)> {
    let (bytes, foreign) = (taken_apart(&victim.refresh), taken_apart(&other.refresh));
    assert_eq!(bytes.len(), 68);
    let mut forged = Vec::new();
    for (part, at) in [
        ("the user's first", 0),
        ("the user's last", 15),
        ("the session's first", 16),
        ("the session's last", 31),
        ("the generation's first", 32),
        ("the generation's last", 35),
        ("the MAC's first", MAC),
        ("the MAC's last", 67),
    ] {
        for bit in [0x01, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            forged.push((format!("a bit {bit:#x} of {part} byte"), URL_SAFE_NO_PAD.encode(flipped)));
        }
    }
    let encoded = |bytes: &[&[u8]]| URL_SAFE_NO_PAD.encode(bytes.concat());
    let random: Vec<u8> = (0..68).map(|_| vestibule::random::bytes::<1>()[0]).collect();
    let last = victim.refresh.chars().last().unwrap();
    // Of the last character's six bits two are no part of any byte.
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let beside = ALPHABET.chars().nth(ALPHABET.find(last).unwrap() + 1).unwrap();
    let texts = [
        ("another's MAC", encoded(&[&bytes[..MAC], &foreign[MAC..]])),
        ("a MAC of nothing", encoded(&[&bytes[..MAC], &[0; 32]])),
        ("another user", encoded(&[&foreign[..16], &bytes[16..]])),
        ("another session", encoded(&[&bytes[..16], &foreign[16..32], &bytes[32..]])),
        ("random bytes", encoded(&[&random])),
        ("nothing but zeros", encoded(&[&[0; 68]])),
        ("a character too few", victim.refresh[..90].to_owned()),
        ("a character too many", format!("{}A", victim.refresh)),
        ("a byte too many", encoded(&[&bytes, &[0]])),
        ("another spelling of the same bytes", format!("{}{beside}", &victim.refresh[..90])),
        ("padding", format!("{}=", victim.refresh)),
        ("not base64", "*".repeat(91)),
        ("not ASCII", "é".repeat(91)),
        ("an access token", victim.access.clone()),
        ("one character", "A".to_owned()),
    ];
    forged.extend(texts.map(|(what, token)| (what.to_owned(), token)));
    // Where both are one user's.
    forged.retain(|(_, token)| *token != victim.refresh);
    forged
}

#[tokio::test]
async fn a_forged_token_changes_nothing() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    let (second, bob) = (come_again(&app, &ada).await, app.member("bob").await);
    // So that a generation before and one after are within reach of a bit.
    let ada = next(&app, &ada).await;
    let before = everything(&app);
    for other in [&second, &bob] {
        for (what, token) in forgeries(&ada, other) {
            let answer = app.refresh(&token).await;
            assert_eq!(answer.status, 401, "{what}: {}", answer.text());
            answer.assert_problem(401, "refresh-invalid");
            assert_eq!(everything(&app), before, "{what} has changed something");
        }
    }
    for member in [&ada, &second, &bob] {
        assert_lives(&app, &app.nodes[1], member).await;
        next(&app, member).await;
    }
}

#[tokio::test]
async fn two_hundred_at_once_leave_one_session_with_one_successor() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    let mut crowd = JoinSet::new();
    for n in 0..200 {
        let (http, body) = (app.http.clone(), json!({"refreshToken": ada.refresh}).to_string());
        let url = format!("http://{}/auth/refresh", app.nodes[n % 2].public);
        crowd.spawn(async move { http.post_json(&url, &body).await });
    }
    let answers = crowd.join_all().await;
    let successor = answers[0].clone().assert_status(200).text_of("refreshToken");
    for answer in answers {
        assert_eq!(answer.assert_status(200).text_of("refreshToken"), successor);
    }
    let listed = app.call(Method::GET, "/auth/sessions", &ada.access, &Value::Null).await.assert_status(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let (session, _) = keys_of(&app, &ada);
    assert_eq!(app.resp().field(session.name(), "generation").as_deref(), Some("1"));
    app.refresh(&successor).await.assert_status(200);
}

#[tokio::test]
async fn a_password_that_changed_behind_redis_ends_the_session() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    query(&app.database, "UPDATE users SET password_version = password_version + 1").await;
    for node in &app.nodes {
        let me = node.call(&app, Method::GET, "/auth/me", &ada.access, &Value::Null).await;
        me.assert_problem(401, "unauthenticated");
    }
    app.refresh(&ada.refresh).await.assert_problem(401, "refresh-invalid");
    assert_ended(&app, &ada).await;
    let ada = come_again(&app, &ada).await;
    assert_lives(&app, &app.nodes[1], &next(&app, &ada).await).await;
}

#[tokio::test]
async fn a_failover_that_forgot_exchanges_logs_nobody_out() {
    let app = fleet().await;
    let first = app.member("ada").await;
    let (session, _) = keys_of(&app, &first);
    let second = next(&app, &first).await;
    let forgotten_here = app.resp().hash(session.name());
    let third = next(&app, &second).await;
    let fourth = next(&app, &third).await;
    app.pass(60_000);
    let mut set = vec!["HSET", session.name()];
    set.extend(forgotten_here.iter().flat_map(|(field, value)| [field.as_str(), value.as_str()]));
    app.resp().call(&set);

    assert_lives(&app, &app.nodes[1], &fourth).await;
    let fifth = refresh_at(&app, &app.nodes[1], &fourth.refresh).await.assert_status(200).text_of("refreshToken");
    assert!(![&first, &second, &third, &fourth].iter().any(|member| member.refresh == fifth));
    // And it is known again which ones are spent.
    app.refresh(&third.refresh).await.assert_problem(401, "refresh-invalid");
    assert_ended(&app, &Member { refresh: fifth, ..fourth }).await;
}

#[tokio::test]
async fn a_user_that_postgres_has_not_is_nobody() {
    let app = fleet().await;
    let ada = app.member("ada").await;
    query(&app.database, "DELETE FROM users").await;
    app.refresh(&ada.refresh).await.assert_problem(401, "refresh-invalid");
    for node in &app.nodes {
        node.call(&app, Method::GET, "/auth/me", &ada.access, &Value::Null)
            .await
            .assert_problem(401, "unauthenticated");
    }
    app.call(Method::PATCH, "/profile", &ada.access, &json!({})).await.assert_problem(401, "unauthenticated");
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
}
