//! Nobody answers, or an answer is lost.

use vestibule::redis::scripts;

use super::{CODE, SEND, VERIFY, state, try_code, wrong};
use crate::pages::candidate::{join, mark, pre_check_path};
use crate::support::app::Setup;
use crate::support::browser::{Browser, Viewport};
use crate::support::wire::Wired;

const UNAVAILABLE: &str = "Our server cannot answer just now. Nothing is lost, and we go on trying.";
const NO_NETWORK: &str = "We cannot reach the server. Check your connection; nothing is lost, and we go on trying.";

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn nothing_is_lost_while_nobody_answers() {
    let setup = Setup::new().set("redis.command_timeout", &"200ms");
    let Some(Wired { app, wire }) = Wired::start(setup).await else { return };
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    wire.refuse();
    phone.goto(&join(&app, &link)).await;
    phone.see(UNAVAILABLE).await;
    state(&phone, "join-unavailable-loading").await;
    wire.heal();
    phone.press(SEND).await;
    let code = app.nth_code(&link.email, 1).await;
    phone.fill(CODE, &code).await;

    wire.refuse();
    phone.press(VERIFY).await;
    phone.see(UNAVAILABLE).await;
    assert!(!phone.is_enabled(VERIFY).await);
    assert_eq!(phone.value(CODE).await, code);
    state(&phone, "join-unavailable").await;
    phone.offline(true).await;
    wire.heal();
    phone.see(NO_NETWORK).await;
    state(&phone, "join-no-network").await;
    phone.offline(false).await;
    phone.at(&pre_check_path(&link)).await;
    phone.close().await;
    drop(app);
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn an_answer_that_was_lost_is_not_guessed_at() {
    let setup = Setup::new().set("limits.otp_request.apart", &"0s");
    let Some(Wired { app, wire }) = Wired::start(setup).await else { return };
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Welcome, Ada Lovelace").await;
    // The node asks twice for what was decided; this browser is told of neither.
    wire.lose(&scripts::OTP_REQUEST, 2);
    phone.press(SEND).await;
    phone.see(UNAVAILABLE).await;
    phone.see("Enter your code").await;
    assert_eq!(wire.lost(), 2);
    let code = app.nth_code(&link.email, 1).await;

    wire.lose(&scripts::OTP_VERIFY, 2);
    try_code(&phone, &wrong(&code)).await;
    phone.see("Incorrect code, 2 attempts remaining.").await;
    assert_eq!(wire.lost(), 2);

    // Another device got in and has all attempts back, which this page does not know.
    app.verify(&link, &code).await.assert_status(200);
    app.request(&link).await.assert_status(202);
    let (code, mark) = (app.nth_code(&link.email, 2).await, mark(&app, &link).await);
    // Nothing else is asked meanwhile: what is under way with the answer is lost with it.
    wire.lose(&scripts::OTP_VERIFY, 2);
    try_code(&phone, &wrong(&code)).await;
    phone.see(&format!("Use the code from the mail marked {mark}.")).await;
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 2);
    state(&phone, "join-unsure").await;

    wire.lose(&scripts::OTP_VERIFY, 2);
    try_code(&phone, &code).await;
    phone.see("The connection broke while your code was being checked, and the code is used up.").await;
    phone.see("Welcome, Ada Lovelace").await;
    state(&phone, "join-answer-lost").await;
    assert_eq!(app.mails(&link.email).await.len(), 2);

    phone.press(SEND).await;
    phone.see("Enter your code").await;
    try_code(&phone, &app.nth_code(&link.email, 3).await).await;
    phone.at(&pre_check_path(&link)).await;
    phone.close().await;
    drop(app);
}
