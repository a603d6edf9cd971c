//! What is told before a change, and remembered after it: nobody slips through in between.

use hyper::Method;
use serde_json::{Value, json};
use vestibule::users::UserId;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::held::Held;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;
use crate::support::until::until;

const NEXT: &str = "another horse battery";

async fn change(app: &TestApp, member: &Member, current: &str, new: &str) -> crate::support::http::Answer {
    let body = json!({"currentPassword": current, "newPassword": new});
    app.call(Method::POST, "/auth/change-password", &member.access, &body).await
}

#[tokio::test]
async fn whatever_becomes_of_a_change_the_others_are_out() {
    let app = Setup::new().set("postgres.statement_timeout", &"300ms").start().await;
    let member = app.member("ada").await;
    let other = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    let lock = Held::writes(&app.database).await;
    change(&app, &member, PASSWORD, NEXT).await.assert_problem(503, "unavailable");
    app.me(&other.access).await.assert_problem(401, "unauthenticated");
    lock.release().await;
    app.me(&member.access).await.assert_status(200);
    app.refresh(&other.refresh).await.assert_problem(401, "refresh-invalid");
    change(&app, &member, PASSWORD, NEXT).await.assert_status(204);
    app.refresh(&member.refresh).await.assert_status(200);
}

#[tokio::test]
async fn the_session_that_changes_the_password_is_not_behind_for_a_moment() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let member = app.member("ada").await;
    let lock = Held::writes(&app.database).await;
    let changed = async {
        lock.has(1).await;
        // As if the change had been written, and Redis were to be told of it next.
        lock.overtake("UPDATE users SET password_version = 2").await;
    };
    let (answer, ()) = tokio::join!(change(&app, &member, PASSWORD, NEXT), changed);
    answer.assert_problem(401, "invalid-credentials");
    lock.release().await;
    app.me(&member.access).await.assert_status(200);
    app.pass(9_999);
    app.me(&member.access).await.assert_status(200);
    app.pass(1);
    app.me(&member.access).await.assert_problem(401, "unauthenticated");
    app.refresh(&member.refresh).await.assert_problem(401, "refresh-invalid");
}

#[tokio::test]
async fn a_role_is_remembered_for_a_log_in_that_is_under_way() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    app.call(Method::POST, "/auth/logout", &member.access, &Value::Null).await.assert_status(204);
    let account = app.keys().account(&UserId::parse(&member.id).unwrap().id()).name().to_owned();
    app.resp().call(&["DEL", &account]);
    assert!(app.run(&["user", "role", "ada", "admin"]).await.status.success());
    assert!(app.run(&["user", "role", "ada", "member"]).await.status.success());
    // What a log-in has read that began before.
    query(&app.database, "UPDATE users SET role = 'admin', role_version = role_version - 1").await;
    app.log_in("ada", PASSWORD).await.assert_status(200);
    let role = app.resp().call(&["HMGET", &account, "role", "rank"]);
    assert_eq!(role.array().iter().map(|value| value.text()).collect::<Vec<_>>(), ["member", "3"]);
}

#[tokio::test]
async fn changes_in_a_row_are_told_in_one_mail() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let member = app.member("ada").await;
    let notices = || async {
        let mails = app.mails(&member.email).await;
        mails.iter().filter(|mail| mail["subject"] == "Your Acme password was changed").count()
    };
    change(&app, &member, PASSWORD, NEXT).await.assert_status(204);
    until("a notice", || async { (notices().await == 1).then_some(()) }).await;
    for (current, new) in [(NEXT, PASSWORD), (PASSWORD, NEXT), (NEXT, PASSWORD)] {
        change(&app, &member, current, new).await.assert_status(204);
    }
    let id = UserId::parse(&member.id).unwrap().id();
    let queue = app.keys().queue(vestibule::jobs::Queue::Mail, app.keys().partition(&id)).name().to_owned();
    let due = app.resp().call(&["ZSCORE", &queue, &format!("notice-{id}")]).text().parse::<i64>().unwrap();
    assert_eq!(due - app.clock.now_us() / 1_000, 900_000);
    app.pass(899_999);
    assert_eq!(notices().await, 1);
    app.pass(1);
    until("the other notice", || async { (notices().await == 2).then_some(()) }).await;
}
