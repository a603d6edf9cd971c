//! What the endpoints of interviews judge alike, and in which order: method and path, then who asks, then what is sent.

use hyper::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::count;
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::jwt::{SECRET, forge, now, parts, with};
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::raw::Raw;
use crate::support::recruiters::form;

/// Of nobody's interview.
const ID: &str = "01890000-0000-7000-8000-000000000000";

/// Every endpoint, of an interview of this id.
fn endpoints(id: &str) -> [(Method, String); 7] {
    let one = format!("/interviews/{id}");
    [
        (Method::POST, "/interviews".to_owned()),
        (Method::GET, "/interviews".to_owned()),
        (Method::HEAD, "/interviews".to_owned()),
        (Method::GET, one.clone()),
        (Method::HEAD, one.clone()),
        (Method::POST, format!("{one}/reissue")),
        (Method::DELETE, one),
    ]
}

async fn send(app: &TestApp, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    app.http.send(method.clone(), &format!("http://{}{path}", app.nodes[0].public), headers, body).await
}

/// Makes an interview of this text, or is refused.
async fn create(app: &TestApp, recruiter: &Member, body: &str) -> Answer {
    let bearer = format!("Bearer {}", recruiter.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    send(app, &Method::POST, "/interviews", &headers, body).await
}

/// 422, with these words for these members and no others.
#[track_caller]
fn assert_wrong(answer: Answer, errors: &[(&str, &str)]) {
    let told = answer.assert_problem(422, "validation-failed").json();
    let errors: Vec<_> = errors.iter().map(|(field, message)| json!({"field": field, "message": message})).collect();
    assert_eq!(told["errors"], json!(errors), "{told}");
}

const TEXT: &str = "must have 1 to 200 characters, none of them control characters";
const PRINTABLE: &str = "must not hold control characters";
const ADDRESS: &str = "must be one e-mail address, as ada@example.com";
const MINUTES: &str = "must be 1 to 1440";
const HOURS: &str = "must be 1 to 8760";
const WHOLE: &str = "must be a whole number";

#[tokio::test]
async fn a_method_is_judged_before_who_asks_and_what() {
    let app = TestApp::start().await;
    let (one, reissue) = (format!("/interviews/{ID}"), format!("/interviews/{ID}/reissue"));
    for (path, allow) in
        [("/interviews", "GET, HEAD, POST"), (one.as_str(), "GET, HEAD, DELETE"), (reissue.as_str(), "POST")]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let name = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(&app, &name, path, &[("authorization", "Bearer nonsense")], "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
            if method != "HEAD" {
                answer.assert_problem(405, "method-not-allowed");
            }
        }
    }
}

#[tokio::test]
async fn a_path_is_judged_before_the_method_and_who_asks() {
    let app = TestApp::start().await;
    let short = &ID[..ID.len() - 1];
    for path in [
        "/interviews/".to_owned(),
        "/interviews//".to_owned(),
        "/Interviews".to_owned(),
        "/interview".to_owned(),
        "/interviews/nonsense".to_owned(),
        format!("/interviews/{short}"),
        format!("/interviews/{ID}0"),
        format!("/interviews/{short}g"),
        format!("/interviews/{}", ID.replace('0', "A").to_uppercase()),
        format!("/interviews/{}", ID.replace('-', "")),
        format!("/interviews/%30{}", &ID[1..]),
        format!("/interviews/urn:uuid:{ID}"),
        format!("/interviews/({ID})"),
        format!("/interviews/{ID}/"),
        format!("/interviews//{ID}"),
        format!("/interviews/./{ID}"),
        format!("/interviews/{ID}/revoke"),
        format!("/interviews/{ID}/Reissue"),
        format!("/interviews/{ID}/reissue/"),
        format!("/interviews/{ID}//reissue"),
        "/interviews/nonsense/reissue".to_owned(),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
            send(&app, &method, &path, &[], "").await.assert_problem(404, "not-found");
        }
    }
}

#[tokio::test]
async fn who_asks_is_judged_before_what_is_sent() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    let (header, claims) = parts(&rita.access);
    let expired = format!("Bearer {}", forge(&header, &with(&claims, "exp", &json!(now() - 31)), &SECRET));
    let left = app.log_in("rita", &rita.password).await.assert_status(200).text_of("accessToken");
    app.call(Method::POST, "/auth/logout", &left, &Value::Null).await.assert_status(204);
    let (left, refresh) = (format!("Bearer {left}"), format!("Bearer {}", rita.refresh));

    let (nobody, over) = ("Bearer realm=\"vestibule\"", "Bearer realm=\"vestibule\", error=\"invalid_token\"");
    for (credentials, challenge) in [
        (None, nobody),
        (Some("Basic cml0YTpyaXRh"), nobody),
        (Some("Bearer nonsense"), over),
        (Some(expired.as_str()), over),
        (Some(left.as_str()), over),
        (Some(refresh.as_str()), over),
    ] {
        for (method, path) in endpoints(&link.interview) {
            let mut headers = vec![("content-type", "text/plain")];
            headers.extend(credentials.map(|credentials| ("authorization", credentials)));
            let body = if method == Method::POST { "{" } else { "" };
            let answer = send(&app, &method, &format!("{path}?limit=nonsense"), &headers, body).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(challenge)), "{method} {path}");
            if method != Method::HEAD {
                answer.assert_problem(401, "unauthenticated");
            }
        }
    }
    // Not even waited for.
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.ask("POST /interviews", "content-length: 20\r\n").await.assert_problem(401, "unauthenticated");
    app.info(&link).await.assert_status(200);
    assert_eq!(count(&app).await, 1);
}

#[tokio::test]
async fn a_member_keeps_no_interviews() {
    let app = TestApp::start().await;
    let (rita, eve) = (app.member_with("rita", "recruiter").await, app.member("eve").await);
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    let bearer = format!("Bearer {}", eve.access);
    for id in [link.interview.as_str(), ID] {
        for (method, path) in endpoints(id) {
            let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
            let answer = send(&app, &method, &format!("{path}?state=nonsense"), &headers, "").await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (403, None), "{method} {path}");
            if method != Method::HEAD {
                answer.assert_problem(403, "forbidden");
            }
        }
    }
    let asks = format!("authorization: {bearer}\r\ncontent-length: 20\r\n");
    let mut raw = Raw::connect(app.nodes[0].public).await;
    raw.ask("POST /interviews", &asks).await.assert_problem(403, "forbidden");
    create(&app, &eve, &form("ada@example.com").to_string()).await.assert_problem(403, "forbidden");
    app.info(&link).await.assert_status(200);
    assert_eq!(count(&app).await, 1);
}

#[tokio::test]
async fn an_interview_that_was_never_made_is_not_found() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    for id in [ID, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"] {
        for (method, path) in endpoints(id).into_iter().skip(3) {
            let answer = app.call(method.clone(), &path, &rita.access, &Value::Null).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            if method != Method::HEAD {
                answer.assert_problem(404, "not-found");
            }
        }
    }
    assert_eq!(count(&app).await, 0);
}

#[tokio::test]
async fn a_form_is_a_json_object_of_the_right_shape() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let mut good = form("ada@example.com");
    good["expiresInHours"] = json!(24);
    for (member, value) in good.as_object().unwrap() {
        let other = if value.is_number() { json!("60") } else { json!(60) };
        for wrong in [Value::Null, other, json!(true), json!([value]), json!({"value": value})] {
            let body = with(&good, member, &wrong).to_string();
            create(&app, &rita, &body).await.assert_problem(400, "malformed-body");
        }
        let twice = good.to_string().replacen('{', &format!("{{\"{member}\": {value},"), 1);
        create(&app, &rita, &twice).await.assert_problem(400, "malformed-body");
    }
    for body in ["", "{", "[]", "null", "{} {}", "\"Ada\""] {
        create(&app, &rita, body).await.assert_problem(400, "malformed-body");
    }
    let large = format!("{{\"more\": \"{}\"}}", "x".repeat(32_768));
    create(&app, &rita, &large).await.assert_problem(413, "body-too-large");
    let bearer = format!("Bearer {}", rita.access);
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
    {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        let answer = send(&app, &Method::POST, "/interviews", &headers, &good.to_string()).await;
        answer.assert_problem(415, "unsupported-media-type");
    }
    assert_eq!(count(&app).await, 0);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let needed = ["candidateName", "candidateEmail", "position", "durationMinutes"];
    let missing = needed.map(|field| (field, "is required"));
    assert_wrong(create(&app, &rita, r#"{"joinUrl": null}"#).await, &missing);
    for field in needed {
        let mut body = form("ada@example.com");
        body.as_object_mut().unwrap().remove(field);
        assert_wrong(create(&app, &rita, &body.to_string()).await, &[(field, "is required")]);
    }
    let body = json!({"candidateName": " ", "candidateEmail": "ada", "position": "x".repeat(201),
        "durationMinutes": 0, "expiresInHours": 8_761});
    let all = [
        ("candidateName", TEXT),
        ("candidateEmail", ADDRESS),
        ("position", TEXT),
        ("durationMinutes", MINUTES),
        ("expiresInHours", HOURS),
    ];
    assert_wrong(create(&app, &rita, &body.to_string()).await, &all);
    // An address of 255 bytes.
    let long = format!("{}@{}.com", "a".repeat(64), [&"b".repeat(62)[..], &"c".repeat(62), &"d".repeat(59)].join("."));
    assert_eq!(long.len(), 254);
    for (field, values, message) in [
        ("candidateName", vec![json!(""), json!("é".repeat(201))], TEXT),
        ("position", vec![json!(""), json!("\u{3000}")], TEXT),
        ("candidateName", vec![json!("Ada\nLovelace"), json!("\u{7f}")], PRINTABLE),
        ("candidateEmail", vec![json!("ada@example.com\r\nBcc: eve@example.com")], PRINTABLE),
        ("position", vec![json!("\u{1b}[31m")], PRINTABLE),
        (
            "candidateEmail",
            vec![
                json!(""),
                json!("ada@"),
                json!("ada@example.com,eve@example.com"),
                json!("Ada <ada@example.com>"),
                json!(format!("a{long}")),
            ],
            ADDRESS,
        ),
        ("durationMinutes", vec![json!(0), json!(-1), json!(1_441), json!(1e15)], MINUTES),
        ("durationMinutes", vec![json!(1.5), json!(1e300)], WHOLE),
        ("expiresInHours", vec![json!(0), json!(-24), json!(8_761)], HOURS),
        ("expiresInHours", vec![json!(0.5)], WHOLE),
    ] {
        for value in values {
            let body = with(&form("ada@example.com"), field, &value).to_string();
            assert_wrong(create(&app, &rita, &body).await, &[(field, message)]);
        }
    }
    assert_eq!(count(&app).await, 0);
}

#[tokio::test]
async fn the_widest_form_is_taken_and_the_link_lives_as_long_as_it_says() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let name = "é".repeat(200);
    for (minutes, whole, hours, life) in [
        (json!(1), 1, Some(1), 3_600),
        (json!(1_440), 1_440, Some(8_760), 8_760 * 3_600),
        // JSON tells no difference from 60.
        (json!(60.0), 60, None, 7 * 24 * 3_600),
    ] {
        let mut body = json!({"candidateName": format!(" {name}\u{3000}"), "candidateEmail": " Ada@example.com ",
            "position": name, "durationMinutes": minutes, "state": "revoked", "id": ID, "candidateAge": null});
        if let Some(hours) = hours {
            body["expiresInHours"] = json!(hours);
        }
        let before = now();
        let answer = create(&app, &rita, &body.to_string()).await.assert_status(201);
        let after = now();
        let made = answer.json();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let location = answer.header("location").unwrap();
        assert_eq!(location, format!("/interviews/{}", made["id"].as_str().unwrap()));
        let expires = OffsetDateTime::parse(made["expiresAt"].as_str().unwrap(), &Rfc3339).unwrap().unix_timestamp();
        assert!((before..=after).contains(&(expires - life)), "{made}");

        let told = app.call(Method::GET, location, &rita.access, &Value::Null).await.assert_status(200);
        assert_eq!(told.header("cache-control"), Some("no-store"));
        let told = told.json();
        for (member, value) in [
            ("candidateName", json!(name)),
            ("candidateEmail", json!("Ada@example.com")),
            ("position", json!(name)),
            ("durationMinutes", json!(whole)),
            ("state", json!("open")),
            ("expiresAt", made["expiresAt"].clone()),
        ] {
            assert_eq!((&made[member], &told[member]), (&value, &value), "{member}");
        }
        assert!(told.get("joinUrl").is_none(), "{told}");
    }
}

#[tokio::test]
async fn an_interview_whose_mail_has_no_room_to_wait_is_not_made() {
    let setup = Setup::new().set("redis.partitions", &1).set("mail.waiting_max", &1);
    let app = setup.start().await;
    let rita = app.member_with("rita", "recruiter").await;
    // A mail that waits for long.
    app.resp().call(&["ZADD", "vb:mail:{00}", "4000000000000", "invitation-00000000000000000000000000000000"]);
    app.resp().call(&["EXPIRE", "vb:mail:{00}", "3600"]);
    create(&app, &rita, &form("ada@example.com").to_string()).await.assert_problem(503, "unavailable");
    assert_eq!(count(&app).await, 0);
    // Its link is nobody's, and dead for good.
    let dead = "SELECT 1 FROM dead_links WHERE link_digest NOT IN (SELECT link_digest FROM interviews)";
    assert_eq!(query(&app.database, dead).await.len(), 1);
    app.resp().call(&["DEL", "vb:mail:{00}"]);
    app.interview(&rita, "ada@example.com").await;
}

#[tokio::test]
async fn a_body_is_ignored_where_none_is_taken() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (made, link) = app.interview(&rita, "ada@example.com").await;
    let bearer = format!("Bearer {}", rita.access);
    let one = format!("/interviews/{}", link.interview);
    for (method, path, content_type, body, status) in [
        (Method::GET, "/interviews", "text/plain", "{", 200),
        (Method::GET, &one, "application/json", "{\"a\": null,", 200),
        (Method::POST, &format!("{one}/reissue"), "text/plain", "{", 200),
        (
            Method::POST,
            &format!("{one}/reissue"),
            "application/json",
            r#"{"expiresInHours": 9000, "position": 1}"#,
            200,
        ),
        (Method::DELETE, &one, "application/json", "null", 204),
    ] {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let answer = send(&app, &method, path, &headers, body).await.assert_status(status);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        assert_eq!(answer.body.is_empty(), status == 204, "{method} {path}");
    }
    let told = app.told(&rita, &link.interview).await.assert_status(200).json();
    assert_eq!((&told["position"], &told["state"]), (&made["position"], &json!("revoked")));
}

#[tokio::test]
async fn a_head_is_that_of_get_without_the_body() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    // From then on, nothing changes.
    app.call(Method::DELETE, &format!("/interviews/{}", link.interview), &rita.access, &Value::Null)
        .await
        .assert_status(204);
    for (path, status) in [
        ("/interviews".to_owned(), 200),
        ("/interviews?limit=0".to_owned(), 422),
        (format!("/interviews/{}", link.interview), 200),
        (format!("/interviews/{ID}"), 404),
    ] {
        let get = app.call(Method::GET, &path, &rita.access, &Value::Null).await.assert_status(status);
        let head = app.call(Method::HEAD, &path, &rita.access, &Value::Null).await.assert_status(status);
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        for header in ["content-type", "content-length", "cache-control"] {
            assert!(get.header(header).is_some(), "{header} {path}");
            assert_eq!(get.header(header), head.header(header), "{header} {path}");
        }
    }
}
