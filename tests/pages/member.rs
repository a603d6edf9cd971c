//! A member's way through the pages: sign up, come back, and come back without the password.

use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport};
use crate::support::members::PASSWORD;

const NEW: &str = "another horse battery";

#[tokio::test]
async fn a_member_finds_the_way_on_a_phone() {
    a_member_finds_the_way(Viewport::Phone).await;
}

#[tokio::test]
async fn a_member_finds_the_way_at_a_desk() {
    a_member_finds_the_way(Viewport::Desktop).await;
}

async fn a_member_finds_the_way(viewport: Viewport) {
    let app = TestApp::start().await;
    let page = |path: &str| format!("http://{}{path}", app.nodes[0].public);
    let browser = Browser::open(viewport).await;
    browser.goto(&page("/login")).await;
    browser.follow("Sign up").await;
    sign_up(&browser).await;

    leave(&browser).await;
    browser.goto(&page("/login")).await;
    look(&browser, "log-in").await;
    log_in(&browser, "ADA", PASSWORD).await;

    leave(&browser).await;
    browser.goto(&page("/login")).await;
    browser.follow("Forgot your password?").await;
    browser.at("/forgot-password").await;
    look(&browser, "forgot").await;
    browser.fill("E-mail address", "ada@example.com").await;
    browser.press("Send the link").await;
    browser.see("If somebody has signed up with ada@example.com, a link is on its way there.").await;
    browser.see("It works for 15 minutes").await;
    browser.see("If you asked several times, use the newest mail, or wait 15 minutes").await;
    assert_eq!(browser.focused().await, "Look in your mail");
    look(&browser, "forgot-sent").await;

    let token = app.reset_token("ada@example.com", 1).await;
    browser.goto(&page(&format!("/reset-password#token={token}"))).await;
    browser.at("/reset-password").await;
    look(&browser, "reset").await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("Your new password is set").await;
    assert_eq!(browser.focused().await, "Your new password is set");
    look(&browser, "reset-done").await;
    browser.follow("Log in").await;
    log_in(&browser, "ada@example.com", NEW).await;
    browser.close().await;
}

/// With slips on the way, which the page tells before anything is sent.
async fn sign_up(browser: &Browser) {
    browser.at("/signup").await;
    look(browser, "sign-up").await;
    browser.fill("Username", "ada l").await;
    browser.see("A username has only letters A to Z, digits and underscores.").await;
    browser.fill("Username", "ad").await;
    browser.not_see("A username has").await;
    browser.fill("E-mail address", "ada").await;
    browser.see("A username has at least 3 characters.").await;
    browser.not_see("This is not an e-mail address yet.").await;
    browser.fill("Password", "short").await;
    browser.see("This is not an e-mail address yet.").await;
    browser.press("Sign up").await;
    browser.see("The password needs at least 6 characters.").await;
    assert_eq!(browser.focused().await, "Username");
    look(browser, "sign-up-slips").await;

    browser.fill("Username", "ada").await;
    browser.not_see("A username has").await;
    browser.fill("E-mail address", "ada@example.com").await;
    browser.fill("Full name", "Ada Lovelace").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign up").await;
    browser.at("/account").await;
}

async fn log_in(browser: &Browser, login: &str, password: &str) {
    browser.at("/login").await;
    browser.fill("Username or e-mail address", login).await;
    browser.fill("Password", password).await;
    browser.press("Log in").await;
    browser.at("/account").await;
    assert!(browser.storage("vestibule_session").await.is_some());
}

/// The session goes, as at a log-out; the account's page is another test's.
async fn leave(browser: &Browser) {
    browser.script("localStorage.clear()", &[]).await;
}

async fn look(browser: &Browser, name: &str) {
    browser.shot(&format!("member-{name}")).await;
    browser.axe(name).await;
}
