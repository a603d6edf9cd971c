//! Access tokens: what opens the door of a member, and what does not.

use hyper::Method;
use serde_json::{Value, json};

use super::client::{assert_done, assert_refused};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::jwt::{SECRET, forge, now, parts, with};
use crate::support::members::PASSWORD;

/// Every endpoint that asks who one is, and changes nothing where one is nobody.
const ASKING: [(&str, &str); 5] = [
    ("GET", "/auth/me"),
    ("GET", "/auth/sessions"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/logout-all"),
    ("POST", "/auth/change-password"),
];

/// 401 with the challenge of a token that does not do.
#[track_caller]
fn assert_bad_token(answer: &Answer, what: &str) {
    let challenge = "Bearer realm=\"vestibule\", error=\"invalid_token\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge), "{what}: {}", answer.text());
    assert_refused(answer, 401, "unauthenticated", &json!({}));
}

/// None of the endpoints lets this token in.
async fn assert_nobody(app: &TestApp, token: &str) {
    for (method, path) in ASKING {
        let answer = app.call(method.parse().unwrap(), path, token, &Value::Null).await;
        assert_bad_token(&answer, path);
    }
}

#[tokio::test]
async fn only_a_token_that_we_made_for_this_opens() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let (header, claims) = parts(&member.access);
    let forged = |header: &Value, claims: &Value| forge(header, claims, &SECRET);
    let head = |name: &str, value: Value| forged(&with(&header, name, &value), &claims);
    let claim = |name: &str, value: Value| forged(&header, &with(&claims, name, &value));
    let without = |name: &str| {
        let mut fewer = claims.clone();
        fewer.as_object_mut().unwrap().remove(name);
        forged(&header, &fewer)
    };
    let unsigned = forged(&with(&header, "alg", &json!("none")), &claims);
    for bad in [
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        member.access[..member.access.len() - 1].to_owned(),
        format!("{}A", member.access),
        member.refresh.clone(),
        format!("{}.", unsigned.rsplit_once('.').unwrap().0),
        unsigned,
        forge(&header, &claims, &[b'x'; 32]),
        head("alg", json!("HS512")),
        head("kid", json!("j2")),
        head("kid", Value::Null),
        head("typ", json!("candidate+jwt")),
        head("typ", json!("JWT")),
        head("typ", Value::Null),
        claim("iss", json!("https://elsewhere.example")),
        claim("aud", json!("vestibule:candidate")),
        claim("exp", json!(now() - 31)),
        claim("exp", json!("4000000000")),
        claim("sub", json!("nonsense")),
        claim("sub", json!("01890000-0000-7000-8000-000000000000")),
        claim("sid", json!("nonsense")),
        claim("sid", json!("0".repeat(32))),
    ]
    .into_iter()
    .chain(["iss", "aud", "sub", "sid", "exp"].map(without))
    {
        assert_bad_token(&app.me(&bad).await, &bad);
    }
    assert_nobody(&app, &claim("exp", json!(now() - 31))).await;
    // By our key, and no later than the clocks of a fleet may differ.
    for good in [forged(&header, &claims), claim("exp", json!(now() - 5))] {
        assert_done(&app.me(&good).await, 200);
    }
}

#[tokio::test]
async fn a_token_comes_once_in_one_header_of_the_scheme() {
    let app = TestApp::start().await;
    let token = app.member("ada").await.access;
    let me = async |headers: &[(&str, &str)]| {
        app.http.send(Method::GET, &format!("http://{}/auth/me", app.nodes[0].public), headers, "").await
    };
    for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token}")] {
        assert_done(&me(&[("authorization", &good)]).await, 200);
    }
    let bearer = format!("Bearer {token}");
    let query = format!("http://{}/auth/me?access_token={token}", app.nodes[0].public);
    for none in [
        me(&[]).await,
        me(&[("authorization", &token)]).await,
        me(&[("authorization", "Bearer")]).await,
        me(&[("authorization", &format!("Basic {token}"))]).await,
        me(&[("authorization", &bearer), ("authorization", &bearer)]).await,
        me(&[("x-session-token", &token)]).await,
        me(&[("cookie", &format!("accessToken={token}"))]).await,
        app.http.get(&query).await,
    ] {
        assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"vestibule\""), "{}", none.text());
        assert_refused(&none, 401, "unauthenticated", &json!({}));
    }
}

#[tokio::test]
async fn a_session_is_its_owners_alone() {
    // All sessions beside each other: the names of their keys differ by the session alone.
    let app = Setup::new().set("redis.partitions", &1).start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let (header, claims) = parts(&ada.access);
    let sid = parts(&bob.access).1["sid"].clone();
    let token = forge(&header, &with(&claims, "sid", &sid), &SECRET);
    assert_nobody(&app, &token).await;

    let path = format!("/auth/sessions/{}", sid.as_str().unwrap());
    let refused = app.call(Method::DELETE, &path, &ada.access, &Value::Null).await;
    assert_refused(&refused, 404, "not-found", &json!({}));
    assert_done(&app.me(&bob.access).await, 200);
    assert_done(&app.refresh(&bob.refresh).await, 200);
    let own = app.call(Method::DELETE, &path, &bob.access, &Value::Null).await;
    assert_done(&own, 204);
    assert_nobody(&app, &bob.access).await;
    app.me(&ada.access).await.assert_status(200);
}

#[tokio::test]
async fn a_token_of_a_session_that_ended_opens_nothing() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let log_in = async || app.log_in("ada", PASSWORD).await.assert_status(200).text_of("accessToken");
    let (first, second, third) = (log_in().await, log_in().await, log_in().await);
    assert_done(&app.call(Method::POST, "/auth/logout", &first, &Value::Null).await, 204);
    assert_nobody(&app, &first).await;

    let path = format!("/auth/sessions/{}", parts(&second).1["sid"].as_str().unwrap());
    assert_done(&app.call(Method::DELETE, &path, &third, &Value::Null).await, 204);
    let again = app.call(Method::DELETE, &path, &third, &Value::Null).await;
    assert_refused(&again, 404, "not-found", &json!({}));
    assert_nobody(&app, &second).await;

    assert_done(&app.call(Method::POST, "/auth/logout-all", &third, &Value::Null).await, 204);
    assert_nobody(&app, &third).await;
    assert_nobody(&app, &ada.access).await;
    for token in [&ada.refresh, "nonsense", ""] {
        assert_refused(&app.refresh(token).await, 401, "refresh-invalid", &json!({}));
    }
}

#[tokio::test]
async fn a_member_and_a_candidate_never_pass_for_one_another() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let seat = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");

    assert_nobody(&app, &seat).await;
    assert_bad_token(&app.begin(&link, &member.access).await, "an access token");
    // Nor with the claims of the one in a token of the other.
    let ((access, mine), (candidate, theirs)) = (parts(&member.access), parts(&seat));
    for (header, claims) in [(&access, &theirs), (&candidate, &mine), (&candidate, &theirs)] {
        for audience in ["vestibule:api", "vestibule:candidate"] {
            let token = forge(header, &with(claims, "aud", &json!(audience)), &SECRET);
            assert_bad_token(&app.me(&token).await, audience);
        }
    }
    for (header, claims) in [(&access, &theirs), (&candidate, &mine), (&access, &mine)] {
        for audience in ["vestibule:api", "vestibule:candidate"] {
            let token = forge(header, &with(claims, "aud", &json!(audience)), &SECRET);
            assert_bad_token(&app.begin(&link, &token).await, audience);
        }
    }
    app.begin(&link, &seat).await.assert_status(201);
    app.me(&member.access).await.assert_status(200);
}
