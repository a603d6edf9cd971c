//! Nobody answers: the page says so, keeps what was typed, and goes on by itself where it only reads.

use vestibule::redis::scripts;

use crate::pages::account::enter;
use crate::support::app::Setup;
use crate::support::browser::{Browser, Viewport};
use crate::support::until::until;
use crate::support::wire::Wired;

const UNAVAILABLE: &str = "We cannot answer just now.";
const NO_NETWORK: &str = "We cannot reach the server.";
/// A proxy that takes no more questions, until the test lets the page in.
const PROXY: &str = "const ask = fetch; globalThis.fetch = (path, init) => path !== '/auth/me' || globalThis.isLetIn \
    ? ask(path, init) : Promise.resolve(new Response('{\"retryAfter\":1}', { status: 429 }))";

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn an_account_outlasts_an_outage() {
    let Some(Wired { app, wire }) = Wired::start(Setup::new()).await else { return };
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.before_pages(PROXY).await;
    enter(&browser, &app, &ada).await;
    browser.see("Too many requests came from your network. This page asks again after").await;
    browser.shot("account-too-many").await;
    wire.refuse();
    browser.script("globalThis.isLetIn = true", &[]).await;
    browser.see(UNAVAILABLE).await;
    browser.shot("account-unavailable").await;
    browser.axe("an account that is unavailable").await;
    wire.heal();
    browser.see("Your profile is 0 of 5 complete.").await;
    browser.see("This device").await;
    browser.not_see(UNAVAILABLE).await;

    browser.fill("Full name", "Ada").await;
    wire.refuse();
    browser.press("Save profile").await;
    browser.see(UNAVAILABLE).await;
    browser.shot("account-unsaved").await;
    browser.axe("a profile that is not saved").await;
    assert_eq!(browser.value("Full name").await, "Ada");
    browser.press("Log out").await;
    until("the word that one is not logged out", async || {
        browser.text_of("#trouble").await.starts_with(UNAVAILABLE).then_some(())
    })
    .await;
    wire.heal();

    browser.offline(true).await;
    browser.press("Save profile").await;
    browser.see(NO_NETWORK).await;
    browser.offline(false).await;
    browser.press("Save profile").await;
    browser.see("Your profile is 1 of 5 complete.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn whose_new_password_may_be_set_already_is_told_so() {
    const NEW: &str = "another horse battery";
    const MAYBE: &str = "Your new password may be set already: log in with it to see.";
    let Some(Wired { app, wire }) = Wired::start(Setup::new()).await else { return };
    let ada = app.member("ada").await;
    // By mouse: of the second password that is tapped, this browser's emulation of touch drops the keys.
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &ada).await;
    browser.fill("Current password", &ada.password).await;
    browser.fill("New password", NEW).await;
    wire.lose_and_fall_silent(&scripts::PASSWORD_CHANGED);
    browser.press("Change password").await;
    browser.see(&format!("nothing that you typed is lost. {MAYBE}")).await;
    wire.heal();
    browser.press("Change password").await;
    browser.see(&format!("This is not your current password. {MAYBE}")).await;
    browser.shot("account-password-unsure").await;
    app.log_in("ada", NEW).await.assert_status(200);
    browser.close().await;
}
