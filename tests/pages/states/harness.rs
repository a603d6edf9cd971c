//! The browser of the tests, on pages made to be wrong: that it sees what the other tests rely on.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::browser::{Browser, Devices, Viewport, Window};

/// What our pages have.
const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// A page that nobody can complain of: a form with a script, which keeps what is typed.
const GOOD: &str = r#"<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Good</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<script type="module" src="/app.js"></script></head><body><main><h1>Good
page</h1><label>Code <small aria-hidden="true">*</small><input autocomplete="off"></label>
<button>Keep</button> <button disabled>Never</button> <a href="/other?a=1#b">Elsewhere</a>
<p hidden>Nobody reads this</p><output></output></main></body></html>"#;
const SCRIPT: &str = r#"
const [field, keep, output] = ["input", "button", "output"].map((name) => document.querySelector(name));
const events = [];
for (const kind of ["keydown", "paste"]) field.addEventListener(kind, () => events.push(kind));
keep.addEventListener("click", () => {
    sessionStorage.setItem("code", field.value);
    localStorage.setItem("events", events.join());
    output.textContent = `Kept ${field.value}`;
});
"#;

/// A site of this one page, at every path but `/app.js`; under `/auth/` all is refused.
async fn site(policy: &str, page: &str, script: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = |status: &str, kind: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\
            content-security-policy: {policy}\r\n\r\n{body}",
            body.len()
        )
    };
    let page = answer("200 OK", "text/html", page);
    let script = answer("200 OK", "text/javascript", script);
    let refusal = answer("401 Unauthorized", "application/json", "{}");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // What the browser asks stands in the first segment.
            let mut head = [0; 4_096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let answer = match head.split(' ').nth(1) {
                Some("/app.js") => &script,
                Some(path) if path.starts_with("/auth/") => &refusal,
                _ => &page,
            };
            let _hung_up = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

/// What the browser complains of on a page with this script, once the page has said that it is done.
async fn complaints_of(script: &str) -> Vec<String> {
    let url = site(STRICT, GOOD, &format!("{script}\ndocument.querySelector('output').textContent = 'done'")).await;
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&url).await;
    browser.see("done").await;
    browser.quit().await
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_page_is_used_as_a_person_does() {
    let url = site(STRICT, GOOD, SCRIPT).await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.goto(&url).await;
    browser.see("Good page").await;
    browser.not_see("Nobody reads this").await;
    assert!(browser.is_enabled("Keep").await);
    assert!(!browser.is_enabled("Never").await);

    browser.fill("Code", "123").await;
    browser.fill("Code", "456").await;
    assert_eq!(browser.value("Code").await, "456");
    assert_eq!(browser.focused().await, "Code");
    browser.paste("Code", "789 012").await;
    browser.key("Tab").await;
    assert_eq!(browser.focused().await, "Keep");
    browser.key("Shift+Tab").await;
    assert_eq!(browser.focused().await, "Code");
    browser.key("Tab").await;
    browser.key("Enter").await;
    browser.see("Kept 789 012").await;
    assert_eq!(browser.text_of("output").await, "Kept 789 012");
    assert_eq!(browser.storage("code").await.as_deref(), Some("789 012"));
    let events = browser.storage("events").await.unwrap();
    assert!(events.starts_with("keydown") && events.contains("paste"), "{events}");
    assert_eq!(browser.storage("nothing").await, None);

    browser.follow("Elsewhere").await;
    browser.at("/other?a=1#b").await;
    browser.back().await;
    browser.at("/").await;
    browser.reload().await;
    browser.press("Keep").await;
    browser.see("Kept").await;
    assert_eq!(browser.focused().await, "Keep");
    browser.axe("the good page").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_window_is_what_was_asked_for() {
    let url = site("", GOOD, "document.querySelector('output').textContent = 'script'").await;
    let look = "return [innerWidth, innerHeight, devicePixelRatio, ...['(prefers-color-scheme: dark)', \
        '(prefers-reduced-motion: reduce)', '(pointer: coarse)'].map((query) => matchMedia(query).matches)]";
    let phone = Window::new(Viewport::Phone).dark().reduced_motion().open().await;
    phone.goto(&url).await;
    phone.see("script").await;
    assert_eq!(phone.script(look, &[]).await, json!([390, 844, 2, true, true, true]));
    let picture = phone.shot("harness").await;
    assert!(picture.ends_with("target/screenshots/phone-dark/harness.png"), "{}", picture.display());
    std::fs::remove_file(picture).unwrap();

    let desktop = Window::new(Viewport::Desktop).without_scripts().open_beside(&phone).await;
    desktop.goto(&url).await;
    desktop.see("Good page").await;
    assert_eq!(desktop.script(look, &[]).await, json!([1280, 800, 1, false, false, false]));
    desktop.not_see("script").await;
    phone.close().await;
    desktop.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn camera_and_microphone_are_as_asked_for() {
    let url = site("", GOOD, "").await;
    let ask = "const ended = arguments[1]; return navigator.mediaDevices.getUserMedia(arguments[0]) \
        .then((stream) => stream.getTracks().map((track) => track.kind).sort().join(), (error) => error.name)";
    for (devices, outcome) in
        [(Devices::Granted, "audio,video"), (Devices::Denied, "NotAllowedError"), (Devices::Absent, "NotFoundError")]
    {
        let browser = Window::new(Viewport::Desktop).devices(devices).open().await;
        browser.goto(&url).await;
        let both = json!({ "video": true, "audio": true });
        assert_eq!(browser.script(ask, &[both]).await, outcome, "{devices:?}");
        browser.close().await;
    }
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&url).await;
    let state = "return navigator.permissions.query({ name: 'camera' }).then(({ state }) => state)";
    assert_eq!(browser.script(state, &[]).await, "prompt");
    browser.permission("camera", "granted").await;
    assert_eq!(browser.script(state, &[]).await, "granted");
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_a_console_says_is_seen() {
    for (script, words) in [
        ("console.error('something broke')", "something broke"),
        ("console.warn('something may break')", "something may break"),
        ("setTimeout(() => { throw new Error('nobody caught it') })", "nobody caught it"),
        ("Promise.reject(new Error('nobody waited'))", "nobody waited"),
        ("await fetch('/missing/').catch(() => {}); await fetch('http://127.0.0.1:1/').catch(() => {})", "connect-src"),
    ] {
        let complaints = complaints_of(script).await;
        assert!(complaints.iter().any(|line| line.contains(words)), "{script}: {complaints:?}");
    }
    assert!(complaints_of("console.info('all is well')").await.is_empty());
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn violated_policies_are_seen() {
    for (script, directive) in [
        ("document.body.setAttribute('style', 'color: red')", "policy: style-src-attr"),
        ("try { document.body.innerHTML += 'x' } catch {}", "policy: require-trusted-types-for"),
        ("try { eval('1') } catch {}", "policy: require-trusted-types-for"),
        ("document.body.append(Object.assign(new Image(), { src: '/x.png', alt: '' }))", "policy: img-src"),
    ] {
        let complaints = complaints_of(script).await;
        assert!(complaints.iter().any(|line| line.contains(directive)), "{script}: {complaints:?}");
    }
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn refusals_of_the_api_are_not_complained_of() {
    let script = "await fetch('/auth/me')";
    assert_eq!(complaints_of(script).await, Vec::<String>::new());

    let url = site(STRICT, GOOD, SCRIPT).await;
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&url).await;
    let fetch = "return fetch(arguments[0]).then(({ status }) => status, (error) => error.name)";
    browser.offline(true).await;
    assert_eq!(browser.script(fetch, &[json!("/auth/me")]).await, "TypeError");
    browser.offline(false).await;
    assert_eq!(browser.script(fetch, &[json!("/auth/me")]).await, 401);
    browser.script("console.error('as provoked')", &[]).await;
    browser.expect("as provoked");
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn barriers_are_seen() {
    let page = GOOD.replace("Code <small aria-hidden=\"true\">*</small>", "").replace("lang=\"en\"", "");
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&site(STRICT, &page, SCRIPT).await).await;
    let barriers = browser.barriers().await;
    for (rule, impact) in [("label", "critical"), ("html-has-lang", "serious")] {
        let words = format!("{rule} ({impact})");
        assert!(barriers.iter().any(|barrier| barrier.contains(&words)), "{barriers:?}");
    }
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
#[should_panic(expected = "close the browser")]
async fn a_browser_that_is_not_closed_is_seen() {
    drop(Browser::open(Viewport::Desktop).await);
}

#[tokio::test]
#[ignore = "make test-all runs it"]
#[should_panic(expected = "something broke")]
async fn close_fails_on_what_is_wrong() {
    let url = site("", GOOD, "console.error('something broke')").await;
    let browser = Browser::open(Viewport::Desktop).await;
    browser.goto(&url).await;
    browser.close().await;
}
