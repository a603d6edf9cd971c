//! Sessions: listed, ended, run out. What one node ends, the others know in the next request.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::{Value, json};
use vestibule::http::rfc3339;
use vestibule::id::Id;
use vestibule::redis::Key;
use vestibule::users::UserId;

use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::members::{Member, PASSWORD};

pub(super) const LIFE: u64 = 30 * 24 * 3_600_000;
const ANOTHER: &str = "another horse battery";

/// The session that an access token is of.
pub(super) fn session_of(access: &str) -> Id {
    let claims = access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    Id::parse(claims["sid"].as_str().unwrap()).unwrap()
}

pub(super) fn user_of(member: &Member) -> Id {
    UserId::parse(&member.id).unwrap().id()
}

/// Where Redis keeps the session of a member, and what it knows of the account.
pub(super) fn keys_of(app: &TestApp, member: &Member) -> (Key, Key) {
    let user = user_of(member);
    (app.keys().session(&user, &session_of(&member.access)), app.keys().account(&user))
}

/// All that Redis holds, with the time at which each key goes away.
pub(super) fn everything(app: &TestApp) -> BTreeMap<String, String> {
    let mut resp = app.resp();
    let keys = resp.keys().into_iter().map(|key| {
        let value = match resp.call(&["TYPE", &key]).text() {
            "hash" => {
                let mut pairs = resp.hash(&key);
                pairs.sort();
                format!("{pairs:?}")
            }
            "zset" => format!("{:?}", resp.call(&["ZRANGE", &key, "0", "-1", "WITHSCORES"])),
            other => panic!("{key} is a {other}"),
        };
        let until = resp.call(&["PEXPIRETIME", &key]).integer();
        (key, format!("{value} until {until}"))
    });
    keys.collect()
}

/// The same member in one more session.
pub(super) async fn come_again(app: &TestApp, member: &Member) -> Member {
    Member::of(&app.log_in(&member.username, &member.password).await.assert_status(200).json(), &member.password)
}

/// A session of ada's on a device that says what it is.
async fn log_in_from(app: &TestApp, device: &str, address: &str) -> Member {
    let headers = [("content-type", "application/json"), ("user-agent", device), ("x-forwarded-for", address)];
    let body = json!({"login": "ada", "password": PASSWORD}).to_string();
    let url = format!("http://{}/auth/login", app.nodes[0].public);
    Member::of(&app.http.send(Method::POST, &url, &headers, &body).await.assert_status(200).json(), PASSWORD)
}

async fn sessions(app: &TestApp, access: &str) -> Value {
    app.call(Method::GET, "/auth/sessions", access, &Value::Null).await.assert_status(200).json()
}

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn end(app: &TestApp, access: &str, session: &Id) -> crate::support::http::Answer {
    app.call(Method::DELETE, &format!("/auth/sessions/{session}"), access, &Value::Null).await
}

/// Every door of this node that opens to a bearer.
async fn assert_shut(app: &TestApp, node: &Node, member: &Member) {
    let one = format!("/auth/sessions/{}", session_of(&member.access));
    for (method, path) in [
        (Method::GET, "/auth/me"),
        (Method::GET, "/auth/sessions"),
        (Method::DELETE, one.as_str()),
        (Method::POST, "/auth/logout"),
        (Method::POST, "/auth/logout-all"),
        (Method::POST, "/auth/change-password"),
        (Method::GET, "/profile"),
        (Method::PATCH, "/profile"),
        (Method::PUT, "/profile/resume"),
        (Method::GET, "/profile/resume"),
        (Method::DELETE, "/profile/resume"),
    ] {
        let answer = node.call(app, method, path, &member.access, &json!({})).await;
        let answer = answer.assert_problem(401, "unauthenticated");
        let asks = answer.header("www-authenticate").expect("WWW-Authenticate");
        assert!(asks.starts_with("Bearer "), "{path}: {asks}");
    }
}

/// Both tokens are worthless there, and Redis has forgotten the session.
pub(super) async fn assert_over(app: &TestApp, node: &Node, member: &Member) {
    assert_shut(app, node, member).await;
    let refreshed = node.post(app, "/auth/refresh", &json!({"refreshToken": member.refresh})).await;
    refreshed.assert_problem(401, "refresh-invalid");
    let (session, account) = keys_of(app, member);
    let mut resp = app.resp();
    assert_eq!(resp.hash(session.name()), [], "the hash is left");
    let field = session_of(&member.access).to_string();
    assert_eq!(resp.field(account.name(), &field), None, "the account still lists it");
}

pub(super) async fn assert_lives(app: &TestApp, node: &Node, member: &Member) {
    node.call(app, Method::GET, "/auth/me", &member.access, &Value::Null).await.assert_status(200);
}

/// Ways to end the second of two sessions, and whether the first one lives on.
#[derive(Clone, Copy, Debug)]
enum Way {
    LogOut,
    LogOutEverywhere,
    Delete,
    ChangePassword,
    Reset,
}

impl Way {
    async fn go(self, app: &TestApp, first: &Member, second: &Member) {
        let (post, none) = (Method::POST, Value::Null);
        let answer = match self {
            Self::LogOut => app.call(post, "/auth/logout", &second.access, &none).await,
            Self::LogOutEverywhere => app.call(post, "/auth/logout-all", &first.access, &none).await,
            Self::Delete => end(app, &first.access, &session_of(&second.access)).await,
            Self::ChangePassword => {
                let body = json!({"currentPassword": PASSWORD, "newPassword": ANOTHER});
                app.call(post, "/auth/change-password", &first.access, &body).await
            }
            Self::Reset => {
                app.post("/auth/forgot-password", &json!({"email": first.email})).await.assert_status(202);
                let token = app.reset_token(&first.email, 1).await;
                app.reset(&token, ANOTHER).await
            }
        };
        assert_eq!((answer.status, answer.body.as_slice()), (204, &b""[..]), "{self:?}: {}", answer.text());
    }

    fn spares_the_first(self) -> bool {
        !matches!(self, Self::LogOutEverywhere | Self::Reset)
    }
}

#[tokio::test]
async fn what_one_node_ends_is_over_on_the_other_in_the_next_request() {
    let app = Setup::new().nodes(2).start().await;
    let ways = [Way::LogOut, Way::LogOutEverywhere, Way::Delete, Way::ChangePassword, Way::Reset];
    for (n, way) in ways.into_iter().enumerate() {
        let first = app.member(&format!("ada_{n}")).await;
        let second = come_again(&app, &first).await;
        for node in app.nodes.iter().rev() {
            assert_lives(&app, node, &first).await;
            assert_lives(&app, node, &second).await;
        }
        way.go(&app, &first, &second).await;
        assert_over(&app, &app.nodes[1], &second).await;
        for node in app.nodes.iter().rev() {
            if way.spares_the_first() {
                assert_lives(&app, node, &first).await;
            } else {
                assert_over(&app, node, &first).await;
            }
        }
    }
}

#[tokio::test]
async fn a_list_tells_devices_and_addresses_the_newest_first() {
    let app = Setup::new().behind_proxy().start().await;
    app.clock.freeze();
    let now = || u64::try_from(app.clock.now_us() / 1_000).unwrap();
    let item = |member: &Member, current: bool, created: u64, used: u64, device: &str, address: &str| {
        json!({"id": session_of(&member.access).to_string(), "current": current, "createdAt": rfc3339(created),
            "lastUsed": rfc3339(used), "device": device, "address": address})
    };
    let (first, signed_up) = (app.member("ada").await, now());
    app.pass(90_000);
    let laptop = log_in_from(&app, "Firefox on Linux", "198.51.100.7").await;
    let logged_in = now();
    app.pass(90_000);
    let phone = log_in_from(&app, &"x".repeat(300), "2001:db8::7").await;
    let phoned = now();
    let long_name = "x".repeat(200);
    let of_phone = |current| item(&phone, current, phoned, phoned, &long_name, "2001:db8::7");
    let of_first = item(&first, false, signed_up, signed_up, "", "127.0.0.1");
    let of_laptop = item(&laptop, false, logged_in, logged_in, "Firefox on Linux", "198.51.100.7");
    let listed = json!({"items": [of_phone(true), of_laptop, of_first], "nextCursor": null});
    assert_eq!(sessions(&app, &phone.access).await, listed);

    // Looking is no use of a session.
    app.pass(90_000);
    app.me(&laptop.access).await.assert_status(200);
    sessions(&app, &laptop.access).await;
    assert_eq!(sessions(&app, &phone.access).await, listed);

    let headers =
        [("content-type", "application/json"), ("user-agent", "Firefox 2"), ("x-forwarded-for", "198.51.100.8")];
    let url = format!("http://{}/auth/refresh", app.nodes[0].public);
    let body = json!({"refreshToken": laptop.refresh}).to_string();
    app.http.send(Method::POST, &url, &headers, &body).await.assert_status(200);
    let of_laptop = item(&laptop, true, logged_in, now(), "Firefox 2", "198.51.100.8");
    let listed = json!({"items": [of_phone(false), of_laptop, of_first], "nextCursor": null});
    assert_eq!(sessions(&app, &laptop.access).await, listed);
}

/// Two members whose keys lie in one partition, where names of sessions do not tell whose they are.
async fn neighbours(app: &TestApp) -> (Member, Member) {
    let mut found = HashMap::new();
    for n in 0..=app.keys().partitions() {
        let member = app.member(&format!("ada_{n}")).await;
        if let Some(neighbour) = found.insert(app.keys().partition(&user_of(&member)), member.clone()) {
            return (neighbour, member);
        }
    }
    panic!("more members than partitions, and each in one of its own");
}

#[tokio::test]
async fn a_session_of_somebody_else_is_not_there() {
    let app = Setup::new().set("limits.signup_ip.max", &50).start().await;
    app.clock.freeze();
    let (owner, neighbour) = neighbours(&app).await;
    let stranger = app.member("stranger").await;
    let (session, before) = (session_of(&owner.access), everything(&app));
    let never = end(&app, &stranger.access, &Id::nonce()).await.assert_problem(404, "not-found");
    for other in [&neighbour, &stranger] {
        let refused = end(&app, &other.access, &session).await.assert_problem(404, "not-found");
        assert_eq!(refused.body, never.body, "{}", refused.text());
        assert_eq!(everything(&app), before);
        assert_eq!(ids(&sessions(&app, &other.access).await), [session_of(&other.access).to_string()]);
    }
    assert_lives(&app, &app.nodes[0], &owner).await;
    app.refresh(&owner.refresh).await.assert_status(200);

    let second = come_again(&app, &owner).await;
    end(&app, &second.access, &session).await.assert_status(204);
    end(&app, &second.access, &session).await.assert_problem(404, "not-found");
    end(&app, &second.access, &session_of(&second.access)).await.assert_status(204);
    assert_over(&app, &app.nodes[0], &second).await;
}

#[tokio::test]
async fn of_more_than_fifty_sessions_the_oldest_ends() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let first = app.member("ada").await;
    let mut living = vec![first.clone()];
    while living.len() < 50 {
        app.pass(1);
        living.push(come_again(&app, &first).await);
    }
    assert_lives(&app, &app.nodes[0], &first).await;
    // What was refreshed is not younger for it.
    app.refresh(&first.refresh).await.assert_status(200);
    app.pass(1);
    living.push(come_again(&app, &first).await);
    assert_over(&app, &app.nodes[0], &first).await;
    let newest_first: Vec<_> = living[1..].iter().rev().map(|member| session_of(&member.access).to_string()).collect();
    assert_eq!(ids(&sessions(&app, &living[50].access).await), newest_first);
}

#[tokio::test]
async fn log_ins_at_the_same_time_leave_no_more_sessions_than_there_may_be() {
    let app = Setup::new().nodes(2).set("sessions.per_user_max", &3).start().await;
    let ada = app.member("ada").await;
    let body = json!({"login": "ada", "password": PASSWORD}).to_string();
    let mut crowd = tokio::task::JoinSet::new();
    for n in 0..24 {
        let (http, body) = (app.http.clone(), body.clone());
        let url = format!("http://{}/auth/login", app.nodes[n % 2].public);
        crowd.spawn(async move { http.post_json(&url, &body).await });
    }
    // Past five at a time, the name asks to wait.
    let answers = crowd.join_all().await;
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.json()).collect();
    assert!(opened.len() >= 3, "{:?}", answers.iter().map(|answer| answer.text()).collect::<Vec<_>>());
    let mut living = Vec::new();
    for session in &opened {
        let member = Member::of(session, PASSWORD);
        match app.me(&member.access).await.status {
            200 => living.push(member),
            _ => assert_over(&app, &app.nodes[1], &member).await,
        }
    }
    assert_eq!(living.len(), 3);
    assert_over(&app, &app.nodes[1], &ada).await;
    assert_eq!(ids(&sessions(&app, &living[0].access).await).len(), 3);
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_last_refresh() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let left = app.member("ada").await;
    let kept = come_again(&app, &left).await;
    app.pass(LIFE - 1);
    assert_lives(&app, &app.nodes[0], &left).await;
    assert_eq!(ids(&sessions(&app, &left.access).await).len(), 2);
    let refreshed = app.refresh(&kept.refresh).await.assert_status(200).json();
    assert_eq!(refreshed["refreshExpiresIn"], 2_592_000);
    let kept = Member::of(&refreshed, PASSWORD);

    app.pass(1);
    assert_shut(&app, &app.nodes[0], &left).await;
    app.refresh(&left.refresh).await.assert_problem(401, "refresh-invalid");
    assert_eq!(ids(&sessions(&app, &kept.access).await), [session_of(&kept.access).to_string()]);
    app.pass(LIFE - 2);
    assert_lives(&app, &app.nodes[0], &kept).await;
    let kept = Member::of(&app.refresh(&kept.refresh).await.assert_status(200).json(), PASSWORD);
    let next = come_again(&app, &kept).await;
    assert_over(&app, &app.nodes[0], &left).await;
    app.pass(LIFE);
    assert_shut(&app, &app.nodes[0], &kept).await;
    app.refresh(&kept.refresh).await.assert_problem(401, "refresh-invalid");
    assert_shut(&app, &app.nodes[0], &next).await;

    app.pass(1);
    let left_over: Vec<_> = app.resp().keys().into_iter().filter(|key| !key.ends_with(":meta")).collect();
    assert!(left_over.is_empty(), "{left_over:?}");
}

async fn give_role(app: &TestApp, login: &str, role: &str) {
    let output = app.run(&["user", "role", login, role]).await;
    assert!(output.status.success(), "{output:?}");
}

/// What the next request of a living session may, and what it is told.
async fn assert_role(app: &TestApp, member: &Member, role: &str) {
    let (_, account) = keys_of(app, member);
    assert_eq!(app.resp().field(account.name(), "role").as_deref(), Some(role));
    for node in &app.nodes {
        let me = node.call(app, Method::GET, "/auth/me", &member.access, &Value::Null).await.assert_status(200);
        assert_eq!(me.text_of("role"), role);
    }
}

#[tokio::test]
async fn a_role_holds_from_the_next_request_on() {
    let app = Setup::new().nodes(2).start().await;
    let ada = app.member("ada").await;
    assert_role(&app, &ada, "member").await;
    for (login, role) in [("ADA@example.com", "recruiter"), ("ada", "admin"), ("Ada", "member"), ("ada", "admin")] {
        give_role(&app, login, role).await;
        assert_role(&app, &ada, role).await;
    }
    let refreshed = app.refresh(&ada.refresh).await.assert_status(200).json();
    assert_eq!(refreshed["user"]["role"], "admin");
    assert_role(&app, &Member::of(&refreshed, PASSWORD), "admin").await;
    assert_role(&app, &come_again(&app, &ada).await, "admin").await;

    // Whoever is not there may be on the way in: it is remembered for an hour.
    let (_, account) = keys_of(&app, &ada);
    app.resp().call(&["DEL", account.name()]);
    give_role(&app, "ada", "recruiter").await;
    assert_eq!(app.resp().field(account.name(), "role").as_deref(), Some("recruiter"));
    let life = app.resp().call(&["PTTL", account.name()]).integer();
    assert!((3_500_000..=3_600_000).contains(&life), "{life} ms");
    assert_role(&app, &come_again(&app, &ada).await, "recruiter").await;
}

#[tokio::test]
async fn an_older_role_that_comes_late_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let (_, account) = keys_of(&app, &ada);
    // A newer one, which this Postgres has not heard of.
    app.resp().call(&["HSET", account.name(), "role", "recruiter", "rank", "10"]);
    let held =
        || (app.resp().field(account.name(), "role").unwrap(), app.resp().field(account.name(), "rank").unwrap());
    let newer = ("recruiter".to_owned(), "10".to_owned());
    give_role(&app, "ada", "admin").await;
    assert_eq!(held(), newer, "told late");
    app.refresh(&ada.refresh).await.assert_status(200);
    assert_eq!(held(), newer, "at a refresh");
    come_again(&app, &ada).await;
    assert_eq!(held(), newer, "at a log-in");
}
