//! The start: what a session token opens, for whom, and for how long.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{begin_on, frozen, request_on, seconds, session, verify_on};
use crate::support::TestApp;
use crate::support::app::{JWT_KEY, Link, ROOT_KEY, Setup};
use crate::support::http::Answer;
use crate::support::jwt::{SECRET, forge, now, parts, signed, with};
use crate::support::postgres::query;
use crate::support::until::until;

/// An interview of an hour, and the grace.
const SESSION_MS: u64 = 75 * 60_000;

#[track_caller]
fn assert_unauthenticated(answer: Answer) {
    let refused = answer.assert_problem(401, "unauthenticated");
    assert!(refused.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer ")), "{}", refused.text());
}

#[tokio::test]
async fn the_session_token_is_what_the_contract_says() {
    let app = TestApp::start().await;
    let link = app.invite_with("ada@example.com", &["--minutes", "45"]).await;
    let code = app.code(&link).await;
    let before = now();
    let verified = app.verify(&link, &code).await.assert_status(200);
    let after = now();

    let token = verified.text_of("sessionToken");
    let (header, claims) = parts(&token);
    assert_eq!(header, json!({"alg": "HS256", "kid": "j1", "typ": "candidate+jwt"}));
    let (jti, iat) = (claims["jti"].as_str().unwrap(), claims["iat"].as_i64().unwrap());
    assert!((before..=after).contains(&iat));
    assert!(jti.len() >= 22, "{jti} is short");
    let expected = json!({
        "iss": "https://interviews.example.com", "aud": "vestibule:candidate", "sub": link.interview,
        "lnk": link.id().to_string(), "jti": jti, "iat": iat, "exp": iat + (45 + 15) * 60,
    });
    assert_eq!(claims, expected);
    assert_eq!(seconds(&verified.text_of("expiresAt")), iat + 3_600);
    // The key is the decoded one: whoever holds it makes the same token.
    assert_eq!(token, signed(token.rsplit_once('.').unwrap().0, &SECRET));
}

#[tokio::test]
async fn a_session_is_the_same_on_every_node_and_after_verifying_again() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    let old = session(&app, &link).await;
    let first = app.begin(&link, &old).await.assert_status(201);

    app.pass(60_000);
    let mark = request_on(&app, &app.nodes[1], &link).await.assert_status(202).text_of("ref");
    let code = app.marked_code(&link, &mark).await;
    let verified = verify_on(&app, &app.nodes[1], &link, &code).await.assert_status(200);
    let new = verified.text_of("sessionToken");
    assert_ne!(parts(&new).1["jti"], parts(&old).1["jti"]);
    for node in &app.nodes {
        for token in [&old, &new] {
            let again = begin_on(&app, node, &link, token).await.assert_status(200);
            for member in ["sessionId", "startedAt", "wsUrl"] {
                assert_eq!(again.json()[member], first.json()[member]);
            }
            let expires = parts(token).1["exp"].as_i64().unwrap();
            assert_eq!(seconds(&again.text_of("expiresAt")), expires);
        }
    }
}

#[tokio::test]
async fn of_many_starts_at_once_one_is_the_first() {
    let app = Setup::new().nodes(2).start().await;
    let link = app.invite("ada@example.com").await;
    let token = session(&app, &link).await;
    let mut starts = tokio::task::JoinSet::new();
    for turn in 0..24 {
        let (http, url, token) = (app.http.clone(), app.nodes[turn % 2].url(&link, "start"), token.clone());
        starts.spawn(async move { http.send(hyper::Method::POST, &url, &[("x-session-token", &token)], "").await });
    }
    let answers = starts.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 23);
    assert!(answers.iter().all(|answer| answer.json() == answers[0].json()));
}

#[tokio::test]
async fn a_start_reaches_postgres() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let token = session(&app, &link).await;
    let started = app.begin(&link, &token).await.assert_status(201);
    let sql = "SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), session_id::text \
        FROM interviews WHERE started_at IS NOT NULL";
    let row = until("started_at in Postgres", || async { query(&app.database, sql).await.pop() }).await;
    assert_eq!(row.get::<_, String>(0), started.text_of("startedAt"));
    assert_eq!(row.get::<_, String>(1), started.text_of("sessionId"));
}

#[tokio::test]
async fn without_a_good_session_token_nobody_starts() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let token = session(&app, &link).await;
    let url = app.url(&link, "start");
    let post = async |headers: &[(&str, &str)]| app.http.send(hyper::Method::POST, &url, headers, "").await;

    assert_unauthenticated(post(&[]).await);
    assert_unauthenticated(post(&[("authorization", &format!("Bearer {token}"))]).await);
    assert_unauthenticated(post(&[("x-session-token", &token), ("x-session-token", &token)]).await);
    let (header, claims) = parts(&token);
    let exp = |at: i64| with(&claims, "exp", &json!(at));
    let cut = &token[..token.len() - 1];
    for bad in [
        String::new(),
        "garbage".to_owned(),
        cut.to_owned(),
        format!("{token}A"),
        format!("Bearer {token}"),
        forge(&header, &exp(now() - 31), &SECRET),
        forge(&header, &claims, &[b'x'; 32]),
        forge(&with(&header, "kid", &json!("j2")), &claims, &SECRET),
        forge(&with(&header, "typ", &json!("at+jwt")), &claims, &SECRET),
        forge(&with(&header, "typ", &json!("JWT")), &claims, &SECRET),
        forge(&with(&header, "alg", &json!("none")), &claims, &SECRET),
        forge(&with(&header, "alg", &json!("HS512")), &claims, &SECRET),
        forge(&header, &with(&claims, "aud", &json!("vestibule:api")), &SECRET),
        forge(&header, &with(&claims, "iss", &json!("https://elsewhere.example")), &SECRET),
        forge(&header, &with(&claims, "exp", &Value::Null), &SECRET),
        forge(&header, &with(&claims, "lnk", &json!("nonsense")), &SECRET),
    ] {
        assert_unauthenticated(post(&[("x-session-token", &bad)]).await);
    }
    assert!(app.resp().field(app.keys().link(&link.id()).name(), "started").is_none());
    // Ours, by our key, and the clocks of a fleet may differ: these do open it.
    post(&[("x-session-token", &forge(&header, &exp(now() - 20), &SECRET))]).await.assert_status(201);
    post(&[("x-session-token", &token)]).await.assert_status(200);
}

#[tokio::test]
async fn a_session_token_opens_its_own_link_alone() {
    let app = TestApp::start().await;
    let (mine, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    let token = session(&app, &mine).await;
    session(&app, &other).await;
    app.begin(&other, &token).await.assert_problem(403, "forbidden");
    assert!(app.resp().field(app.keys().link(&other.id()).name(), "started").is_none());
    app.begin(&mine, &token).await.assert_status(201);
}

#[tokio::test]
async fn nobody_starts_before_a_code_was_verified() {
    let app = TestApp::start().await;
    let (mine, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    let (header, claims) = parts(&session(&app, &mine).await);
    // A token as verify would give it, had it been asked: the seat tells that it was not.
    let token = forge(&header, &with(&claims, "lnk", &json!(other.id().to_string())), &SECRET);
    assert_unauthenticated(app.begin(&other, &token).await);
}

#[tokio::test]
async fn a_session_outlives_its_link_but_no_revocation() {
    let app = TestApp::start().await;
    let late = |link: &Link| app.clock.freeze_at(seconds(&link.expires_at) * 1_000_000);
    for reissued in [false, true] {
        let link = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
        app.clock.thaw();
        app.clock.freeze_at((seconds(&link.expires_at) - 5) * 1_000_000);
        let token = session(&app, &link).await;
        late(&link);
        app.info(&link).await.assert_problem(404, "link-not-found");
        let first = app.begin(&link, &token).await.assert_status(201);
        app.pass(SESSION_MS - 5_001);
        assert_eq!(app.begin(&link, &token).await.assert_status(200).json(), first.json());
        if reissued {
            app.reissue(&link).await;
        } else {
            app.revoke(&link).await;
        }
        app.begin(&link, &token).await.assert_problem(404, "link-not-found");
    }
}

#[tokio::test]
async fn a_seat_is_kept_for_the_interview_and_its_grace_to_the_millisecond() {
    let app = frozen().await;
    let link = app.invite("ada@example.com").await;
    let token = session(&app, &link).await;
    app.begin(&link, &token).await.assert_status(201);
    // Redis keeps a key through the last millisecond of its life.
    app.pass(SESSION_MS);
    let first = app.begin(&link, &token).await.assert_status(200);
    app.pass(1);
    assert_unauthenticated(app.begin(&link, &token).await);

    // Whoever verifies again is let in again, to the same session.
    let token = session(&app, &link).await;
    let again = app.begin(&link, &token).await.assert_status(200);
    assert_eq!(again.text_of("sessionId"), first.text_of("sessionId"));
    assert_eq!(again.text_of("startedAt"), first.text_of("startedAt"));
}

#[tokio::test]
async fn the_room_is_where_the_template_says() {
    let template = "wss://rooms.example.com/session/{session_id}?again={session_id}";
    let app = Setup::new().set("candidate.ws_url_template", &template).start().await;
    let link = app.invite("ada@example.com").await;
    let token = session(&app, &link).await;
    let started = app.begin(&link, &token).await.assert_status(201);
    let id = started.text_of("sessionId");
    assert_eq!(started.text_of("wsUrl"), format!("wss://rooms.example.com/session/{id}?again={id}"));
}

#[tokio::test]
async fn keys_rotate_without_throwing_anybody_out() {
    let mut app = TestApp::start().await;
    app.clock.freeze();
    let (mine, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    let old_token = session(&app, &mine).await;
    let old_code = app.code(&other).await;

    let fresh = |letter: u8| base64::engine::general_purpose::STANDARD.encode([letter; 32]);
    let roots = format!("r2:{},{ROOT_KEY}", fresh(b's'));
    let signers = format!("j2:{},{JWT_KEY}", fresh(b'k'));
    let node = app.node_with(&[("secrets.root_keys", &roots), ("secrets.jwt_keys", &signers)]).await;
    app.nodes.push(node);
    let rotated = &app.nodes[1];

    begin_on(&app, rotated, &mine, &old_token).await.assert_status(201);
    verify_on(&app, rotated, &other, &super::not(&old_code)).await.assert_problem(401, "otp-incorrect");
    let verified = verify_on(&app, rotated, &other, &old_code).await.assert_status(200);
    let token = verified.text_of("sessionToken");
    assert_eq!(parts(&token).0["kid"], "j2");
    begin_on(&app, rotated, &other, &token).await.assert_status(201);
    // A node that does not have the new key yet cannot know whose it is.
    assert_unauthenticated(app.begin(&other, &token).await);
}

#[tokio::test]
async fn a_node_without_the_newest_root_key_neither_counts_nor_loses_anything() {
    let mut app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    // As during a roll-out that took the old key away too early, or put the new one first too early.
    let stranger = format!("r9:{}", base64::engine::general_purpose::STANDARD.encode([b'z'; 32]));
    let node = app.node_with(&[("secrets.root_keys", &stranger)]).await;
    app.nodes.push(node);

    for typed in [&code, &super::not(&code)] {
        verify_on(&app, &app.nodes[1], &link, typed).await.assert_problem(503, "unavailable");
    }
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 3);
    app.verify(&link, &code).await.assert_status(200);
}
