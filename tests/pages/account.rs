//! A member's account: the profile completed, a resume, the sessions, and out.

use std::path::PathBuf;

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport};
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::fresh_folder;

/// Where the pages keep the session.
pub(super) const KEY: &str = "vestibule_session";
const CV: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj";

/// Goes to the account with this member's session, kept as the log-in keeps it.
pub(super) async fn enter(browser: &Browser, app: &TestApp, member: &Member) {
    browser.goto(&url(app, "/login")).await;
    keep(browser, member).await;
    browser.goto(&url(app, "/account")).await;
}

pub(super) async fn keep(browser: &Browser, member: &Member) {
    browser.script("localStorage.setItem(...arguments)", &[json!(KEY), json!(session(member))]).await;
}

pub(super) fn session(member: &Member) -> String {
    json!({"accessToken": member.access, "refreshToken": member.refresh, "user": member.id}).to_string()
}

pub(super) fn url(app: &TestApp, path: &str) -> String {
    format!("http://{}{path}", app.nodes[0].public)
}

/// A file to choose.
pub(super) fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = fresh_folder("files").join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// The button that ends the first session of others.
pub(super) async fn end_button(browser: &Browser) -> String {
    browser.text_of("#sessions button:not([hidden])").await;
    let label = browser.script("return document.querySelector('#sessions button:not([hidden])').ariaLabel", &[]).await;
    label.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_completes_a_profile_and_leaves() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let other = Member::of(&app.log_in("ada", PASSWORD).await.assert_status(200).json(), PASSWORD);
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&url(&app, "/account")).await;
    browser.at("/login").await;

    enter(&browser, &app, &ada).await;
    browser.see("ada@example.com").await;
    browser.see("Your profile is 0 of 5 complete.").await;
    browser.shot("account-empty").await;
    browser.axe("an empty account").await;
    complete(&browser).await;
    let me = app.me(&ada.access).await.assert_status(200).json();
    let known = ["fullName", "phone", "yearsOfExperience", "skills"].map(|name| me[name].clone());
    assert_eq!(known, [json!("Ada Lovelace"), json!("+41446681800"), json!(12), json!(["Rust", "SQL"])]);

    browser.choose("Add your resume", &file("cv.pdf", CV)).await;
    browser.see("Your resume is uploaded.").await;
    browser.see("PDF · 1 kB").await;
    browser.see("Your profile is complete.").await;
    assert_eq!(app.call(Method::GET, "/profile/resume", &ada.access, &Value::Null).await.body, CV);

    browser.press(&end_button(&browser).await).await;
    browser.not_see("Unknown device Last used").await;
    assert_eq!(browser.focused().await, "Where you are logged in");
    app.me(&other.access).await.assert_problem(401, "unauthenticated");
    browser.shot("account-complete").await;
    browser.axe("a complete account").await;

    browser.press("Log out").await;
    browser.at("/login").await;
    assert_eq!(browser.storage(KEY).await, None);
    app.me(&ada.access).await.assert_problem(401, "unauthenticated");
    browser.close().await;
}

async fn complete(browser: &Browser) {
    browser.follow("Full name").await;
    assert_eq!(browser.focused().await, "Full name");
    browser.fill("Full name", "Ada Lovelace").await;
    browser.press("Save profile").await;
    browser.see("Your profile is 1 of 5 complete.").await;
    browser.see("Saved").await;
    assert_eq!(browser.text_of("#who").await, "Ada Lovelace");

    browser.fill("Phone number", "+41 44 668 18 00").await;
    browser.fill("Years of experience", "12").await;
    browser.not_see("Saved").await;
    browser.press("Save profile").await;
    browser.see("Your profile is 3 of 5 complete.").await;
    assert_eq!(browser.value("Phone number").await, "+41446681800");

    browser.fill("Skills", "Rust,").await;
    browser.paste("Skills", "Lua, rust,SQL").await;
    browser.press("Remove Lua").await;
    assert_eq!(browser.focused().await, "Remove SQL");
    browser.press("Save profile").await;
    browser.see("Your profile is 4 of 5 complete.").await;
}
