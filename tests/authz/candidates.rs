//! Candidates: from verify on, until what ends their session.

use hyper::Method;
use serde_json::json;

use super::{CANDIDATE, METHODS, ask, ask_candidate, assert_in, assert_nobody, seated};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::jwt::{SECRET, forge, now, parts, with};

/// An interview of an hour, and the grace.
const SESSION_MS: u64 = 75 * 60_000;

#[tokio::test]
async fn a_candidate_is_let_in_from_verify_on_under_the_session_of_start() {
    let app = Setup::new().nodes(2).start().await;
    let link = app.invite("ada@example.com").await;
    let token = seated(&app, &link).await;
    let early = ask_candidate(&app, &app.nodes[1], &token).await;
    let session = early.header("x-auth-session").expect("a session").to_owned();
    assert_in(&early, &link.interview, &session, "candidate");

    assert_eq!(app.begin(&link, &token).await.assert_status(201).text_of("sessionId"), session);
    let bearer = format!("Bearer {token}");
    for node in &app.nodes {
        for method in METHODS {
            let (method, url) = (method.parse::<Method>().unwrap(), format!("http://{}{CANDIDATE}", node.public));
            let answer = app.http.send(method, &url, &[("x-session-token", &token)], "{not json").await;
            assert_in(&answer, &link.interview, &session, "candidate");
        }
        for headers in
            [&[("authorization", bearer.as_str())][..], &[("x-session-token", &token), ("authorization", "x")]]
        {
            for path in [CANDIDATE.to_owned(), format!("{CANDIDATE}/rooms/7?role=admin")] {
                assert_in(&ask(&app, node, &path, headers).await, &link.interview, &session, "candidate");
            }
        }
    }
    assert_eq!(app.begin(&link, &token).await.assert_status(200).text_of("sessionId"), session);
}

#[tokio::test]
async fn a_bearer_token_counts_only_where_there_is_no_session_token() {
    let app = TestApp::start().await;
    let token = seated(&app, &app.invite("ada@example.com").await).await;
    let bearer = format!("Bearer {token}");
    let good = ("authorization", bearer.as_str());
    let node = &app.nodes[0];
    for (what, headers) in
        [("empty", &[("x-session-token", ""), good][..]), ("bad", &[("x-session-token", "nonsense"), good][..])]
    {
        println!("{what}");
        assert_nobody(ask(&app, node, CANDIDATE, headers).await, "");
    }
    for (what, headers) in [
        ("nothing", &[][..]),
        ("repeated", &[("x-session-token", token.as_str()), ("x-session-token", token.as_str()), good][..]),
        ("no text", &[("x-session-token", "\u{e9}"), good][..]),
        ("bearer, twice", &[good, good][..]),
        ("another scheme", &[("authorization", token.as_str())][..]),
    ] {
        assert_nobody(ask(&app, node, CANDIDATE, headers).await, what);
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_no_candidate_in() {
    let app = TestApp::start().await;
    let (mine, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    let (token, ada) = (seated(&app, &mine).await, app.member("ada").await);
    let (header, claims) = parts(&token);
    for bad in [
        "nonsense".to_owned(),
        ada.access.clone(),
        mine.token.clone(),
        forge(&header, &claims, &[b'x'; 32]),
        forge(&with(&header, "kid", &json!("j2")), &claims, &SECRET),
        forge(&with(&header, "typ", &json!("at+jwt")), &claims, &SECRET),
        forge(&header, &with(&claims, "aud", &json!("vestibule:api")), &SECRET),
        forge(&header, &with(&claims, "exp", &json!(now() - 31)), &SECRET),
        // As verify would have signed it: nobody has verified there.
        forge(&header, &with(&claims, "lnk", &json!(other.id().to_string())), &SECRET),
    ] {
        assert_nobody(ask_candidate(&app, &app.nodes[0], &bad).await, "");
        let bearer = format!("Bearer {bad}");
        assert_nobody(ask(&app, &app.nodes[0], CANDIDATE, &[("authorization", &bearer)]).await, "");
    }
    assert_eq!(ask_candidate(&app, &app.nodes[0], &token).await.status, 204);
}

#[tokio::test]
async fn what_kills_a_link_shuts_every_node_in_the_next_request() {
    let app = Setup::new().nodes(2).start().await;
    app.clock.freeze();
    let old = app.invite("ada@example.com").await;
    let token = seated(&app, &old).await;
    app.begin(&old, &token).await.assert_status(201);
    for node in &app.nodes {
        assert_eq!(ask_candidate(&app, node, &token).await.status, 204);
    }
    let new = app.reissue(&old).await;
    for node in &app.nodes {
        assert_nobody(ask_candidate(&app, node, &token).await, "");
    }
    app.pass(60_000);
    let token = seated(&app, &new).await;
    for node in &app.nodes {
        assert_eq!(ask_candidate(&app, node, &token).await.status, 204);
    }
    app.revoke(&new).await;
    for node in &app.nodes {
        assert_nobody(ask_candidate(&app, node, &token).await, "");
    }
}

#[tokio::test]
async fn a_session_outlives_the_expiry_of_its_link_and_not_its_own() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let link = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
    let token = seated(&app, &link).await;
    app.pass(3_600_000);
    app.info(&link).await.assert_problem(404, "link-not-found");
    assert_eq!(ask_candidate(&app, &app.nodes[0], &token).await.status, 204);
    // Redis keeps a key through the last millisecond of its life.
    app.pass(SESSION_MS - 3_600_000);
    assert_eq!(ask_candidate(&app, &app.nodes[0], &token).await.status, 204);
    app.pass(1);
    // The token has not expired: its times follow the node's clock.
    assert_nobody(ask_candidate(&app, &app.nodes[0], &token).await, "");
}
