//! A candidate's way in, as most of them go.

use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::browser::{Browser, Viewport};

/// The page that a link opens.
pub(super) fn join(app: &TestApp, link: &Link) -> String {
    format!("http://{}{}", app.nodes[0].public, join_path(link))
}

pub(super) fn join_path(link: &Link) -> String {
    format!("/interview/join/{}", link.token)
}

pub(super) fn pre_check_path(link: &Link) -> String {
    format!("/interview/pre-check/{}", link.token)
}

/// The mark of the outstanding code.
pub(super) async fn mark(app: &TestApp, link: &Link) -> String {
    app.info(link).await.assert_status(200).text_of("ref")
}

#[tokio::test]
async fn a_candidate_gets_in_on_a_phone() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    for words in ["Welcome, Ada Lovelace", "Analyst", "a***@e***.com", "Your link works until"] {
        phone.see(words).await;
    }
    // Nobody has asked for anything: the focus is where the browser puts it.
    assert_eq!(phone.focused().await, "");
    phone.shot("join-info").await;
    phone.axe("join-info").await;

    phone.press("Send code").await;
    phone.see("Enter your code").await;
    assert_eq!(phone.focused().await, "Enter your code");
    phone.see(&format!("Look for the mail marked {}.", mark(&app, &link).await)).await;
    phone.shot("join-code").await;
    phone.axe("join-code").await;
    let code = app.nth_code(&link.email, 1).await;
    phone.paste("6-digit code", &format!("{} {}", &code[..3], &code[3..])).await;
    assert_eq!(phone.value("6-digit code").await, code);
    phone.press("Verify").await;

    phone.at(&pre_check_path(&link)).await;
    for (key, value) in [
        ("interview_token", link.token.as_str()),
        ("interview_candidate_name", "Ada Lovelace"),
        ("interview_position", "Analyst"),
    ] {
        assert_eq!(phone.storage(key).await.as_deref(), Some(value), "{key}");
    }
    let session = phone.storage("interview_session_token").await.unwrap();
    app.begin(&link, &session).await.assert_status(201);
    phone.close().await;
}

/// What a mail scanner does with a link: it asks whether there is something, reads it, and runs its script.
async fn scan(app: &TestApp, link: &Link, scanner: &Browser) {
    let url = join(app, link);
    for _ in 0..3 {
        app.http.send(hyper::Method::HEAD, &url, &[], "").await.assert_status(200);
        app.http.get(&url).await.assert_status(200);
        scanner.goto(&url).await;
        scanner.see("a***@e***.com").await;
    }
}

/// Types a code and Enter, to whatever has the focus.
async fn strike(browser: &Browser, code: &str) {
    for digit in code.chars() {
        browser.key(&digit.to_string()).await;
    }
    browser.key("Enter").await;
}

#[tokio::test]
async fn scanners_spend_nothing_and_a_keyboard_is_enough() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.clock.freeze();
    let fresh = app.info(&link).await.json();
    let browser = Browser::open(Viewport::Desktop).await;
    scan(&app, &link, &browser).await;
    assert_eq!(app.info(&link).await.json(), fresh);
    assert!(app.mails(&link.email).await.is_empty());

    assert_eq!(browser.focused().await, "");
    browser.key("Tab").await;
    assert_eq!(browser.focused().await, "Send code");
    browser.key("Enter").await;
    browser.see("Enter your code").await;
    let code = app.nth_code(&link.email, 1).await;
    let sent = app.info(&link).await.json();
    assert_eq!(sent["attemptsRemaining"], fresh["attemptsRemaining"]);
    scan(&app, &link, &browser).await;
    assert_eq!(app.info(&link).await.json(), sent);
    assert_eq!(app.mails(&link.email).await.len(), 1);

    // Past the clock, none of the requests was a scanner's.
    app.pass(60_000);
    assert_eq!(app.request(&link).await.assert_status(202).json()["requestsRemaining"], 3);
    browser.key("Tab").await;
    assert_eq!(browser.focused().await, "6-digit code");
    strike(&browser, &code).await;
    browser.see("That is an older code.").await;
    assert_eq!(browser.focused().await, "6-digit code");
    // What is typed next replaces what was wrong.
    strike(&browser, &app.nth_code(&link.email, 2).await).await;
    browser.at(&pre_check_path(&link)).await;
    browser.close().await;
}
