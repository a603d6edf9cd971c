//! Sessions: renewed unnoticed, shared by tabs, ended elsewhere, ended everywhere.

use hyper::Method;
use serde_json::{Value, json};

use crate::pages::account::{KEY, end_button, enter, keep, session, url};
use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport};
use crate::support::jwt::{self, SECRET, forge, parts, with};
use crate::support::members::Member;

/// The server answers the first two refreshes, and nobody hears it: their patience ends at once. `asked` has when each
/// was asked, by the patience that was had until then.
const LOSE_TWO: &str = "const [send, later] = [fetch, setTimeout]; \
    let [past, newest] = [0, null]; \
    window.asked = []; \
    window.setTimeout = (over, ms) => { newest = { over, ms }; return later(over, ms) }; \
    window.fetch = async (path, init) => { \
        if (path !== '/auth/refresh' || asked.push(past) > 2) return send(path, init); \
        const { over, ms } = newest; \
        await send(path, { ...init, signal: undefined }); \
        past += ms; \
        over(); \
        return send(path, init); \
    }";

/// As soon as this path has answered, another member is logged in; no event tells this tab.
const MEANWHILE: &str = "const [path, key, session] = arguments; \
    const send = fetch; \
    window.fetch = async (...asked) => { \
        const reply = await send(...asked); \
        if (asked[0] === path) localStorage.setItem(key, session); \
        return reply; \
    }";
/// Whether one who leaves the page would not be asked to stay.
const LEAVES: &str = "return dispatchEvent(new Event('beforeunload', { cancelable: true }))";

/// The same member with an access token that is over.
pub(super) fn later(member: &Member) -> Member {
    let (header, claims) = parts(&member.access);
    let access = forge(&header, &with(&claims, "exp", &json!(jwt::now() - 60)), &SECRET);
    Member { access, ..member.clone() }
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_session_is_renewed_unnoticed_by_two_tabs_at_once() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &later(&ada)).await;
    browser.see("Your profile is 0 of 5 complete.").await;
    let renewed = browser.storage(KEY).await.unwrap();
    assert!(!renewed.contains(&ada.refresh), "it was not renewed");

    // Both ask at once, with what is over.
    let first = browser.tab().await;
    let second = browser.open_tab().await;
    browser.goto(&url(&app, "/account")).await;
    browser.see("Your profile is 0 of 5 complete.").await;
    let tokens: Value = serde_json::from_str(&browser.storage(KEY).await.unwrap()).unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let now = Member { access: token("accessToken"), refresh: token("refreshToken"), ..ada.clone() };
    keep(&browser, &later(&now)).await;
    let save = "document.querySelector('#fullName').value = arguments[0]; \
        setTimeout(() => document.querySelector('#profile').requestSubmit(), arguments[1] - Date.now())";
    let at = json!((jwt::now() + 2) * 1_000);
    for (tab, name) in [(&first, "Ada"), (&second, "Ada L.")] {
        browser.look_at(tab).await;
        browser.script(save, &[json!(name), at.clone()]).await;
    }
    for tab in [&first, &second] {
        browser.look_at(tab).await;
        browser.see("Saved").await;
    }
    let kept = browser.storage(KEY).await.unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    app.refresh(kept["refreshToken"].as_str().unwrap()).await.assert_status(200);
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_refresh_whose_answer_is_lost_is_no_theft() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.before_pages(LOSE_TWO).await;
    enter(&browser, &app, &later(&ada)).await;
    browser.see("Your profile is 0 of 5 complete.").await;
    // All of them within the 10 s in which the server answers the same again.
    assert_eq!(browser.script("return asked", &[]).await, json!([0, 3_000, 6_000]));
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_is_shown_goes_with_the_session() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("robert").await);
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &ada).await;
    browser.see("ada@example.com").await;
    let first = browser.tab().await;
    let second = browser.open_tab().await;
    browser.goto(&url(&app, "/account")).await;
    browser.see("ada@example.com").await;

    // Another member logs in, in the other tab.
    keep(&browser, &bob).await;
    browser.look_at(&first).await;
    browser.see("robert@example.com").await;
    browser.press("Log out").await;
    browser.at("/login").await;
    browser.look_at(&second).await;
    browser.at("/login").await;

    // Ended elsewhere: the next question tells.
    keep(&browser, &ada).await;
    browser.goto(&url(&app, "/account")).await;
    browser.see("ada@example.com").await;
    app.call(Method::POST, "/auth/logout-all", &ada.access, &Value::Null).await.assert_status(204);
    browser.fill("Full name", "Ada").await;
    browser.press("Save profile").await;
    browser.at("/login").await;
    assert_eq!(browser.storage(KEY).await, None);
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn nothing_is_saved_to_who_has_logged_in_since() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("robert").await);
    let browser = Browser::open(Viewport::Desktop).await;
    // Before the question, between it and the refresh, and after the refresh.
    for path in [None, Some("/profile"), Some("/auth/refresh")] {
        enter(&browser, &app, &ada).await;
        browser.see("ada@example.com").await;
        browser.fill("Full name", "Ada").await;
        assert_eq!(browser.script(LEAVES, &[]).await, false, "it would be lost");
        match path {
            None => {
                keep(&browser, &bob).await;
                assert_eq!(browser.script(LEAVES, &[]).await, true, "it cannot be saved");
            }
            Some(path) => {
                keep(&browser, &later(&ada)).await;
                browser.script(MEANWHILE, &[json!(path), json!(KEY), json!(session(&bob))]).await;
            }
        }
        browser.press("Save profile").await;
        browser.see("robert@example.com").await;
        assert_eq!(browser.storage(KEY).await, Some(session(&bob)), "{path:?}");
        for member in [&ada, &bob] {
            assert_eq!(app.me(&member.access).await.json()["fullName"], Value::Null, "{path:?}");
        }
        browser.script("localStorage.clear()", &[]).await;
    }
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn everywhere_is_here_too() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let others = [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0",
            "Edge on Windows",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
    ];
    for (agent, _) in others {
        let body = json!({"login": "ada", "password": ada.password}).to_string();
        let headers = [("content-type", "application/json"), ("user-agent", agent)];
        app.http.send(Method::POST, &url(&app, "/auth/login"), &headers, &body).await.assert_status(200);
    }
    let browser = Browser::open(Viewport::Phone).await;
    enter(&browser, &app, &ada).await;
    for (_, name) in others {
        browser.see(name).await;
    }
    browser.shot("account-sessions").await;
    // The newest of the others stands first.
    let end = end_button(&browser).await;
    assert!(end.starts_with("End the session of curl/8.5.0, last used"), "{end}");
    browser.press(&end).await;
    browser.not_see("curl/8.5.0").await;
    assert!(browser.focused().await.starts_with("End the session of Edge on Windows"));

    browser.press("Log out everywhere").await;
    assert_eq!(browser.focused().await, "Stay logged in");
    browser.shot("account-everywhere").await;
    browser.axe("a question before logging out everywhere").await;
    browser.press("Stay logged in").await;
    browser.press("Log out everywhere").await;
    browser.see("Log out on every device, this one too?").await;
    browser.press("Log out everywhere").await;
    browser.at("/login").await;
    app.refresh(&ada.refresh).await.assert_problem(401, "refresh-invalid");
    browser.close().await;
}
