//! Members: by whichever method, on whichever node, until what ends their session.

use hyper::Method;
use serde_json::{Value, json};

use super::{METHODS, USER, ask, ask_user, assert_nobody, assert_out, assert_user_in, seated};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::jwt::{SECRET, forge, now, parts, with};
use crate::support::members::{Member, PASSWORD};

const ANOTHER: &str = "another horse battery";

#[tokio::test]
async fn a_living_session_is_let_in_by_any_method() {
    let app = Setup::new().nodes(2).start().await;
    let ada = app.member("ada").await;
    let bearer = format!("Bearer {}", ada.access);
    for node in &app.nodes {
        for method in METHODS {
            let (method, url) = (method.parse::<Method>().unwrap(), format!("http://{}{USER}", node.public));
            for body in ["", "{not json"] {
                let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                assert_user_in(&app.http.send(method.clone(), &url, &headers, body).await, &ada, "member");
            }
            let nobody = app.http.send(method, &url, &[], "").await;
            assert_eq!((nobody.status, nobody.header("x-auth-subject")), (401, None), "{}", nobody.text());
        }
    }
}

#[tokio::test]
async fn a_body_of_whatever_size_is_not_waited_for() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let (url, bearer) = (format!("http://{}{USER}", app.nodes[0].public), format!("Bearer {}", ada.access));
    let long = "x".repeat(1 << 20);
    let answer = app.http.send(Method::PUT, &url, &[("authorization", &bearer)], &long).await;
    assert_user_in(&answer, &ada, "member");
}

#[tokio::test]
async fn the_path_that_envoy_puts_behind_is_nothing_to_us() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let bearer = format!("Bearer {}", ada.access);
    for behind in ["/", "/rooms/7", "/rooms/7?role=admin", "/rooms//7/../8?role=", "/?x=y"] {
        let path = format!("{USER}{behind}");
        assert_user_in(&ask(&app, &app.nodes[0], &path, &[("authorization", &bearer)]).await, &ada, "member");
        assert_nobody(ask(&app, &app.nodes[0], &path, &[]).await, "nothing");
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_nobody_in() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let seat = seated(&app, &app.invite("candidate@example.com").await).await;
    let (header, claims) = parts(&ada.access);
    let node = &app.nodes[0];
    for bad in [
        "nonsense".to_owned(),
        seat.clone(),
        ada.refresh.clone(),
        forge(&header, &claims, &[b'x'; 32]),
        forge(&with(&header, "kid", &json!("j2")), &claims, &SECRET),
        forge(&with(&header, "alg", &json!("none")), &claims, &SECRET),
        forge(&header, &with(&claims, "exp", &json!(now() - 31)), &SECRET),
        forge(&header, &with(&claims, "sid", &json!("0".repeat(32))), &SECRET),
    ] {
        assert_nobody(ask_user(&app, node, &bad).await, "");
    }
    let bearer = format!("Bearer {}", ada.access);
    let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
    for (what, headers) in [
        ("nothing", &[][..]),
        ("no scheme", &[("authorization", ada.access.as_str())][..]),
        ("twice", &twice[..]),
        ("a candidate's header", &[("x-session-token", ada.access.as_str())][..]),
        ("a claim to be somebody", &[("x-auth-subject", ada.id.as_str()), ("x-auth-role", "admin")][..]),
    ] {
        assert_nobody(ask(&app, node, USER, headers).await, what);
    }
    assert_user_in(&ask_user(&app, node, &ada.access).await, &ada, "member");
    for path in ["/authz", "/authz/", "/authz/users", "/authz/User"] {
        assert_out(ask(&app, node, path, &[("authorization", &bearer)]).await, 404, "not-found");
    }
}

/// Ada in a session of its own, which the other node has let in.
async fn come_in(app: &TestApp) -> Member {
    let session = app.log_in("ada", PASSWORD).await.assert_status(200).json();
    let ada = Member::of(&session, PASSWORD);
    assert_user_in(&ask_user(app, &app.nodes[1], &ada.access).await, &ada, "member");
    ada
}

async fn done(app: &TestApp, method: Method, path: &str, ada: &Member, body: &Value) {
    app.call(method, path, &ada.access, body).await.assert_status(204);
}

#[tokio::test]
async fn what_ends_a_session_on_one_node_shuts_the_other_in_the_next_request() {
    let app = Setup::new().nodes(2).start().await;
    app.member("ada").await;
    let other = &app.nodes[1];
    let (one, kept) = (come_in(&app).await, come_in(&app).await);
    done(&app, Method::POST, "/auth/logout", &one, &Value::Null).await;
    assert_nobody(ask_user(&app, other, &one.access).await, "");
    assert_user_in(&ask_user(&app, other, &kept.access).await, &kept, "member");

    let one = come_in(&app).await;
    let path = format!("/auth/sessions/{}", parts(&one.access).1["sid"].as_str().unwrap());
    done(&app, Method::DELETE, &path, &kept, &Value::Null).await;
    assert_nobody(ask_user(&app, other, &one.access).await, "");

    let one = come_in(&app).await;
    done(&app, Method::POST, "/auth/logout-all", &kept, &Value::Null).await;
    for ended in [&one, &kept] {
        assert_nobody(ask_user(&app, other, &ended.access).await, "");
    }

    let (one, changed) = (come_in(&app).await, come_in(&app).await);
    let change = json!({"currentPassword": PASSWORD, "newPassword": ANOTHER});
    done(&app, Method::POST, "/auth/change-password", &changed, &change).await;
    assert_nobody(ask_user(&app, other, &one.access).await, "");
    assert_user_in(&ask_user(&app, other, &changed.access).await, &changed, "member");

    app.post("/auth/forgot-password", &json!({"email": "ada@example.com"})).await.assert_status(202);
    let token = app.reset_token("ada@example.com", 1).await;
    app.reset(&token, PASSWORD).await.assert_status(204);
    assert_nobody(ask_user(&app, other, &changed.access).await, "");
    come_in(&app).await;
}

#[tokio::test]
async fn no_limit_counts_what_a_proxy_asks() {
    let app = Setup::new().set("limits.candidate_ip.max", &1).set("limits.login_ip.max", &1).start().await;
    let ada = app.member("ada").await;
    let before = app.resp().keys();
    for _ in 0..20 {
        assert_user_in(&ask_user(&app, &app.nodes[0], &ada.access).await, &ada, "member");
        assert_nobody(ask_user(&app, &app.nodes[0], "nonsense").await, "");
        assert_nobody(ask(&app, &app.nodes[0], super::CANDIDATE, &[("x-session-token", "nonsense")]).await, "");
    }
    assert_eq!(app.resp().keys().len(), before.len());
}
