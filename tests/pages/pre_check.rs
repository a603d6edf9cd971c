//! The pre-check: somebody is seen and heard, starts, and comes back.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::browser::{Browser, Devices, Viewport, Window};

/// Keeps in the tab what the join page leaves there.
pub(super) const KEEP: &str =
    "for (const [key, value] of Object.entries(arguments[0])) sessionStorage.setItem(key, value)";

/// Comes to the pre-check on this node as the join page sends one there, with a session token.
pub(super) async fn arrive_with(browser: &Browser, node: SocketAddr, link: &Link, session_token: &str) {
    // A page of this origin that touches nothing.
    browser.goto(&format!("http://{node}/docs")).await;
    let kept = json!({
        "interview_session_token": session_token,
        "interview_token": link.token,
        "interview_candidate_name": "Ada Lovelace",
        "interview_position": "Analyst",
    });
    browser.script(KEEP, &[kept]).await;
    browser.goto(&format!("http://{node}{}", page_of(link))).await;
}

/// Verifies, and comes to the pre-check; answers the session token.
pub(super) async fn arrive(browser: &Browser, app: &TestApp, link: &Link) -> String {
    let code = app.code(link).await;
    let token = app.verify(link, &code).await.assert_status(200).text_of("sessionToken");
    arrive_with(browser, app.nodes[0].public, link, &token).await;
    token
}

pub(super) fn page_of(link: &Link) -> String {
    format!("/interview/pre-check/{}", link.token)
}

pub(super) async fn shown(browser: &Browser, name: &str) {
    browser.shot(name).await;
    browser.axe(name).await;
}

#[tokio::test]
async fn a_candidate_is_seen_and_heard_and_comes_back() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Window::new(Viewport::Phone).devices(Devices::Granted).open().await;
    let token = arrive(&browser, &app, &link).await;
    browser.see("Ada Lovelace · Analyst").await;
    browser.see("Camera Not tested yet").await;
    browser.see("Still to do: Camera, Microphone.").await;
    assert!(!browser.is_enabled("Start the interview").await);
    shown(&browser, "pre-check-untested").await;

    browser.press("Check camera and microphone").await;
    // The browser's microphone beeps.
    browser.see("Everything is ready. You can start.").await;
    assert_eq!(browser.focused().await, "Start the interview");
    shown(&browser, "pre-check-ready").await;
    let preview =
        "const { videoWidth, clientHeight } = preview; return videoWidth > 0 && clientHeight < innerHeight / 3";
    assert_eq!(browser.script(preview, &[]).await, true);

    browser.press("Start the interview").await;
    browser.see("You are in").await;
    assert_eq!(browser.focused().await, "You are in");
    assert_eq!(browser.script("return preview.srcObject", &[]).await, json!(null));
    let again = app.begin(&link, &token).await.assert_status(200);
    let session = again.text_of("sessionId");
    assert_eq!(browser.storage("interview_session_id").await, Some(session.clone()));
    assert_eq!(browser.storage("interview_started_at").await, Some(again.text_of("startedAt")));
    shown(&browser, "pre-check-in").await;

    browser.reload().await;
    browser.see("Your interview has begun").await;
    shown(&browser, "pre-check-begun").await;
    browser.press("Rejoin the interview").await;
    browser.see("You are in").await;
    assert_eq!(browser.storage("interview_session_id").await, Some(session));
    browser.close().await;
}
