//! Whatever else may happen to a candidate on the way in.

mod outages;

use serde_json::json;

use crate::pages::candidate::{join, join_path, mark, pre_check_path};
use crate::pages::pre_check::KEEP;
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::browser::{Browser, Viewport, Window};
use crate::support::postgres::query;
use crate::support::until::until;

const CODE: &str = "6-digit code";
const SEND: &str = "Send code";
const RESEND: &str = "Send a new code";
const VERIFY: &str = "Verify";

/// Too many requests, in words that are not ours; to come back after so many seconds.
const PROXY: &str = "
    const now = Date.now();
    const date = (seconds) => new Date(now + seconds * 1000).toUTCString();
    const [seconds] = arguments;
    const headers = seconds === null ? {} : { date: date(-600), 'retry-after': date(seconds - 600) };
    window.fetch = async () => new Response('<p>Slow down</p>', { status: 429, headers });";

/// What `info` says is held back until `release` is called.
const HOLD: &str = "
    const real = window.fetch;
    const held = new Promise((release) => window.release = release);
    window.fetch = async (path, init) => {
        const answer = await real(path, init);
        if (!path.endsWith('/info')) return answer;
        const text = await answer.text();
        window.holds = true;
        return { status: answer.status, headers: answer.headers, text: () => held.then(() => text) };
    };";
/// Comes back when the page has read it.
const RELEASE: &str = "release(); return new Promise((done) => setTimeout(done))";

/// A picture of a state that everybody can use.
#[track_caller]
fn state(browser: &Browser, name: &str) -> impl Future<Output = ()> {
    let axe = browser.axe(name);
    async move {
        browser.shot(name).await;
        axe.await;
    }
}

/// What stands at the input of the code.
async fn error(browser: &Browser) -> String {
    browser.text_of("#code-error").await
}

/// Six digits that are not the code.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '7' { '8' } else { '7' }).collect()
}

async fn try_code(browser: &Browser, code: &str) {
    browser.fill(CODE, code).await;
    browser.press(VERIFY).await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_link_that_is_dead_says_what_to_do() {
    let app = TestApp::start().await;
    let (expired, revoked) =
        (app.invite_with("ada@example.com", &["--expires-hours", "1"]).await, app.invite("bob@example.com").await);
    let phone = Window::new(Viewport::Phone).dark().open().await;
    phone.goto(&join(&app, &revoked)).await;
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    app.revoke(&revoked).await;
    try_code(&phone, "123456").await;
    phone.see("This link no longer works").await;
    assert_eq!(phone.focused().await, "This link no longer works");
    phone.not_see("Enter your code").await;
    state(&phone, "join-gone").await;

    app.info(&expired).await.assert_status(200);
    app.pass(3_600_000);
    // Never issued; and what can never have been.
    let unknown = Link { token: "A".repeat(32), ..revoked.clone() };
    let garbage = Link { token: "garbage".to_owned(), ..revoked.clone() };
    phone.expect("404");
    for dead in [&expired, &revoked, &unknown, &garbage] {
        phone.goto(&join(&app, dead)).await;
        phone.see("It has expired, was replaced by a newer one, or was withdrawn.").await;
        phone.see("Look in your mail for the newest invitation").await;
        assert_eq!(phone.script("return document.title", &[]).await, "This link no longer works · Acme");
    }
    state(&phone, "join-garbage").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn without_scripts_the_page_says_what_it_is_for() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Window::new(Viewport::Phone).without_scripts().open().await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Here you confirm your e-mail address with a code").await;
    phone.see("This page needs JavaScript").await;
    phone.not_see("One moment").await;
    phone.shot("join-no-script").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_browser_that_keeps_nothing_is_sent_no_code() {
    const REFUSE: &str = "Object.defineProperty(window, 'sessionStorage', \
        { get() { throw new DOMException('', 'SecurityError') } })";
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.before_pages(REFUSE).await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Welcome, Ada Lovelace").await;
    phone.see("Your browser keeps nothing for this site, so it cannot let you in.").await;
    assert!(!phone.is_enabled(SEND).await);
    state(&phone, "join-no-storage").await;

    app.code(&link).await;
    app.pass(60_000);
    phone.reload().await;
    phone.fill(CODE, "123456").await;
    phone.key("Enter").await;
    phone.see("Your browser keeps nothing for this site").await;
    assert!(!phone.is_enabled(VERIFY).await);
    assert!(!phone.is_enabled(RESEND).await);
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], 3);
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn wrong_codes_lock_and_the_lock_ends() {
    let setup = Setup::new().set("limits.otp_attempt.cooldown", &"4s").set("limits.otp_request.apart", &"1s");
    let app = setup.start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.press(SEND).await;
    let code = app.nth_code(&link.email, 1).await;
    try_code(&phone, &wrong(&code)).await;
    phone.see("Incorrect code, 2 attempts remaining.").await;
    assert_eq!(phone.focused().await, CODE);
    state(&phone, "join-wrong").await;
    phone.reload().await;
    phone.see("2 attempts remaining.").await;
    try_code(&phone, &wrong(&code)).await;
    phone.see("Incorrect code, 1 attempt remaining.").await;

    phone.script(HOLD, &[]).await;
    // The clocks of page and server part here: a page on a loaded machine sees all of the lock.
    try_code(&phone, &wrong(&code)).await;
    phone.see("Too many wrong codes").await;
    phone.see("You can ask for a new one in").await;
    assert!(!phone.is_enabled(VERIFY).await);
    assert!(!phone.is_enabled(RESEND).await);
    assert_eq!(phone.focused().await, "Too many wrong codes");
    state(&phone, "join-locked").await;

    phone.see("You can ask for a new code now.").await;
    phone.see("Welcome, Ada Lovelace").await;
    state(&phone, "join-unlocked").await;
    until("what the link was", async || (phone.script("return window.holds", &[]).await == true).then_some(())).await;
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    // What was true before that comes late.
    phone.script(RELEASE, &[]).await;
    phone.see("Enter your code").await;
    phone.not_see("remaining").await;
    try_code(&phone, &app.nth_code(&link.email, 2).await).await;
    phone.at(&pre_check_path(&link)).await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_lock_is_there_after_a_reload_and_on_another_device() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Enter your code").await;
    for _ in 0..3 {
        app.verify(&link, &wrong(&code)).await;
    }
    try_code(&phone, &code).await;
    phone.see("Too many wrong codes").await;
    phone.reload().await;
    phone.see("Too many wrong codes").await;
    let desktop = Window::new(Viewport::Desktop).dark().open_beside(&phone).await;
    desktop.goto(&join(&app, &link)).await;
    desktop.see("Too many wrong codes").await;
    assert!(!desktop.is_enabled(VERIFY).await);
    state(&desktop, "join-locked").await;
    desktop.close().await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn codes_are_taken_as_people_type_them() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.code(&link).await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Enter your code").await;
    let before = app.info(&link).await.json()["attemptsRemaining"].clone();
    for short in ["", "12345", "no digits"] {
        try_code(&phone, short).await;
        phone.see("The code has 6 digits. Type all of them.").await;
        assert_eq!(phone.focused().await, CODE);
    }
    state(&phone, "join-short").await;
    assert_eq!(app.info(&link).await.json()["attemptsRemaining"], before);

    for pasted in [
        "123 456",
        "123-456",
        " 123456\n",
        "Your code is 123456",
        "123456 is your Studio 54 interview code (K7Q)",
        "K7Q: 123456",
        "1 2 3 4 5 6",
        "12345678",
        "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
        "\u{ff11}\u{ff12}\u{ff13} \u{ff14}\u{ff15}\u{ff16}",
    ] {
        phone.paste(CODE, pasted).await;
        assert_eq!(phone.value(CODE).await, "123456", "{pasted:?}");
    }
    for typed in ["1a2b3c4d5e6", "1234567", "\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}\u{6f6}"] {
        phone.fill(CODE, typed).await;
        assert_eq!(phone.value(CODE).await, "123456", "{typed:?}");
    }
    // The last digit of a row, and its zero.
    phone.paste(CODE, "\u{669}\u{660}\u{669}\u{660}\u{669}\u{660}").await;
    assert_eq!(phone.value(CODE).await, "909090");
    // Filled in, as a keyboard offers it out of the mail.
    let fill = "const code = document.getElementById('code'); code.value = arguments[0]; \
        code.dispatchEvent(new Event('input', { bubbles: true })); return code.value";
    assert_eq!(phone.script(fill, &["654 321".into()]).await, "654321");
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn the_newest_code_counts_and_only_while_it_lives() {
    let app = Setup::new().set("limits.otp_request.apart", &"2s").start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.press(SEND).await;
    let old = app.nth_code(&link.email, 1).await;
    phone.see("Send a new code in 0:0").await;
    state(&phone, "join-resend").await;
    phone.press(RESEND).await;
    phone.see("A new code is on its way, marked").await;
    assert_eq!(phone.focused().await, CODE);
    state(&phone, "join-resent").await;
    let new = app.nth_code(&link.email, 2).await;
    let marked = format!("Use the one from the mail marked {}.", mark(&app, &link).await);
    try_code(&phone, &old).await;
    phone.see(&marked).await;
    assert!(error(&phone).await.contains(&marked));
    state(&phone, "join-superseded").await;

    app.pass(600_000);
    try_code(&phone, &new).await;
    phone.see("The code no longer works: it was used, or its time is over. Ask for a new one.").await;
    phone.see("Welcome, Ada Lovelace").await;
    state(&phone, "join-expired").await;
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_full_window_says_so() {
    let setup = Setup::new().set("limits.otp_request.max", &3).set("limits.otp_request.apart", &"0s");
    let app = setup.start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    phone.press(RESEND).await;
    phone.see("You can ask for one more").await;
    // Asked for elsewhere: this page does not know.
    app.request(&link).await.assert_status(202);
    phone.press(RESEND).await;
    phone.see("Several codes were sent in a short time.").await;
    phone.see("Send a new code in ").await;
    phone.see(&mark(&app, &link).await).await;
    state(&phone, "join-request-limit").await;

    app.pass(600_000);
    phone.reload().await;
    phone.press(SEND).await;
    phone.press(RESEND).await;
    phone.see("You can ask for one more").await;
    phone.press(RESEND).await;
    phone.see("You cannot ask for another for some minutes").await;
    state(&phone, "join-last-code").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_code_that_another_device_asked_for_is_found() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.see("Welcome, Ada Lovelace").await;
    let code = app.code(&link).await;
    phone.press(SEND).await;
    phone.see("A code was sent a moment ago").await;
    phone.see("Enter your code").await;
    state(&phone, "join-too-soon").await;

    // This tab comes into sight again, with half a code.
    phone.fill(CODE, "12").await;
    app.pass(60_000);
    app.request(&link).await.assert_status(202);
    let newer = mark(&app, &link).await;
    let back = "const now = Date.now(); const set = (name, value) => \
        Object.defineProperty(name === 'now' ? Date : document, name, { value, configurable: true, writable: true }); \
        const turn = (hidden) => { set('hidden', hidden); document.dispatchEvent(new Event('visibilitychange')); }; \
        turn(true); set('now', () => now + 60000); turn(false); delete document.hidden";
    phone.script(back, &[]).await;
    phone.see(&format!("Look for the mail marked {newer}.")).await;
    assert_eq!(phone.value(CODE).await, "12");
    assert_eq!(phone.focused().await, CODE);
    phone.reload().await;
    phone.see(&newer).await;
    try_code(&phone, &code).await;
    phone.see("That is an older code.").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn the_way_back_from_the_pre_check_leads_on_again() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let desktop = Browser::open(Viewport::Desktop).await;
    desktop.goto(&join(&app, &link)).await;
    try_code(&desktop, &code).await;
    desktop.at(&pre_check_path(&link)).await;
    for _ in 0..2 {
        desktop.back().await;
        desktop.at(&join_path(&link)).await;
        desktop.see("You have confirmed your e-mail").await;
        desktop.follow("Continue").await;
        desktop.at(&pre_check_path(&link)).await;
    }
    desktop.back().await;
    desktop.see("You have confirmed your e-mail").await;
    state(&desktop, "join-verified").await;
    // A day later; and back.
    let kept = desktop.script("return { ...sessionStorage }", &[]).await;
    assert!(kept["interview_session_ends_at"].as_str().unwrap() > "2026");
    desktop.script(KEEP, &[json!({ "interview_session_ends_at": "2020-01-01T00:00:00.000Z" })]).await;
    desktop.goto(&format!("http://{}{}", app.nodes[0].public, pre_check_path(&link))).await;
    desktop.at(&join_path(&link)).await;
    desktop.see("Your session is over. Ask for a new code to go on.").await;
    desktop.see("Welcome, Ada Lovelace").await;
    desktop.script(KEEP, &[kept]).await;
    desktop.reload().await;
    desktop.press("Use a new code").await;
    desktop.see("Welcome, Ada Lovelace").await;
    assert_eq!(desktop.storage("interview_session_token").await, None);
    app.revoke(&link).await;
    desktop.reload().await;
    desktop.see("This link no longer works").await;
    desktop.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn too_many_requests_from_one_address_wait() {
    let setup = Setup::new().set("limits.candidate_ip.max", &3).set("limits.candidate_ip.window", &"2s");
    let app = setup.start().await;
    let link = app.invite("ada@example.com").await;
    // However long the steps take, they are in one window.
    app.clock.freeze();
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    try_code(&phone, "123").await;
    app.info(&link).await.assert_status(200);
    try_code(&phone, "123456").await;
    phone.see("Too many tries. You can go on in 0:0").await;
    assert!(!phone.is_enabled(VERIFY).await);
    state(&phone, "join-limited").await;
    app.pass(2_000);
    phone.see("You can go on now.").await;
    assert!(phone.is_enabled(VERIFY).await);
    assert_eq!(phone.value(CODE).await, "123456");

    // A proxy's own limit: in words alone; and by its clock.
    phone.script(PROXY, &[json!(null)]).await;
    phone.press(VERIFY).await;
    phone.see("Too many tries. You can go on in 0:0").await;
    assert!(!phone.is_enabled(VERIFY).await);
    phone.see("You can go on now.").await;
    phone.script(PROXY, &[75.into()]).await;
    phone.press(VERIFY).await;
    phone.see("Too many tries. You can go on in 1:1").await;

    // Both windows that count are empty then.
    app.pass(4_000);
    for _ in 0..3 {
        app.info(&link).await.assert_status(200);
    }
    phone.reload().await;
    phone.see("Too many tries. You can go on in 0:0").await;
    app.pass(4_000);
    phone.see("Enter your code").await;
    phone.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn the_narrowest_phone_and_the_largest_text_show_all() {
    const NAME: &str = "Wolfeschlegelsteinhausenbergerdorff";
    let app = Setup::new().set("limits.otp_attempt.max", &2).start().await;
    let link = app.invite("ada@example.com").await;
    query(&app.database, &format!("UPDATE interviews SET candidate_name = '{NAME}'")).await;
    let phone = Browser::open(Viewport::Phone).await;
    phone.goto(&join(&app, &link)).await;
    phone.width(320).await;
    for (size, name) in [("100%", "join-narrow"), ("200%", "join-narrow-large")] {
        phone.script("document.documentElement.style.fontSize = arguments[0]", &[size.into()]).await;
        phone.see(NAME).await;
        assert_fits(&phone, name).await;
    }
    phone.press(SEND).await;
    phone.see("Enter your code").await;
    try_code(&phone, &wrong(&app.nth_code(&link.email, 1).await)).await;
    phone.see("1 attempt remaining").await;
    assert_fits(&phone, "join-narrow-large-code").await;
    phone.press(VERIFY).await;
    phone.see("Too many wrong codes").await;
    assert_fits(&phone, "join-narrow-large-locked").await;
    phone.close().await;
}

/// Nothing stands beside the page.
async fn assert_fits(browser: &Browser, name: &str) {
    browser.shot(name).await;
    let widths = "return [document.documentElement.scrollWidth, innerWidth]";
    assert_eq!(browser.script(widths, &[]).await, json!([320, 320]), "{name}");
}
