//! A profile by HTTP: what each member may be, what is left and what is cleared, and what is missing yet.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::raw::Raw;

const PHONE: &str = "must be a phone number with its country's code, as +41 44 668 18 00";
const YEARS: &str = "must be 0 to 60";
const SKILL: &str = "must have 1 to 50 characters each";

async fn patch(app: &TestApp, member: &Member, body: &Value) -> Answer {
    app.call(Method::PATCH, "/profile", &member.access, body).await
}

async fn profile(app: &TestApp, member: &Member) -> Value {
    app.call(Method::GET, "/profile", &member.access, &Value::Null).await.assert_status(200).json()
}

/// The member as it is kept when `sent` was sent: what PATCH answers, and GET after it.
#[track_caller]
fn kept(app: &TestApp, member: &Member, name: &str, sent: &Value) -> impl Future<Output = Value> {
    let caller = std::panic::Location::caller();
    async move {
        let answered = patch(app, member, &json!({name: sent})).await;
        assert_eq!(answered.status, 200, "{name}: {sent}: {} at {caller}", answered.text());
        assert_eq!(profile(app, member).await, answered.json(), "{name}: {sent} at {caller}");
        answered.json()[name].clone()
    }
}

/// It is refused with these errors and no other, and changes nothing.
#[track_caller]
fn refused(app: &TestApp, member: &Member, body: &Value, errors: &Value) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let before = profile(app, member).await;
        let answer = patch(app, member, body).await;
        assert_eq!(answer.status, 422, "{body}: {} at {caller}", answer.text());
        assert_eq!(answer.assert_problem(422, "validation-failed").json()["errors"], *errors, "{body} at {caller}");
        assert_eq!(profile(app, member).await, before, "{body} at {caller}");
    }
}

fn error(field: &str, message: &str) -> Value {
    json!({"field": field, "message": message})
}

#[tokio::test]
async fn every_member_is_kept_as_its_rule_says() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let name = "\u{e9}".repeat(100);
    for (sent, stored) in [
        (" Ame\u{301}lie ", json!("Am\u{e9}lie")),
        (name.as_str(), json!(name)),
        ("<b>Ada</b> O'Hara", json!("<b>Ada</b> O'Hara")),
        ("", Value::Null),
    ] {
        assert_eq!(kept(&app, &member, "fullName", &json!(sent)).await, stored);
    }
    for sent in ["+41446681800", " +41 (0)44 668.18-00 ", "+41/44/6681800"] {
        assert_eq!(kept(&app, &member, "phone", &json!(sent)).await, "+41446681800");
    }
    for (sent, stored) in [(json!(0), 0), (json!(60), 60), (json!(7.0), 7), (json!(1e1), 10)] {
        assert_eq!(kept(&app, &member, "yearsOfExperience", &sent).await, stored);
    }
}

#[tokio::test]
async fn skills_are_kept_once_in_their_order() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let many: Vec<String> = (0..50).map(|n| format!("{n:050}")).collect();
    let twice = [many.clone(), many.clone()].concat();
    for (sent, stored) in [
        (json!(["Rust", "SQL", "rust", " RUST ", "C"]), json!(["Rust", "SQL", "C"])),
        (json!(["b", "a", "B", "c", "A"]), json!(["b", "a", "c"])),
        (json!(["Pre\u{301}sentation", "PR\u{c9}SENTATION"]), json!(["Pr\u{e9}sentation"])),
        (json!(["x"]), json!(["x"])),
        (json!(["\u{e9}".repeat(50)]), json!(["\u{e9}".repeat(50)])),
        (json!(many), json!(many)),
        (json!(twice), json!(many)),
        (json!([]), json!([])),
    ] {
        assert_eq!(kept(&app, &member, "skills", &sent).await, stored);
    }
}

#[tokio::test]
async fn a_member_that_breaks_its_rule_is_refused_with_what_would_be_right() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let right = json!({"fullName": "Ada", "phone": "+41446681800", "yearsOfExperience": 7, "skills": ["Rust"]});
    patch(&app, &member, &right).await.assert_status(200);

    for phone in ["", "0446681800", "+41", "+999123456789", "+41446681800 ext. 5", "call me"] {
        refused(&app, &member, &json!({"phone": phone}), &json!([error("phone", PHONE)])).await;
    }
    for years in [-1, 61, 256, i64::MIN, i64::MAX] {
        let errors = json!([error("yearsOfExperience", YEARS)]);
        refused(&app, &member, &json!({"yearsOfExperience": years}), &errors).await;
    }
    for years in [1.5, -0.5, 1e300] {
        let errors = json!([error("yearsOfExperience", "must be a whole number")]);
        refused(&app, &member, &json!({"yearsOfExperience": years}), &errors).await;
    }
    let name = json!({"fullName": "\u{e9}".repeat(101)});
    refused(&app, &member, &name, &json!([error("fullName", "must have at most 100 characters")])).await;
    for skills in [json!([""]), json!(["Rust", "  "]), json!(["\u{e9}".repeat(51)])] {
        refused(&app, &member, &json!({"skills": skills}), &json!([error("skills", SKILL)])).await;
    }
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    refused(&app, &member, &json!({"skills": many}), &json!([error("skills", "must be at most 50")])).await;
    for (field, value) in [("fullName", json!("A\nda")), ("phone", json!("+4\t1")), ("skills", json!(["a\u{0}"]))] {
        let errors = json!([error(field, "must not hold control characters")]);
        refused(&app, &member, &json!({field: value}), &errors).await;
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_what_is_right_is_not_kept() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let body = json!({
        "skills": [""], "yearsOfExperience": 61, "phone": "+1", "fullName": "x".repeat(101), "username": "",
    });
    let errors = json!([
        error("fullName", "must have at most 100 characters"),
        error("phone", PHONE),
        error("yearsOfExperience", YEARS),
        error("skills", SKILL),
    ]);
    refused(&app, &member, &body, &errors).await;
    let body = json!({"fullName": "Ada", "skills": ["Rust"], "phone": "1"});
    refused(&app, &member, &body, &json!([error("phone", PHONE)])).await;
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_malformed() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let before = profile(&app, &member).await;
    for body in [
        json!({"fullName": 1}),
        json!({"fullName": ["Ada"]}),
        json!({"phone": 41_446_681_800_u64}),
        json!({"phone": {}}),
        json!({"yearsOfExperience": "7"}),
        json!({"yearsOfExperience": true}),
        json!({"yearsOfExperience": [7]}),
        json!({"skills": "Rust"}),
        json!({"skills": [1]}),
        json!({"skills": ["Rust", null]}),
        json!({"skills": {"0": "Rust"}}),
        json!({"fullName": "Ada", "skills": true}),
        json!([]),
        json!("x"),
    ] {
        let answer = patch(&app, &member, &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        answer.assert_problem(400, "malformed-body");
    }
    let (bearer, url) = (format!("Bearer {}", member.access), format!("http://{}/profile", app.nodes[0].public));
    for (content_type, body, status, slug) in [
        ("application/json", r#"{"phone":null,"phone":null}"#, 400, "malformed-body"),
        ("application/json", "", 400, "malformed-body"),
        ("text/plain", "{}", 415, "unsupported-media-type"),
        ("application/merge-patch+json", "{}", 415, "unsupported-media-type"),
        ("application/json", &" ".repeat(32_769), 413, "body-too-large"),
    ] {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        app.http.send(Method::PATCH, &url, &headers, body).await.assert_problem(status, slug);
    }
    assert_eq!(profile(&app, &member).await, before);
}

#[tokio::test]
async fn null_clears_and_absence_leaves() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let right = json!({"fullName": "Ada", "phone": "+41446681800", "yearsOfExperience": 0, "skills": ["Rust"]});
    let mut expected = patch(&app, &member, &right).await.assert_status(200).json();
    // What nobody may set is not among what is read.
    for body in [
        json!({}),
        json!({"role": "admin", "email": "eve@example.com", "username": 7, "id": null, "resume": "x", "Phone": "x"}),
    ] {
        assert_eq!(patch(&app, &member, &body).await.assert_status(200).json(), expected, "{body}");
    }
    let mut missing = Vec::new();
    for (name, cleared) in
        [("fullName", json!(null)), ("phone", json!(null)), ("yearsOfExperience", json!(null)), ("skills", json!([]))]
    {
        missing.push(name);
        expected[name] = cleared;
        expected["profile"]["missing"] = json!([&missing[..], &["resume"]].concat());
        assert_eq!(patch(&app, &member, &json!({name: null})).await.assert_status(200).json(), expected, "{name}");
    }
    assert_eq!(profile(&app, &member).await, expected);
}

#[tokio::test]
async fn what_is_missing_is_told_in_one_order_whatever_comes_first() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let url = format!("http://{}/profile/resume", app.nodes[0].public);
    let bearer = format!("Bearer {}", member.access);
    let mut missing = vec!["fullName", "phone", "yearsOfExperience", "skills", "resume"];
    let steps = [
        ("yearsOfExperience", json!(0)),
        ("resume", json!("My life")),
        ("fullName", json!("Ada")),
        ("skills", json!(["Rust"])),
        ("phone", json!("+41446681800")),
    ];
    assert_eq!(profile(&app, &member).await["profile"], json!({"complete": false, "missing": missing}));
    for (name, value) in steps {
        if name == "resume" {
            let answer = app.http.send(Method::PUT, &url, &[("authorization", &bearer)], "My life").await;
            answer.assert_status(201);
        } else {
            patch(&app, &member, &json!({name: value})).await.assert_status(200);
        }
        missing.retain(|left| *left != name);
        let expected = json!({"complete": missing.is_empty(), "missing": missing});
        assert_eq!(profile(&app, &member).await["profile"], expected, "{name}");
        assert_eq!(app.me(&member.access).await.assert_status(200).json()["profile"], expected, "{name}");
    }
    app.http.send(Method::DELETE, &url, &[("authorization", &bearer)], "").await.assert_status(204);
    assert_eq!(profile(&app, &member).await["profile"], json!({"complete": false, "missing": ["resume"]}));
}

#[tokio::test]
async fn who_asks_is_judged_before_what_is_sent() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let url = format!("http://{}/profile", app.nodes[0].public);
    let forged = format!("Bearer {}x", member.access);
    for headers in [&[][..], &[("authorization", "Bearer x")], &[("authorization", forged.as_str())]] {
        for body in ["", "not json", r#"{"phone":1}"#, r#"{"fullName":"Eve"}"#] {
            app.http.send(Method::PATCH, &url, headers, body).await.assert_problem(401, "unauthenticated");
        }
        let answer = app.http.send(Method::GET, &url, headers, "").await.assert_problem(401, "unauthenticated");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    }
    let mut raw = Raw::connect(app.nodes[0].public).await;
    let waits = "content-type: application/json\r\ncontent-length: 20\r\n";
    raw.ask("PATCH /profile", waits).await.assert_problem(401, "unauthenticated");
    app.http.post_json(&url, "{}").await.assert_problem(405, "method-not-allowed");
    assert_eq!(profile(&app, &member).await["fullName"], Value::Null);
}

#[tokio::test]
async fn two_members_never_see_each_other() {
    let app = Setup::new().nodes(2).start().await;
    let (ada, eve) = (app.member("ada").await, app.member("eve").await);
    let before = profile(&app, &eve).await;
    let body = json!({"id": eve.id, "fullName": "Ada", "phone": "+41446681800", "skills": ["Rust"]});
    patch(&app, &ada, &body).await.assert_status(200);
    assert_eq!(profile(&app, &eve).await, before);
    assert_eq!(app.me(&eve.access).await.assert_status(200).json(), before);
    let mine = app.nodes[1].call(&app, Method::GET, "/profile", &ada.access, &Value::Null).await.assert_status(200);
    assert_eq!((&mine.json()["id"], &mine.json()["fullName"]), (&json!(ada.id), &json!("Ada")));
    for path in [format!("/profile/{}", ada.id), format!("/profile?id={}", ada.id)] {
        let answer = app.call(Method::GET, &path, &eve.access, &Value::Null).await;
        assert!(!answer.text().contains("41446681800"), "{}", answer.text());
    }
}
