//! However many strangers come with whatever they make up: the series stay the same, and hold nothing of it.

use std::collections::BTreeSet;

use serde_json::json;
use vestibule::id::Id;
use vestibule::link::LinkToken;
use vestibule::metrics::Metrics;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::raw::Raw;
use crate::support::until::until;

/// A word that nobody has said before, and nobody may find in a scrape.
fn word() -> String {
    format!("x{}", &Id::nonce().to_string()[..17])
}

/// Everybody who may, does; the words that they used.
pub(super) async fn storm(app: &TestApp) -> Vec<String> {
    let mut words: Vec<String> = (0..12).map(|_| word()).collect();
    let token = LinkToken::fresh();
    let link = token.expose().to_string();
    words.push(link.clone());
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let [a, b, c, d, e, f, g, h, i, j, k, l] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(|n| words[n].as_str());
    for line in [
        format!("GET /{a}"),
        format!("GET /{a}/../{b}?{c}"),
        format!("{} /candidate-access/{link}/info", b.to_uppercase()),
        format!("GET /candidate-access/{c}/info"),
        format!("GET /candidate-access/{link}/{d}"),
        format!("GET /interviews/{e}"),
        format!("GET /assets/{f}/{g}"),
        format!("GET /authz/user/{h}"),
        format!("GET /interview/join/{i}"),
    ] {
        let headers = format!("x-request-id: {j}\r\nx-{k}: {l}\r\nuser-agent: {l}\r\nauthorization: Bearer {k}\r\n");
        raw.ask(&line, &format!("{headers}x-forwarded-for: {k}, 203.0.113.{}\r\n", a.len())).await;
    }
    raw.ask(&format!("GET /candidate-access/{link}/info"), "").await.assert_status(404);
    app.post("/auth/login", &json!({"login": d, "password": e})).await.assert_status(401);
    app.post("/auth/login", &json!({"login": format!("{d}@example.com"), "password": e})).await.assert_status(401);
    app.post("/auth/forgot-password", &json!({"email": format!("{f}@example.com")})).await.assert_status(202);
    app.post("/auth/refresh", &json!({"refreshToken": g})).await.assert_status(401);
    app.post("/auth/reset-password", &json!({"token": h, "newPassword": i})).await.assert_status(401);
    app.post("/auth/signup", &json!({"username": j, "email": k, "password": l})).await.assert_status(422);
    words
}

/// A candidate and a member go all the ways that there are.
pub(super) async fn story(app: &TestApp) {
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    app.request(&link).await.assert_problem(429, "otp-resend-too-soon");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    app.verify(&link, wrong).await.assert_problem(401, "otp-incorrect");
    let session = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&link, &session).await.assert_status(201);
    let grace = app.member("grace").await;
    app.me(&grace.access).await.assert_status(200);
    app.post("/auth/forgot-password", &json!({"email": grace.email})).await.assert_status(202);
    app.reset_token(&grace.email, 1).await;
}

#[tokio::test]
async fn a_storm_makes_no_series_and_leaves_no_word() {
    let app = Setup::new().behind_proxy().start().await;
    story(&app).await;
    let mut words = storm(&app).await;
    // Two requests for a reset, a code, a start; and a worker's first second is over.
    let before = until("the jobs, and a worker's timer", async || {
        let scrape = app.scrape().await;
        let done = |kind: &str| scrape.value(&format!("vestibule_job_seconds_count{{kind=\"{kind}\"}}"));
        let settled = done("forgot") == 2.0 && done("code") == 1.0 && done("start") == 1.0 && done("reset") == 1.0;
        (settled && scrape.value("vestibule_worker_lag_seconds_count") > 0.0).then_some(scrape)
    })
    .await;
    for _ in 0..3 {
        words.extend(storm(&app).await);
    }
    let after = until("the requests for a reset", async || {
        let scrape = app.scrape().await;
        (scrape.value("vestibule_job_seconds_count{kind=\"forgot\"}") == 5.0).then_some(scrape)
    })
    .await;
    let all = |samples: &crate::support::scrape::Scrape| {
        samples.samples().map(|(series, _)| series.to_owned()).collect::<BTreeSet<String>>()
    };
    let new: Vec<String> = all(&after).difference(&all(&before)).cloned().collect();
    assert!(new.is_empty(), "{new:#?}");
    let text = after.0.to_lowercase();
    for word in words.iter().map(|word| word.to_lowercase()).chain(["ada@".to_owned(), "grace".to_owned()]) {
        assert!(!text.contains(&word), "{word} is in\n{text}");
    }

    // What is declared is told, with those labels, and nothing else.
    let (shapes, metrics) = (after.shapes(), Metrics::new());
    let mut declared = BTreeSet::new();
    for series in metrics.series() {
        let endings: &[&str] = if series.histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for name in endings.iter().map(|ending| format!("{}{ending}", series.name)) {
            let labels = shapes.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not told:\n{text}"));
            assert_eq!(labels, &BTreeSet::from([series.labels.to_vec()]), "{name}");
            declared.insert(name);
        }
    }
    let told: BTreeSet<String> = shapes.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(told, declared);
}
