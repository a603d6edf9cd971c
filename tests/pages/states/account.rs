//! What an account says when something is wrong, and what other tabs and devices do to it.

mod outages;
mod resume;
mod sessions;

use serde_json::{Value, json};

use crate::pages::account::{enter, url};
use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport, Window};
use crate::support::members::Member;
use crate::support::until::until;

async fn skills_of(app: &TestApp, member: &Member) -> Value {
    app.me(&member.access).await.assert_status(200).json()["skills"].take()
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_profile_says_what_is_wrong_at_its_fields() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Window::new(Viewport::Phone).dark().open().await;
    enter(&browser, &app, &ada).await;
    browser.fill("Full name", &"é".repeat(101)).await;
    browser.fill("Phone number", "044 668 18 00").await;
    browser.fill("Years of experience", "61").await;
    browser.fill("Skills", &"é".repeat(51)).await;
    browser.press("Save profile").await;
    browser.see("A name has at most 100 characters.").await;
    browser.see("Begin with + and the country’s code").await;
    browser.see("Enter a whole number from 0 to 60.").await;
    browser.see("A skill has at most 50 characters.").await;
    assert_eq!(browser.focused().await, "Full name");
    browser.shot("account-wrong").await;
    browser.axe("a profile that is wrong").await;

    browser.fill("Full name", "Ada").await;
    browser.fill("Years of experience", "0").await;
    // It could be one; the server knows that it is none.
    browser.fill("Phone number", "+41 44").await;
    browser.fill("Skills", "Rust, SQL, rust").await;
    browser.press("Save profile").await;
    browser.see("rust is in the list already.").await;
    browser.fill("Skills", "").await;
    browser.press("Save profile").await;
    browser.see("Phone number must be a phone number with its country's code").await;
    assert_eq!(browser.focused().await, "Phone number");
    browser.shot("account-refused").await;
    browser.axe("a profile that is refused").await;
    let asks = "return dispatchEvent(new Event('beforeunload', { cancelable: true }))";
    assert_eq!(browser.script(asks, &[]).await, false, "it would be lost");

    browser.fill("Phone number", "").await;
    browser.press("Save profile").await;
    browser.see("Your profile is 3 of 5 complete.").await;
    assert_eq!(browser.script(asks, &[]).await, true, "all is saved");
    browser.fill("Full name", "").await;
    browser.press("Remove Rust").await;
    browser.press("Remove SQL").await;
    assert_eq!(browser.focused().await, "Skills");
    browser.press("Save profile").await;
    browser.see("Your profile is 1 of 5 complete.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_is_changed_while_a_profile_is_saved_stays() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &ada).await;
    browser.fill("Skills", "Rust,SQL,").await;
    browser.hold_answers("/profile").await;
    browser.press("Save profile").await;
    until("the skills", async || (skills_of(&app, &ada).await == json!(["Rust", "SQL"])).then_some(())).await;
    browser.press("Remove SQL").await;
    browser.fill("Skills", "Lua,").await;
    browser.let_go().await;
    browser.see("Your profile is 1 of 5 complete.").await;
    browser.not_see("Saved").await;
    browser.press("Save profile").await;
    browser.see("Saved").await;
    assert_eq!(skills_of(&app, &ada).await, json!(["Rust", "Lua"]));
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn without_scripts_an_account_says_what_it_needs() {
    let app = TestApp::start().await;
    let browser = Window::new(Viewport::Phone).without_scripts().open().await;
    browser.goto(&url(&app, "/account")).await;
    browser.see("This page needs JavaScript").await;
    browser.not_see("One moment").await;
    browser.shot("account-without-scripts").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_password_is_changed_and_the_others_are_logged_out() {
    const NEW: &str = "another horse battery";
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let other = app.log_in("ada", &ada.password).await.assert_status(200).text_of("accessToken");
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &ada).await;
    browser.see("Unknown device Last used").await;
    browser.press("Change password").await;
    browser.see("Enter your password.").await;
    assert_eq!(browser.focused().await, "Current password");
    browser.fill("Current password", "wrong horse battery").await;
    browser.fill("New password", "ADA").await;
    browser.press("Change password").await;
    browser.see("The password needs at least 6 characters.").await;
    browser.fill("New password", "password").await;
    browser.press("Change password").await;
    browser.see("New password is among the most common passwords").await;
    browser.fill("New password", NEW).await;
    browser.press("Change password").await;
    browser.see("This is not your current password.").await;
    assert_eq!(browser.focused().await, "Current password");
    browser.shot("account-password-wrong").await;
    browser.axe("a wrong password").await;

    browser.fill("Current password", &ada.password).await;
    browser.press("Change password").await;
    browser.see("Your password is changed.").await;
    browser.not_see("Unknown device Last used").await;
    assert_eq!(browser.value("New password").await, "");
    browser.shot("account-password-changed").await;
    app.me(&other).await.assert_problem(401, "unauthenticated");
    app.me(&ada.access).await.assert_status(200);
    app.log_in("ada", NEW).await.assert_status(200);

    for _ in 0..5 {
        browser.fill("Current password", "wrong horse battery").await;
        browser.fill("New password", &ada.password).await;
        browser.press("Change password").await;
        browser.see("This is not your current password.").await;
    }
    browser.fill("Current password", "wrong horse battery").await;
    browser.press("Change password").await;
    browser.see("Too many tries. You can go on in").await;
    assert!(!browser.is_enabled("Change password").await);
    browser.shot("account-password-throttled").await;
    browser.axe("too many wrong passwords").await;
    browser.close().await;
}
