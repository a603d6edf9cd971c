//! The forms of members: what is refused, waited for, cut off and shown, and that nothing typed goes astray.

use serde_json::json;
use vestibule::redis::scripts;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::browser::{Browser, Viewport, Window};
use crate::support::members::PASSWORD;
use crate::support::until::until;
use crate::support::wire::Wired;

const NEW: &str = "another horse battery";
const LOGIN: &str = "Username or e-mail address";

fn page(app: &TestApp, path: &str) -> String {
    format!("http://{}{path}", app.nodes[0].public)
}

async fn look(browser: &Browser, name: &str) {
    browser.shot(&format!("forms-{name}")).await;
    browser.axe(name).await;
}

async fn fill_in_sign_up(browser: &Browser, username: &str, password: &str) {
    browser.fill("Username", username).await;
    browser.fill("E-mail address", &format!("{username}@example.com")).await;
    browser.fill("Password", password).await;
}

async fn fill_in_log_in(browser: &Browser, login: &str, password: &str) {
    browser.fill(LOGIN, login).await;
    browser.fill("Password", password).await;
}

/// Asks for a reset as its page does, and opens the `n`th link that is mailed.
async fn open_reset_link(app: &TestApp, browser: &Browser, email: &str, n: usize) {
    app.post("/auth/forgot-password", &json!({ "email": email })).await.assert_status(202);
    let token = app.reset_token(email, n).await;
    browser.goto(&page(app, &format!("/reset-password#token={token}"))).await;
    browser.at("/reset-password").await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_the_server_refuses_stands_at_its_field() {
    let app = TestApp::start().await;
    app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.goto(&page(&app, "/signup")).await;
    fill_in_sign_up(&browser, "bob", "Password1").await;
    browser.press("Sign up").await;
    browser.see("Password is among the most common passwords; choose one that nobody would guess.").await;
    assert_eq!(browser.focused().await, "Password");
    look(&browser, "common-password").await;
    // It stays until the password is changed.
    browser.fill("Username", "ada").await;
    browser.see("Password is among the most common passwords").await;
    browser.fill("Password", "bob@EXAMPLE.com").await;
    browser.not_see("Password is among").await;
    browser.key("Enter").await;
    browser.see("The password must not be your username or e-mail address.").await;

    fill_in_sign_up(&browser, "ada", PASSWORD).await;
    browser.press("Sign up").await;
    browser.see("Username is taken already. Have you signed up before? Log in").await;
    browser.see("E-mail address is taken already.").await;
    assert_eq!(browser.focused().await, "Username");
    assert_eq!(browser.value("Password").await, PASSWORD);
    look(&browser, "taken").await;
    browser.fill("Username", "bob").await;
    browser.see("E-mail address is taken already.").await;
    browser.press("Sign up").await;
    browser.see("E-mail address is taken already. Have you signed up before? Log in").await;
    browser.not_see("Username is taken already.").await;
    browser.fill("E-mail address", "bob@example.com").await;
    browser.press("Sign up").await;
    browser.at("/account").await;
    // Who is logged in needs neither form.
    browser.goto(&page(&app, "/signup")).await;
    browser.at("/account").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_wrong_password_is_kept_and_leads_to_a_new_one() {
    let app = TestApp::start().await;
    app.member("ada").await;
    let browser = Window::new(Viewport::Desktop).dark().open().await;
    browser.goto(&page(&app, "/login")).await;
    browser.press("Log in").await;
    browser.see("Enter your username or e-mail address.").await;
    browser.see("Enter your password.").await;
    assert_eq!(browser.focused().await, LOGIN);
    look(&browser, "log-in-empty").await;

    for login in ["nobody", "ada"] {
        fill_in_log_in(&browser, login, "wrong horse").await;
        browser.press("Log in").await;
        browser.see("This name and password do not match. Check both and try again. Set a new password").await;
        let selected = "const { value, selectionStart, selectionEnd } = document.activeElement; \
            return value.slice(selectionStart, selectionEnd)";
        assert_eq!(browser.script(selected, &[]).await, "wrong horse");
    }
    assert_eq!(browser.focused().await, "Password");
    look(&browser, "log-in-wrong").await;
    browser.follow("Set a new password").await;
    browser.at("/forgot-password").await;
    browser.press("Send the link").await;
    browser.see("Enter your e-mail address.").await;
    browser.fill("E-mail address", "ada@example.com").await;
    browser.not_see("Enter your e-mail address.").await;
    browser.key("Enter").await;
    browser.see("Look in your mail").await;
    look(&browser, "forgot-sent").await;
    browser.press("Try another address").await;
    assert_eq!(browser.focused().await, "E-mail address");
    // A fault of the page's own.
    browser.expect("no plurals");
    browser.script("Intl.PluralRules.prototype.select = () => { throw new Error('no plurals') }", &[]).await;
    browser.key("Enter").await;
    browser.see("Something went wrong on our side.").await;
    assert!(browser.is_enabled("Send the link").await);
    browser.reload().await;
    browser.fill("E-mail address", "nobody@example.com").await;
    browser.key("Enter").await;
    browser.see("If somebody has signed up with nobody@example.com, a link is on its way there.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_wait_is_counted_down_and_ends() {
    let app = Setup::new().set("limits.login_account.max", &2).set("limits.forgot_ip.max", &1).start().await;
    app.member("ada").await;
    let browser = Window::new(Viewport::Phone).dark().open().await;
    browser.goto(&page(&app, "/login")).await;
    for _ in 0..2 {
        fill_in_log_in(&browser, "ada", "wrong horse").await;
        browser.press("Log in").await;
        browser.see("This name and password do not match.").await;
    }
    browser.press("Log in").await;
    browser.see("Too many tries. You can go on in ").await;
    browser.see("Set a new password").await;
    assert!(!browser.is_enabled("Log in").await);
    look(&browser, "log-in-wait").await;
    // Another name need not wait; this one still has to.
    browser.fill("Password", PASSWORD).await;
    assert!(!browser.is_enabled("Log in").await);
    browser.fill(LOGIN, "robert").await;
    browser.not_see("Too many tries.").await;
    browser.press("Log in").await;
    browser.see("This name and password do not match.").await;
    browser.fill(LOGIN, "ada").await;
    browser.press("Log in").await;
    browser.see("Too many tries. You can go on in ").await;
    pass(&app, &browser, 60_000).await;
    browser.not_see("Too many tries.").await;
    until("the word", async || (browser.script(SAID, &[]).await == "You can go on now.").then_some(())).await;
    browser.press("Log in").await;
    browser.at("/account").await;

    browser.goto(&page(&app, "/forgot-password")).await;
    browser.fill("E-mail address", "ada@example.com").await;
    browser.press("Send the link").await;
    browser.press("Try another address").await;
    browser.press("Send the link").await;
    browser.see("Too many tries. You can go on in ").await;
    assert!(!browser.is_enabled("Send the link").await);
    look(&browser, "forgot-wait").await;
    pass(&app, &browser, 3_600_000).await;
    browser.not_see("Too many tries.").await;
    browser.press("Send the link").await;
    browser.see("Look in your mail").await;
    browser.close().await;
}

/// Time passes for Redis and for the page, as it does for a phone that sleeps.
async fn pass(app: &TestApp, browser: &Browser, ms: u64) {
    app.pass(ms);
    let later = "const [now, ms] = [Date.now, arguments[0]]; Date.now = () => now() + ms";
    browser.script(later, &[json!(ms)]).await;
}

/// What was announced last.
const SAID: &str = "return document.getElementById('announcer').textContent";

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_was_typed_outlives_an_outage() {
    let Some(Wired { app, wire }) = Wired::start(Setup::new()).await else { return };
    let browser = Browser::open(Viewport::Phone).await;
    browser.goto(&page(&app, "/signup")).await;
    fill_in_sign_up(&browser, "ada", PASSWORD).await;
    wire.refuse();
    browser.press("Sign up").await;
    browser.see("We cannot answer just now. Please try again in a moment.").await;
    assert!(browser.text_of("[data-problem]").await.starts_with("We cannot answer just now."));
    look(&browser, "unavailable").await;
    browser.offline(true).await;
    browser.press("Sign up").await;
    browser.see("We cannot reach the server. Check your connection; nothing that you typed is lost.").await;
    assert!(browser.text_of("[data-problem]").await.starts_with("We cannot reach the server."));
    look(&browser, "offline").await;
    for (label, value) in [("Username", "ada"), ("E-mail address", "ada@example.com"), ("Password", PASSWORD)] {
        assert_eq!(browser.value(label).await, value);
    }
    wire.heal();
    until("Redis to be back", async || (app.log_in("nobody", PASSWORD).await.status == 401).then_some(())).await;
    browser.offline(false).await;
    // The server has made the account, and could not open a session.
    wire.lose(&scripts::SESSION_OPEN, 2);
    browser.press("Sign up").await;
    browser.see("Your account was made. Log in with it in a moment.").await;
    browser.follow("Log in").await;
    fill_in_log_in(&browser, "ada", PASSWORD).await;
    browser.press("Log in").await;
    browser.at("/account").await;
    // A proxy that cannot reach us, whatever it says, knows less than the page.
    browser.goto(&page(&app, "/forgot-password")).await;
    let bad_gateway = "window.fetch = async () => Response.json({ detail: 'upstream' }, { status: 502 })";
    browser.script(bad_gateway, &[]).await;
    browser.fill("E-mail address", "ada@example.com").await;
    browser.press("Send the link").await;
    browser.see("We cannot answer just now. Please try again in a moment; nothing that you typed is lost.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_browser_that_keeps_nothing_is_told_so() {
    const NOTHING_KEPT: &str = "Your browser keeps nothing for this site, so you cannot log in.";
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    let refuses = "for (const name of ['localStorage', 'sessionStorage']) \
        Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError') } })";
    browser.before_pages(refuses).await;
    browser.goto(&page(&app, "/account")).await;
    browser.at("/login").await;
    browser.see(NOTHING_KEPT).await;
    fill_in_log_in(&browser, "ada", PASSWORD).await;
    browser.press("Log in").await;
    browser.see(NOTHING_KEPT).await;
    assert!(browser.is_enabled("Log in").await);

    browser.goto(&page(&app, "/signup")).await;
    browser.see(NOTHING_KEPT).await;
    fill_in_sign_up(&browser, "bob", PASSWORD).await;
    browser.press("Sign up").await;
    browser.see(NOTHING_KEPT).await;
    assert!(browser.is_enabled("Sign up").await);
    look(&browser, "nothing-kept").await;
    // What could not be entered was not made.
    app.log_in("bob", PASSWORD).await.assert_problem(401, "invalid-credentials");

    open_reset_link(&app, &browser, &ada.email, 1).await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("Your new password is set").await;
    browser.close().await;
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_link_of_no_use_says_what_to_do() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&page(&app, "/reset-password")).await;
    browser.see("Open the link in your mail").await;
    look(&browser, "reset-missing").await;
    browser.goto(&page(&app, "/reset-password#token=garbage")).await;
    browser.see("New password").await;
    browser.at("/reset-password").await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("This link no longer works").await;
    assert_eq!(browser.focused().await, "This link no longer works");
    assert_eq!(browser.storage("vestibule_reset").await, None);
    look(&browser, "reset-refused").await;
    browser.follow("Ask for a new link").await;
    browser.at("/forgot-password").await;

    // A password that is refused does not spend the link, nor does a reload lose it.
    open_reset_link(&app, &browser, &ada.email, 1).await;
    browser.reload().await;
    browser.fill("New password", "Password1").await;
    browser.press("Set password").await;
    browser.see("New password is among the most common passwords").await;
    assert_eq!(browser.focused().await, "New password");
    look(&browser, "reset-common").await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("Your new password is set").await;
    assert_eq!(browser.storage("vestibule_reset").await, None);
    browser.reload().await;
    browser.see("Open the link in your mail").await;

    // Another one in the same tab, and the one that is used.
    open_reset_link(&app, &browser, &ada.email, 2).await;
    browser.see("New password").await;
    let used = app.reset_token(&ada.email, 1).await;
    browser.goto(&page(&app, &format!("/reset-password#token={used}"))).await;
    browser.at("/reset-password").await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("This link no longer works").await;
    browser.close().await;
    app.log_in("ada", NEW).await.assert_status(200);
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn passwords_are_pasted_shown_and_counted_as_people_do() {
    let app = TestApp::start().await;
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&page(&app, "/signup")).await;
    browser.see("Sign up").await;
    let order = ["Log in", "Username", "E-mail address", "Full name", "Password", "Show password", "Sign up"];
    for name in order {
        browser.key("Tab").await;
        assert_eq!(browser.focused().await, name);
    }
    let purposes = "return [...document.querySelectorAll('input')].map((field) => field.autocomplete).join()";
    assert_eq!(browser.script(purposes, &[]).await, "username,email,name,new-password");

    let kind = "const field = document.querySelector('#password, #newPassword'); const { dataset, ariaPressed } = \
        document.querySelector('[data-reveals]'); return [field.type, ariaPressed, dataset.reveals === field.id]";
    // 5 characters, though 10 code units; then 6 that a keyboard writes as 7.
    browser.paste("Password", "🐎🐎🐎🐎🐎").await;
    until("the paste", async || (browser.value("Password").await == "🐎🐎🐎🐎🐎").then_some(())).await;
    assert_eq!(browser.script(kind, &[]).await, json!(["password", "false", true]));
    browser.press("Show password").await;
    assert_eq!(browser.script(kind, &[]).await, json!(["text", "true", true]));
    browser.see("The password needs at least 6 characters.").await;
    look(&browser, "password-shown").await;
    browser.paste("Password", "e\u{301}🐎🐎🐎🐎").await;
    browser.see("The password needs at least 6 characters.").await;
    browser.paste("Password", "e\u{301}🐎🐎🐎🐎🐎").await;
    browser.not_see("The password needs at least 6 characters.").await;
    browser.press("Show password").await;
    assert_eq!(browser.script(kind, &[]).await, json!(["password", "false", true]));
    browser.press("Show password").await;
    browser.paste("Password", &"x".repeat(1_025)).await;
    browser.see("The password can have at most 1024 characters.").await;
    browser.fill("Full name", &"y".repeat(101)).await;
    browser.press("Sign up").await;
    browser.see("A name has at most 100 characters.").await;
    assert_eq!(browser.script(kind, &[]).await, json!(["password", "false", true]));

    browser.goto(&page(&app, "/login")).await;
    assert_eq!(browser.script(purposes, &[]).await, "username,current-password");
    browser.press("Show password").await;
    browser.goto(&page(&app, "/forgot-password")).await;
    assert_eq!(browser.script(purposes, &[]).await, "email");
    browser.goto(&page(&app, "/reset-password#token=x")).await;
    assert_eq!(browser.script(purposes, &[]).await, "new-password");
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn nothing_typed_is_told_to_anybody() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.goto(&page(&app, "/login")).await;
    listen(&browser).await;
    fill_in_log_in(&browser, "ada", NEW).await;
    browser.key("Enter").await;
    browser.see("do not match").await;
    assert_nothing_told(&browser, &[NEW]).await;
    // As browsers do where the script has not come.
    browser.expect("form-action");
    browser.script("document.forms[0].submit()", &[]).await;
    assert_nothing_told(&browser, &[NEW]).await;

    browser.goto(&page(&app, "/signup")).await;
    listen(&browser).await;
    fill_in_sign_up(&browser, "ada", NEW).await;
    browser.press("Sign up").await;
    browser.see("Username is taken already.").await;
    assert_nothing_told(&browser, &[NEW]).await;

    open_reset_link(&app, &browser, &ada.email, 1).await;
    let token = app.reset_token(&ada.email, 1).await;
    listen(&browser).await;
    browser.fill("New password", "Password1").await;
    browser.press("Set password").await;
    browser.see("most common").await;
    assert_nothing_told(&browser, &[&token, "Password1"]).await;
    browser.fill("New password", NEW).await;
    browser.press("Set password").await;
    browser.see("Your new password is set").await;
    assert_nothing_told(&browser, &[&token, NEW]).await;
    browser.follow("Log in").await;
    browser.at("/login").await;
    browser.back().await;
    browser.at("/reset-password").await;
    browser.see("Open the link in your mail").await;
    // There is no entry with the token between them.
    browser.back().await;
    browser.at("/signup").await;
    browser.close().await;
}

/// From now on, whatever the page says to the console is noted.
async fn listen(browser: &Browser) {
    let note = "window.said = []; for (const kind of ['log', 'info', 'debug', 'warn', 'error', 'dir', 'table', 'trace']) \
        console[kind] = (...words) => window.said.push(words.join(' '))";
    browser.script(note, &[]).await;
}

/// Neither where the browser is, was and has asked, nor what the page said to the console or keeps, holds these.
async fn assert_nothing_told(browser: &Browser, secrets: &[&str]) {
    let told = "return JSON.stringify([location.href, document.referrer, document.title, history.state, \
        performance.getEntriesByType('resource').map(({ name }) => name), window.said, Object.entries(localStorage)])";
    let told = browser.script(told, &[]).await;
    let told = told.as_str().unwrap();
    assert!(told.contains("/assets/") && !secrets.iter().any(|secret| told.contains(secret)), "{told}");
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn without_scripts_a_form_can_be_read() {
    let app = TestApp::start().await;
    let browser = Window::new(Viewport::Phone).without_scripts().open().await;
    for (path, words) in [
        ("/signup", "Several words are easy to remember and hard to guess."),
        ("/login", "Forgot your password?"),
        ("/forgot-password", "We will mail you a link to set a new password."),
        ("/reset-password", "Every device that is logged in to your account will be logged out."),
    ] {
        browser.goto(&page(&app, path)).await;
        browser.see("This page needs JavaScript to talk to our server.").await;
        browser.see(words).await;
        browser.shot(&format!("forms-no-script{}", path.replace('/', "-"))).await;
    }
    browser.close().await;
}
