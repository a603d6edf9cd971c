//! What all endpoints of members judge alike, and in which order: method and path, then who asks, then the body.

use hyper::Method;
use serde_json::{Value, json};

use super::client::{assert_done, assert_quota, assert_refused, assert_waits, assert_wrong, form, frozen};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::PASSWORD;

/// Path, what `Allow` says of it, and whether it asks who one is.
const ENDPOINTS: [(&str, &str, bool); 13] = [
    ("/auth/signup", "POST", false),
    ("/auth/login", "POST", false),
    ("/auth/refresh", "POST", false),
    ("/auth/logout", "POST", true),
    ("/auth/logout-all", "POST", true),
    ("/auth/sessions", "GET, HEAD", true),
    ("/auth/sessions/0123456789abcdef0123456789abcdef", "DELETE", true),
    ("/auth/me", "GET, HEAD", true),
    ("/auth/change-password", "POST", true),
    ("/auth/forgot-password", "POST", false),
    ("/auth/reset-password", "POST", false),
    ("/profile", "GET, HEAD, PATCH", true),
    ("/profile/resume", "GET, HEAD, PUT, DELETE", true),
];

/// Members of a body: each with the field that errors name it by, where it is needed.
struct Form {
    path: &'static str,
    members: &'static [(&'static str, Option<&'static str>)],
    passwords: &'static [&'static str],
}

const FORMS: [Form; 8] = [
    Form {
        path: "/auth/signup",
        members: &[
            ("username", Some("username")),
            ("email", Some("email")),
            ("password", Some("password")),
            ("fullName", None),
        ],
        passwords: &["password"],
    },
    Form {
        path: "/auth/login",
        members: &[("login", Some("login")), ("password", Some("password"))],
        passwords: &["password"],
    },
    Form {
        path: "/auth/login",
        members: &[("username", Some("login")), ("password", Some("password"))],
        passwords: &["password"],
    },
    Form {
        path: "/auth/login",
        members: &[("email", Some("login")), ("password", Some("password"))],
        passwords: &["password"],
    },
    Form { path: "/auth/refresh", members: &[("refreshToken", Some("refreshToken"))], passwords: &[] },
    Form {
        path: "/auth/change-password",
        members: &[("currentPassword", Some("currentPassword")), ("newPassword", Some("newPassword"))],
        passwords: &["currentPassword", "newPassword"],
    },
    Form { path: "/auth/forgot-password", members: &[("email", Some("email"))], passwords: &[] },
    Form {
        path: "/auth/reset-password",
        members: &[("token", Some("token")), ("newPassword", Some("newPassword"))],
        passwords: &["newPassword"],
    },
];

/// Clients that may ask as often as this file does.
fn patient() -> Setup {
    let limits = ["signup_ip", "login_ip", "forgot_ip", "reset_ip"];
    limits.into_iter().fold(Setup::new(), |setup, limit| setup.set(&format!("limits.{limit}.max"), &200))
}

/// A value that each member takes.
fn good(member: &str) -> &'static str {
    match member {
        "email" => "grace@example.com",
        "username" | "login" => "grace",
        "password" | "currentPassword" | "newPassword" => PASSWORD,
        _ => "anything",
    }
}

async fn send(app: &TestApp, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    app.http.send(Method::POST, &format!("http://{}{path}", app.nodes[0].public), headers, body).await
}

#[tokio::test]
async fn a_method_is_judged_before_who_asks_and_what() {
    let app = TestApp::start().await;
    for (path, allow, _) in ENDPOINTS {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let url = format!("http://{}{path}", app.nodes[0].public);
            let name = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.http.send(name, &url, &[("authorization", "Bearer nonsense")], "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
            if method != "HEAD" {
                assert_refused(&answer, 405, "method-not-allowed", &json!({}));
            }
        }
    }
}

#[tokio::test]
async fn a_path_is_judged_before_who_asks() {
    let app = TestApp::start().await;
    for path in [
        "/auth",
        "/auth/",
        "/auth/signin",
        "/auth/me/",
        "/auth//me",
        "/auth/Me",
        "/auth/sessions/",
        "/auth/sessions/nonsense",
        "/auth/sessions/0123456789ABCDEF0123456789ABCDEF",
        "/auth/sessions/0123456789abcdef0123456789abcdef/",
        "/profile/",
        "/profile/resume/",
    ] {
        for method in [Method::GET, Method::DELETE, Method::POST] {
            let answer = app.http.send(method, &format!("http://{}{path}", app.nodes[0].public), &[], "").await;
            assert_refused(&answer, 404, "not-found", &json!({}));
        }
    }
}

#[tokio::test]
async fn who_asks_is_judged_before_the_body() {
    let app = TestApp::start().await;
    for (path, allow, asks) in ENDPOINTS {
        for method in allow.split(", ").filter(|_| asks) {
            for (token, challenge) in [
                (None, "Bearer realm=\"vestibule\""),
                (Some("Basic YWRhOmFkYQ=="), "Bearer realm=\"vestibule\""),
                (Some("Bearer nonsense"), "Bearer realm=\"vestibule\", error=\"invalid_token\""),
            ] {
                let mut headers = vec![("content-type", "text/plain")];
                headers.extend(token.map(|token| ("authorization", token)));
                let url = format!("http://{}{path}", app.nodes[0].public);
                let body = if matches!(method, "GET" | "HEAD") { "" } else { "{" };
                let answer = app.http.send(method.parse().unwrap(), &url, &headers, body).await;
                assert_eq!(answer.header("www-authenticate"), Some(challenge), "{method} {path}");
                assert_eq!(answer.status, 401, "{method} {path}");
                if method != "HEAD" {
                    assert_refused(&answer, 401, "unauthenticated", &json!({}));
                }
                assert_quota(&answer, None);
            }
        }
    }
}

#[tokio::test]
async fn members_that_are_missing_are_told_all_at_once() {
    let app = patient().start().await;
    let bearer = format!("Bearer {}", app.member("ada").await.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    for Form { path, members, .. } in FORMS {
        let needed: Vec<_> = members.iter().filter_map(|(member, field)| field.map(|field| (*member, field))).collect();
        let all: Vec<_> = needed.iter().map(|(_, field)| (*field, "is required")).collect();
        assert_wrong(&send(&app, path, &headers, r#"{"more": null}"#).await, &all);
        for (missing, field) in &needed {
            let others = needed.iter().filter(|(member, _)| member != missing);
            let body: Value = others.map(|(member, _)| ((*member).to_owned(), json!(good(member)))).collect();
            assert_wrong(&send(&app, path, &headers, &body.to_string()).await, &[(field, "is required")]);
        }
    }
}

#[tokio::test]
async fn a_member_is_text_that_comes_once_and_can_be_printed() {
    let app = patient().start().await;
    let bearer = format!("Bearer {}", app.member("ada").await.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    for Form { path, members, passwords } in FORMS {
        let body_with = |member: &str, value: &Value| {
            let pairs = members.iter().map(|(name, _)| {
                let value = if *name == member { value.clone() } else { json!(good(name)) };
                ((*name).to_owned(), value)
            });
            pairs.collect::<Value>().to_string()
        };
        for (member, _) in members {
            for wrong in [json!(null), json!(1), json!(true), json!(["ada"]), json!({"ada": "ada"})] {
                let answer = send(&app, path, &headers, &body_with(member, &wrong)).await;
                assert_refused(&answer, 400, "malformed-body", &json!({}));
            }
            let once = body_with(member, &json!(good(member)));
            let twice = once.replacen('{', &format!("{{\"{member}\": {},", json!(good(member))), 1);
            assert_refused(&send(&app, path, &headers, &twice).await, 400, "malformed-body", &json!({}));
            for control in ["\0", "\n", "\u{1b}", "\u{7f}", "\u{85}"] {
                let body = body_with(member, &json!(format!("abc{control}def")));
                let answer = send(&app, path, &headers, &body).await;
                if passwords.contains(member) {
                    assert_ne!(answer.status, 400, "{}", answer.text());
                    assert!(!answer.text().contains("control"), "{}", answer.text());
                } else {
                    assert_wrong(&answer, &[(member, "must not hold control characters")]);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_is_a_json_object_of_32_kib_at_most() {
    let app = patient().start().await;
    let bearer = format!("Bearer {}", app.member("ada").await.access);
    let authorized = ("authorization", bearer.as_str());
    let large = format!("{{\"more\":\"{}\"}}", "x".repeat(32_768));
    let fits = format!("{{\"more\":\"{}\"}}", "x".repeat(32_768 - 11));
    assert_eq!(fits.len(), 32_768);
    for path in ["/auth/signup", "/auth/login", "/auth/refresh", "/auth/change-password", "/auth/forgot-password"]
        .into_iter()
        .chain(["/auth/reset-password"])
    {
        let json = [("content-type", "application/json"), authorized];
        for body in ["", "{", "[]", "null", "\"ada\"", "{} {}", "{'login': 'ada'}", "{\"login\": \"\\ud800\"}"] {
            assert_refused(&send(&app, path, &json, body).await, 400, "malformed-body", &json!({}));
        }
        assert_refused(&send(&app, path, &json, &large).await, 413, "body-too-large", &json!({}));
        assert_eq!(send(&app, path, &json, &fits).await.status, 422);
        for other in
            ["text/plain", "application/x-www-form-urlencoded", "application/problem+json", "application/jsonp"]
        {
            let answer = send(&app, path, &[("content-type", other), authorized], "{").await;
            assert_refused(&answer, 415, "unsupported-media-type", &json!({}));
        }
        let nothing = send(&app, path, &[authorized], "{}").await;
        assert_refused(&nothing, 415, "unsupported-media-type", &json!({}));
        for same in ["application/json; charset=utf-8", "Application/JSON"] {
            assert_eq!(send(&app, path, &[("content-type", same), authorized], "{}").await.status, 422, "{same}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_without_a_body_ignores_one() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let again = app.log_in("ada", PASSWORD).await.text_of("accessToken");
    for (path, access) in [("/auth/logout", &again), ("/auth/logout-all", &member.access)] {
        let bearer = format!("bearer {access}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
        assert_done(&send(&app, path, &headers, "{\"a\": null,").await, 204);
    }
}

/// Hashes that the node was asked for so far, however they ended.
async fn hashes(app: &TestApp) -> u64 {
    let page = app.http.get(&format!("http://{}/metrics", app.nodes[0].admin)).await.assert_status(200);
    let text = String::from_utf8(page.body).unwrap();
    let counts = text.lines().filter(|line| line.contains("password_hashes_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn a_limit_is_asked_before_a_hash_is_spent() {
    let max = |setup: Setup, limit: &str| setup.set(&format!("limits.{limit}.max"), &1);
    let setup = ["signup_ip", "login_ip", "forgot_ip", "reset_ip"].into_iter().fold(Setup::new(), max);
    let app = setup.start().await;
    app.clock.freeze();
    app.member("ada").await;
    app.log_in("ada", "wrong").await.assert_problem(401, "invalid-credentials");
    app.post("/auth/forgot-password", &json!({"email": "nobody@example.com"})).await.assert_status(202);
    app.reset("nonsense", PASSWORD).await.assert_problem(401, "reset-token-invalid");

    let before = hashes(&app).await;
    assert_eq!(before, 2, "a sign-up's and a log-in's");
    assert_waits(&app.post("/auth/signup", &form("bob")).await, "rate-limited", 3_600);
    assert_waits(&app.log_in("ada", PASSWORD).await, "too-many-attempts", 900);
    assert_waits(&app.post("/auth/forgot-password", &json!({"email": "a@b.co"})).await, "rate-limited", 3_600);
    assert_waits(&app.reset("nonsense", PASSWORD).await, "rate-limited", 600);
    assert_eq!(hashes(&app).await, before);
}

#[tokio::test]
async fn limits_that_a_client_may_know_of_are_told_and_no_others() {
    let app = frozen().await;
    let ada = app.client("203.0.113.1");
    let session = ada.sign_up("ada").await;
    assert_quota(&session, Some(("\"signup_ip\";q=10;w=3600", "\"signup_ip\";r=9;t=3600")));
    assert_quota(&ada.miss("ada").await, Some(("\"login_ip\";q=50;w=900", "\"login_ip\";r=49;t=900")));
    let asked = ada.forgot("ada@example.com").await;
    assert_quota(&asked, Some(("\"forgot_ip\";q=20;w=3600", "\"forgot_ip\";r=19;t=3600")));
    let reset = ada.post("/auth/reset-password", &json!({"token": "nonsense", "newPassword": PASSWORD})).await;
    assert_quota(&reset, Some(("\"reset_ip\";q=20;w=600", "\"reset_ip\";r=19;t=600")));

    let session = session.json();
    let access = session["accessToken"].as_str().unwrap();
    let refreshed = app.refresh(session["refreshToken"].as_str().unwrap()).await;
    assert_done(&refreshed, 200);
    assert_quota(&refreshed, None);
    for (method, path) in [(Method::GET, "/auth/me"), (Method::GET, "/auth/sessions"), (Method::POST, "/auth/logout")] {
        assert_quota(&app.call(method, path, access, &Value::Null).await, None);
    }
}
