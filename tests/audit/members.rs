//! What members do with their credentials, in the trail.

use hyper::Method;
use serde_json::{Value, json};

use super::{Entry, entries};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::smtp::{Behaviour, SmtpSink};

const NEW: &str = "another horse battery";

/// A node that is a program, and a relay.
struct House {
    sink: SmtpSink,
    node: Served,
    app: TestApp,
}

impl House {
    async fn start(changes: &[(&str, &str)]) -> Self {
        let sink = SmtpSink::start(Behaviour::Accept).await;
        let app = Setup::new().nodes(0).relay(&sink.url()).set("mail.sweep_interval", &"100ms").start().await;
        let relay = sink.url();
        let changes = [&[("mail.url", relay.as_str()), ("trusted_proxies", "127.0.0.0/8")], changes].concat();
        let node = Served::start(&app, &changes).await;
        Self { sink, node, app }
    }

    /// A request `id` of a client, by its path and what it sends.
    async fn send(&self, client: &str, id: &str, line: &str, access: &str, body: &str) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let bearer = format!("Bearer {access}");
        let mut headers = vec![("x-request-id", id), ("x-forwarded-for", client), ("content-type", "application/json")];
        if !access.is_empty() {
            headers.push(("authorization", &bearer));
        }
        let url = format!("http://{}{path}", self.node.public);
        self.app.http.send(Method::from_bytes(method.as_bytes()).unwrap(), &url, &headers, body).await
    }

    async fn post(&self, id: &str, path: &str, access: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send("203.0.113.9", id, &format!("POST {path}"), access, &body).await
    }

    async fn sign_up(&self, id: &str, username: &str) -> Member {
        let body = json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD});
        Member::of(&self.post(id, "/auth/signup", "", &body).await.assert_status(201).json(), PASSWORD)
    }

    async fn log_in(&self, id: &str, login: &str, password: &str) -> Answer {
        self.post(id, "/auth/login", "", &json!({"login": login, "password": password})).await
    }

    async fn refresh(&self, id: &str, token: &str) -> Answer {
        self.post(id, "/auth/refresh", "", &json!({"refreshToken": token})).await
    }

    /// The token in the `nth` mail to an address.
    async fn token(&self, email: &str, nth: usize) -> String {
        let text = self.sink.mail_to(email, nth).await.text;
        text.split_once("#token=").unwrap().1.split_whitespace().next().unwrap().to_owned()
    }

    /// The trail up to the request of this id, which was the last.
    async fn trail_to(&self, last: &str) -> Vec<Entry> {
        // A request's line comes after its event.
        self.node.child.line(&format!("\"request_id\":\"{last}\",\"us\"")).await;
        entries(&self.node.child.lines())
    }
}

fn entry(event: &str, who: &str, request: &str) -> Entry {
    [event, who, "203.0.113.9", request].map(str::to_owned)
}

#[tokio::test]
async fn a_members_way_leaves_each_event_once() {
    let house = House::start(&[]).await;
    let ada = house.sign_up("signs-up", "Ada_Love").await;
    house.log_in("logs-in-by-name", "ADA_love", PASSWORD).await.assert_status(200);
    let by_address = house.log_in("logs-in-by-address", "Ada_Love@example.com", PASSWORD).await.assert_status(200);
    let by_address = Member::of(&by_address.json(), PASSWORD);
    house.log_in("mistypes", "ada_love", "wrong horse").await.assert_problem(401, "invalid-credentials");
    house.log_in("is-nobody", "bob@example.com", "wrong horse").await.assert_problem(401, "invalid-credentials");

    let listed = house.send("203.0.113.9", "looks-around", "GET /auth/sessions", &ada.access, "").await.json();
    let other = listed["items"].as_array().unwrap().iter().find(|item| item["current"] == false).unwrap();
    let line = format!("DELETE /auth/sessions/{}", other["id"].as_str().unwrap());
    house.send("203.0.113.9", "ends-another", &line, &ada.access, "").await.assert_status(204);
    house.send("203.0.113.9", "ends-it-again", &line, &ada.access, "").await.assert_problem(404, "not-found");

    let change = |current: &str| json!({"currentPassword": current, "newPassword": NEW});
    let wrong = house.post("mistypes-current", "/auth/change-password", &ada.access, &change("wrong horse")).await;
    wrong.assert_problem(401, "invalid-credentials");
    house.post("changes-it", "/auth/change-password", &ada.access, &change(PASSWORD)).await.assert_status(204);
    house.post("logs-out", "/auth/logout", &ada.access, &Value::Null).await.assert_status(204);
    house.post("left-already", "/auth/logout", &ada.access, &Value::Null).await.assert_status(401);

    let session = house.log_in("comes-back", "ada_love", NEW).await.assert_status(200).json();
    let ada = Member::of(&session, NEW);
    let next = house.refresh("refreshes", &ada.refresh).await.assert_status(200).text_of("refreshToken");
    house.refresh("refreshes-next", &next).await.assert_status(200);
    house.refresh("steals-it", &ada.refresh).await.assert_problem(401, "refresh-invalid");
    house.refresh("steals-again", &ada.refresh).await.assert_problem(401, "refresh-invalid");
    house.refresh("too-late", &by_address.refresh).await.assert_problem(401, "refresh-invalid");

    let ada = Member::of(&house.log_in("back-again", "ada_love", NEW).await.assert_status(200).json(), NEW);
    house.post("leaves-all", "/auth/logout-all", &ada.access, &Value::Null).await.assert_status(204);
    house.post("forgets-it", "/auth/forgot-password", "", &json!({"email": ada.email})).await.assert_status(202);
    // The first mail was the notice.
    let token = house.token(&ada.email, 2).await;
    let reset = json!({"token": token, "newPassword": PASSWORD});
    house.post("resets-it", "/auth/reset-password", "", &reset).await.assert_status(204);
    house.post("resets-again", "/auth/reset-password", "", &reset).await.assert_problem(401, "reset-token-invalid");
    house.post("asks-for-nobody", "/auth/forgot-password", "", &json!({"email": "x@y.zz"})).await.assert_status(202);

    assert_eq!(
        house.trail_to("asks-for-nobody").await,
        [
            entry("sign_up", "A***", "signs-up"),
            entry("log_in", "a***", "logs-in-by-name"),
            entry("log_in", "a***@e***.com", "logs-in-by-address"),
            entry("log_in_failed", "a***", "mistypes"),
            entry("log_in_failed", "b***@e***.com", "is-nobody"),
            entry("session_ended", &ada.id, "ends-another"),
            entry("log_in_failed", "A***", "mistypes-current"),
            entry("password_changed", "A***", "changes-it"),
            entry("logged_out", &ada.id, "logs-out"),
            entry("log_in", "a***", "comes-back"),
            entry("refresh_reused", &ada.id, "steals-it"),
            entry("log_in", "a***", "back-again"),
            entry("logged_out_everywhere", &ada.id, "leaves-all"),
            entry("reset_asked", "A***@e***.com", "forgets-it"),
            entry("reset_done", "A***", "resets-it"),
            entry("reset_asked", "x***@y***.zz", "asks-for-nobody"),
        ]
    );
    let said = house.node.child.lines().join("\n").to_lowercase();
    for secret in ["ada_love", "horse battery", "wrong horse", &token.to_lowercase()] {
        assert!(!said.contains(secret), "{secret} is in\n{said}");
    }
}

#[tokio::test]
async fn a_log_in_that_is_throttled_is_told_by_name_and_by_address() {
    let house = House::start(&[("limits.login_ip.max", "6")]).await;
    let try_from = async |client: &str, id: &str, login: &str| {
        let body = json!({"login": login, "password": "wrong horse"}).to_string();
        house.send(client, id, "POST /auth/login", "", &body).await.status
    };
    let mut expected = Vec::new();
    let mut tried = |event: &str, who: &str, client: &str, id: &str| {
        expected.push([event, who, client, id].map(str::to_owned));
    };
    for n in 1..=5 {
        let id = format!("name-{n}-wrong");
        assert_eq!(try_from("203.0.113.9", &id, "ada").await, 401);
        tried("log_in_failed", "a***", "203.0.113.9", &id);
    }
    assert_eq!(try_from("198.51.100.7", "name-throttled", "ada").await, 429);
    tried("log_in_throttled", "a***", "198.51.100.7", "name-throttled");
    assert_eq!(try_from("203.0.113.9", "address-sixth", "eve").await, 401);
    tried("log_in_failed", "e***", "203.0.113.9", "address-sixth");
    assert_eq!(try_from("203.0.113.9", "address-throttled", "bob@example.com").await, 429);
    tried("log_in_throttled", "b***@e***.com", "203.0.113.9", "address-throttled");
    assert_eq!(house.trail_to("address-throttled").await, expected);
}

#[tokio::test]
async fn what_is_refused_or_cannot_be_read_leaves_nothing() {
    let house = House::start(&[]).await;
    let ada = house.sign_up("signs-up", "ada").await;
    let (access, none) = (ada.access.as_str(), "");
    let taken = json!({"username": "ADA", "email": "eve@example.com", "password": PASSWORD}).to_string();
    let weak = json!({"username": "bob", "email": "bob@example.com", "password": "secret"}).to_string();
    let same = json!({"currentPassword": PASSWORD, "newPassword": "short"}).to_string();
    let forged = format!(r#"{{"refreshToken":"{}"}}"#, "A".repeat(91));
    let unknown = json!({"token": "A".repeat(64), "newPassword": NEW}).to_string();
    let spoilt = format!("{access}x");
    let session = format!("DELETE /auth/sessions/{}", "0".repeat(32));
    for (line, access, body, status) in [
        ("POST /auth/signup", none, taken.as_str(), 409),
        ("POST /auth/signup", none, &weak, 422),
        ("POST /auth/signup", none, "{", 400),
        ("POST /auth/login", none, "{}", 422),
        ("POST /auth/login", none, r#"{"login":"ada","password":1}"#, 400),
        ("GET /auth/login", none, "", 405),
        ("POST /auth/refresh", none, &forged, 401),
        ("POST /auth/refresh", none, r#"{"refreshToken":"x"}"#, 401),
        ("POST /auth/refresh", none, "{}", 422),
        ("POST /auth/logout", none, "", 401),
        ("POST /auth/logout", &spoilt, "", 401),
        ("POST /auth/logout-all", &spoilt, "", 401),
        (&session, access, "", 404),
        ("POST /auth/change-password", none, &same, 401),
        ("POST /auth/change-password", access, &same, 422),
        ("POST /auth/change-password", access, "{}", 422),
        ("POST /auth/forgot-password", none, r#"{"email":"ada"}"#, 422),
        ("POST /auth/forgot-password", none, r#"{"email":null}"#, 400),
        ("POST /auth/reset-password", none, &unknown, 401),
        ("POST /auth/reset-password", none, r#"{"token":"x","newPassword":"short"}"#, 422),
        ("GET /auth/me", access, "", 200),
        ("GET /auth/sessions", access, "", 200),
        ("PATCH /profile", access, r#"{"fullName":"Ada"}"#, 200),
        ("PUT /profile/resume", access, "My life", 201),
    ] {
        let answer = house.send("203.0.113.9", "is-refused", line, access, body).await;
        assert_eq!(answer.status, status, "{line} {body}: {}", answer.text());
    }
    house.refresh("refreshes", &ada.refresh).await.assert_status(200);
    assert_eq!(house.trail_to("refreshes").await, [entry("sign_up", "a***", "signs-up")]);
}

#[tokio::test]
async fn who_gives_a_role_is_in_the_trail_once_it_is_given() {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    app.set("log.level", "warn,vestibule::audit=info");
    for (arguments, trail) in [
        (["user", "role", "ada", "recruiter"], vec![["role_changed", ada.id.as_str(), "", ""].map(str::to_owned)]),
        (["user", "role", "eve", "admin"], vec![]),
        (["user", "role", "ada", "god"], vec![]),
    ] {
        let output = app.run(&arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<String> = said.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(entries(&lines), trail, "{said}");
    }
}
