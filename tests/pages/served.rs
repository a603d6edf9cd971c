//! Pages as they come over the wire: what they weigh, what guards them, and that they ask nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use flate2::read::GzDecoder;
use hyper::Method;
use serde_json::Value;

use crate::support::TestApp;
use crate::support::http::Answer;
use crate::support::trips::{Row, hold, stage, trips};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";
/// Of a page with all that it loads.
const WIRE_BYTES_MAX: usize = 30_000;

const PAGES: [&str; 7] = [
    "/interview/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/interview/pre-check/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/signup",
    "/login",
    "/forgot-password",
    "/reset-password",
    "/account",
];
const GONE: [&str; 2] = ["/interview/join/garbage", "/interview/pre-check/%00"];

async fn fetch(app: &TestApp, path: &str, coding: &str) -> Answer {
    let url = format!("http://{}{path}", app.nodes[0].public);
    app.http.send(Method::GET, &url, &[("accept-encoding", coding)], "").await
}

/// Addresses that a page names.
fn loads(html: &str) -> BTreeSet<String> {
    let named = |attribute: &'static str| html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
    let all = named(" href=\"").chain(named(" src=\""));
    all.filter(|path| path.starts_with("/assets/")).map(str::to_owned).collect()
}

/// Addresses of the modules that a script imports.
fn imports(path: &str, script: &str) -> BTreeSet<String> {
    let folder = path.rsplit_once('/').unwrap().0;
    let named = script.split("from './").skip(1).filter_map(|rest| rest.split('\'').next());
    named.map(|name| format!("{folder}/{name}")).collect()
}

/// What an answer takes on the wire: its status line, its headers and its body.
fn wire_bytes(answer: &Answer) -> usize {
    let status = "HTTP/1.1 200 OK\r\n\r\n".len();
    let headers = answer.headers.iter().map(|(name, value)| name.as_str().len() + ": \r\n".len() + value.len());
    status + headers.sum::<usize>() + answer.body.len()
}

/// A page and all that it loads: what each takes on the wire, by path, and what of it the page itself names. Each
/// section of words that one of its scripts says has to be in the page.
async fn weigh(app: &TestApp, path: &str) -> (BTreeMap<String, usize>, BTreeSet<String>) {
    let html = String::from_utf8(fetch(app, path, "").await.body).unwrap();
    let named = loads(&html);
    let words = html.split("id=\"words\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap_or("{}");
    let words: Value = serde_json::from_str(words).unwrap();
    let table: Value = serde_json::from_str(include_str!("../../src/pages/words.json")).unwrap();
    let absent: Vec<_> = table.as_object().unwrap().keys().filter(|section| words.get(section).is_none()).collect();
    let mut sizes = BTreeMap::from([(path.to_owned(), wire_bytes(&fetch(app, path, "gzip").await))]);
    let mut waiting: Vec<String> = named.iter().cloned().collect();
    while let Some(asset) = waiting.pop() {
        let compressed = fetch(app, &asset, "gzip").await.assert_status(200);
        if sizes.insert(asset.clone(), wire_bytes(&compressed)).is_none() && asset.ends_with(".js") {
            let script = String::from_utf8(fetch(app, &asset, "").await.body).unwrap();
            let unsaid = absent.iter().find(|section| script.contains(&format!("'{section}.")));
            assert!(unsaid.is_none(), "{path}: {asset} says {unsaid:?}, which is not in the page");
            waiting.extend(imports(&asset, &script));
        }
    }
    (sizes, named)
}

#[tokio::test]
async fn a_page_is_guarded_and_is_the_same_for_everybody() {
    let app = TestApp::start().await;
    for (path, status) in PAGES.iter().map(|path| (*path, 200)).chain(GONE.map(|path| (path, 404))) {
        let page = fetch(&app, path, "").await.assert_status(status);
        let expected = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", POLICY),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ];
        for (name, value) in expected {
            assert_eq!(page.header(name), Some(value), "{path}: {name}");
        }
        let devices = path.contains("pre-check") && status == 200;
        let permissions = page.header("permissions-policy").unwrap();
        assert_eq!(permissions.starts_with("camera=(self), microphone=(self)"), devices, "{path}");

        let another = fetch(&app, &path.replace('A', "B"), "").await;
        assert_eq!((another.status, &another.body), (page.status, &page.body), "{path}");
        let url = format!("http://{}{path}", app.nodes[0].public);
        let head = app.http.send(Method::HEAD, &url, &[], "").await.assert_status(status);
        assert_eq!(head.header("content-length"), Some(page.body.len().to_string().as_str()));
        app.http.post(&url).await.assert_problem(405, "method-not-allowed");
    }
}

#[tokio::test]
async fn a_person_who_is_lost_reads_a_page_and_a_program_a_problem() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let app = TestApp::start().await;
    for path in ["/", "/login/", "/interview/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/", "/auth/nothing"] {
        let url = format!("http://{}{path}", app.nodes[0].public);
        let page = app.http.send(Method::GET, &url, &[("accept", BROWSER)], "").await.assert_status(404);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("content-security-policy"), Some(POLICY), "{path}");
        for accept in ["*/*", "application/json", "application/json, text/plain, */*", ""] {
            app.http.send(Method::GET, &url, &[("accept", accept)], "").await.assert_problem(404, "not-found");
        }
    }
    // What is there, and refuses, does so in its own way.
    let url = format!("http://{}/auth/me", app.nodes[0].public);
    app.http.send(Method::GET, &url, &[("accept", BROWSER)], "").await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_page_asks_no_dependency() {
    let app = stage().await;
    for path in PAGES {
        hold(&app, Row(path, 200, trips(0, 0)), fetch(&app, path, "")).await;
    }
}

#[tokio::test]
async fn a_page_is_light_and_loads_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    for path in PAGES.into_iter().chain(GONE) {
        let html = String::from_utf8(fetch(&app, path, "").await.body).unwrap();
        for word in ["http:", "https:", " style=", " onclick=", "<style", "javascript:", "//cdn"] {
            assert!(!html.contains(word), "{path}: {word}");
        }
        let scripts = html.matches("<script").count();
        let data = html.matches("<script type=\"application/json\" id=\"words\">").count();
        assert_eq!(scripts - data, html.matches("<script type=\"module\" src=\"/assets/").count(), "{path}");

        let (sizes, named) = weigh(&app, path).await;
        let total = sizes.values().sum::<usize>();
        assert!(total < WIRE_BYTES_MAX, "{path}: {total} bytes: {sizes:#?}");
        println!("{path}: {total} bytes in {} answers", sizes.len());
        // Each is asked for at once, none only when the script that imports it is there.
        let late: Vec<&String> = sizes.keys().filter(|asset| *asset != path && !named.contains(*asset)).collect();
        assert!(late.is_empty(), "{path} does not preload {late:?}");
        let idle = named.iter().filter(|asset| asset.ends_with(".js"));
        assert!(path.contains("garbage") || path.contains("%00") || idle.count() > 1, "{path} has a script");
    }
}

#[tokio::test]
async fn an_asset_is_kept_for_ever_for_its_address_changes_with_it() {
    let app = TestApp::start().await;
    let html = String::from_utf8(fetch(&app, "/login", "").await.body).unwrap();
    for path in loads(&html) {
        let asset = fetch(&app, &path, "").await.assert_status(200);
        assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(asset.header("x-content-type-options"), Some("nosniff"), "{path}");
        // A page of another release: its scripts would not go together with these.
        let name = path.rsplit_once('/').unwrap().1;
        fetch(&app, &format!("/assets/0123456789abcdef/{name}"), "").await.assert_problem(404, "not-found");
    }
    fetch(&app, "/assets/0123456789abcdef/nothing.js", "").await.assert_problem(404, "not-found");
    fetch(&app, "/assets/0123456789abcdef/..%2fmod.rs", "").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn it_is_compressed_for_those_who_ask() {
    let app = TestApp::start().await;
    let html = fetch(&app, "/login", "").await;
    let style = loads(std::str::from_utf8(&html.body).unwrap()).into_iter().find(|path| path.ends_with("style.css"));
    for path in ["/login", &style.unwrap()] {
        let plain = fetch(&app, path, "identity").await;
        for (coding, compressed) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("x-gzip-not", false),
            ("", false),
        ] {
            let answer = fetch(&app, path, coding).await.assert_status(200);
            assert_eq!(answer.header("content-encoding"), compressed.then_some("gzip"), "{path}: {coding}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}: {coding}");
            let mut text = Vec::new();
            if compressed {
                GzDecoder::new(&answer.body[..]).read_to_end(&mut text).unwrap();
            }
            assert_eq!(if compressed { &text } else { &answer.body }, &plain.body, "{path}: {coding}");
        }
    }
}
