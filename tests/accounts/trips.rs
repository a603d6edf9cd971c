//! What each endpoint of a member asks of Redis and of Postgres. With `--nocapture --test-threads 1` the
//! tests print it as tables.

use hyper::Method;
use serde_json::{Value, json};

use super::sessions::{come_again, session_of};
use crate::support::TestApp;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::trips::{Row, Trips, hold, stage, trips};

const NOTHING: Trips = trips(0, 0);
/// A job is claimed and done.
const A_MAIL: Trips = trips(2, 0);
/// The same, and Postgres is asked who has the address.
const NOBODY: Trips = trips(2, 1);
/// The same, its token is stored, and a mail is claimed and done.
const A_RESET: Trips = trips(5, 1);
const ANOTHER: &str = "another horse battery";

async fn call(app: &TestApp, method: Method, path: &str, member: &Member) -> Answer {
    app.call(method, path, &member.access, &Value::Null).await
}

fn change(current: &str, new: &str) -> Value {
    json!({"currentPassword": current, "newPassword": new})
}

#[tokio::test]
async fn sessions_cost_what_the_table_says() {
    let app = stage().await;
    let sign_up = json!({"username": "ada", "email": "ada@example.com", "password": PASSWORD});
    let first = hold(&app, Row("signup", 201, trips(2, 1)), app.post("/auth/signup", &sign_up)).await;
    let ada = Member::of(&first.json(), PASSWORD);
    let second = hold(&app, Row("login", 200, trips(5, 1)), app.log_in("ada", PASSWORD)).await;
    let second = Member::of(&second.json(), PASSWORD);
    let refreshed = hold(&app, Row("refresh", 200, trips(2, 1)), app.refresh(&ada.refresh)).await;
    hold(&app, Row("refresh, the same again", 200, trips(2, 1)), app.refresh(&ada.refresh)).await;
    let ada = Member::of(&refreshed.json(), PASSWORD);
    hold(&app, Row("me", 200, trips(1, 1)), app.me(&ada.access)).await;
    hold(&app, Row("sessions, of two", 200, trips(4, 0)), call(&app, Method::GET, "/auth/sessions", &ada)).await;
    let path = format!("/auth/sessions/{}", session_of(&second.access));
    hold(&app, Row("one session's end", 204, trips(2, 0)), call(&app, Method::DELETE, &path, &ada)).await;
    hold(&app, Row("one session's end, again", 404, trips(2, 0)), call(&app, Method::DELETE, &path, &ada)).await;
    hold(&app, Row("me, of a session that ended", 401, trips(1, 1)), app.me(&second.access)).await;
    hold(&app, Row("logout", 204, trips(2, 0)), call(&app, Method::POST, "/auth/logout", &ada)).await;
    let (one, _other) = (come_again(&app, &ada).await, come_again(&app, &ada).await);
    // Two decisions end them; what is left of each is dropped by one more.
    hold(&app, Row("logout-all, of two", 204, trips(4, 0)), call(&app, Method::POST, "/auth/logout-all", &one)).await;
}

#[tokio::test]
async fn passwords_cost_what_the_table_says() {
    let app = stage().await;
    let ada = app.member("ada").await;
    let to_change = |body: Value| {
        let (app, access) = (&app, &ada.access);
        async move { app.call(Method::POST, "/auth/change-password", access, &body).await }
    };
    let changed = trips(5, 2).and_later(A_MAIL);
    hold(&app, Row("change-password", 204, changed), to_change(change(PASSWORD, ANOTHER))).await;
    // The next notice does not wait.
    app.pass(900_000);
    come_again(&app, &Member { password: ANOTHER.to_owned(), ..ada.clone() }).await;
    let changed = trips(6, 2).and_later(A_MAIL);
    let row = Row("change-password, with one more session", 204, changed);
    hold(&app, row, to_change(change(ANOTHER, PASSWORD))).await;
    hold(&app, Row("change-password, wrong", 401, trips(2, 1)), to_change(change("wrong", ANOTHER))).await;

    app.pass(900_000);
    let forgot = |email| {
        let (app, body) = (&app, json!({ "email": email }));
        async move { app.post("/auth/forgot-password", &body).await }
    };
    let asked = trips(2, 0).and_later(A_RESET);
    hold(&app, Row("forgot-password", 202, asked), forgot("ada@example.com")).await;
    let asked = trips(2, 0).and_later(NOBODY);
    hold(&app, Row("forgot-password, of nobody", 202, asked), forgot("bob@example.com")).await;
    let token = app.reset_token("ada@example.com", 1).await;
    let reset = trips(7, 2).and_later(A_MAIL);
    hold(&app, Row("reset-password, with one session", 204, reset), app.reset(&token, ANOTHER)).await;
    hold(&app, Row("reset-password, used", 401, trips(2, 0)), app.reset(&token, ANOTHER)).await;
    hold(&app, Row("reset-password, no token at all", 401, trips(1, 0)), app.reset("short", ANOTHER)).await;
}

#[tokio::test]
async fn profiles_cost_what_the_table_says() {
    let app = stage().await;
    let ada = app.member("ada").await;
    let (path, name) = ("/profile/resume", json!({"fullName": "Ada"}));
    hold(&app, Row("profile", 200, trips(1, 1)), call(&app, Method::GET, "/profile", &ada)).await;
    hold(&app, Row("profile's change", 200, trips(1, 1)), app.call(Method::PATCH, "/profile", &ada.access, &name))
        .await;
    hold(&app, Row("no resume", 404, trips(1, 1)), call(&app, Method::GET, path, &ada)).await;
    let (bearer, url) = (format!("Bearer {}", ada.access), format!("http://{}{path}", app.nodes[0].public));
    let put = |text: &'static str| {
        let (http, url, bearer) = (&app.http, &url, &bearer);
        async move { http.send(Method::PUT, url, &[("authorization", bearer)], text).await }
    };
    hold(&app, Row("resume, put", 201, trips(1, 1)), put("My life")).await;
    hold(&app, Row("resume, of one piece", 200, trips(1, 2)), call(&app, Method::GET, path, &ada)).await;
    let long: &'static str = "My life. ".repeat(20_000).leak();
    hold(&app, Row("resume, put again", 200, trips(1, 1)), put(long)).await;
    let read = hold(&app, Row("resume, of three pieces", 200, trips(1, 4)), call(&app, Method::GET, path, &ada)).await;
    assert_eq!(read.body, long.as_bytes());
    hold(&app, Row("resume, deleted", 204, trips(1, 1)), call(&app, Method::DELETE, path, &ada)).await;
}

#[tokio::test]
async fn what_a_member_is_refused_early_costs_little() {
    let app = stage().await;
    let ada = app.member("ada").await;
    let taken = json!({"username": "ada", "email": "bob@example.com", "password": PASSWORD});
    hold(&app, Row("signup, taken", 409, trips(1, 1)), app.post("/auth/signup", &taken)).await;
    let short = json!({"username": "a", "email": "a@example.com", "password": PASSWORD});
    hold(&app, Row("signup, a slip", 422, trips(2, 0)), app.post("/auth/signup", &short)).await;
    for login in ["ada", "nobody"] {
        hold(&app, Row("login, wrong", 401, trips(2, 1)), app.log_in(login, "wrong")).await;
    }
    for _ in 0..4 {
        app.log_in("nobody", "wrong").await.assert_problem(401, "invalid-credentials");
    }
    hold(&app, Row("login, to wait", 429, trips(3, 0)), app.log_in("nobody", "wrong")).await;
    hold(&app, Row("refresh, nothing like it", 401, NOTHING), app.refresh("nonsense")).await;
    let forged = format!("{}AAAA", &ada.refresh[..87]);
    hold(&app, Row("refresh, forged", 401, trips(1, 0)), app.refresh(&forged)).await;
    hold(&app, Row("me, nothing like a token", 401, NOTHING), app.me("nonsense")).await;
    let forged = format!("{}AAAA", &ada.access[..ada.access.len() - 4]);
    hold(&app, Row("me, forged", 401, NOTHING), app.me(&forged)).await;
}
