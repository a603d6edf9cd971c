//! The document of the API, the page of it, and whether requests are read as it says.
//! Answers are held against it wherever a test asks for one: `support::conformance`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use vestibule::http::openapi_json;
use vestibule::http::route::Endpoint;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;

#[tokio::test]
async fn the_document_and_the_page_are_served_without_a_dependency() {
    let app = TestApp::start().await;
    app.redis.pause().unwrap();
    let url = |path: &str| format!("http://{}{path}", app.nodes[0].public);
    let document = app.http.get(&url("/openapi.json")).await.assert_status(200);
    let page = app.http.get(&url("/docs")).await.assert_status(200);
    let head = app.http.send(Method::HEAD, &url("/openapi.json"), &[], "").await.assert_status(200);
    app.redis.resume().unwrap();

    assert_eq!(document.body, openapi_json().as_bytes());
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(document.json()["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(head.header("content-length"), Some(openapi_json().len().to_string().as_str()));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn the_page_names_every_endpoint_and_loads_nothing() {
    let app = TestApp::start().await;
    let page = app.http.get(&format!("http://{}/docs", app.nodes[0].public)).await.assert_status(200);
    let html = String::from_utf8(page.body.clone()).unwrap();
    let between = |from: &str, to: &str| -> Vec<&str> {
        html.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
    };

    let [style] = between("<style>", "</style>")[..] else { panic!("one style") };
    let sha256 = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{sha256}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(page.header("content-security-policy"), Some(policy.as_str()));
    for word in ["<script", "<link", "<img", " src=", " style=", "url(", "@import", "http:", "https:"] {
        assert!(!html.contains(word), "{word}");
    }

    let ids = between(" id=\"", "\"");
    for href in between(" href=\"", "\"") {
        assert!(href == "/openapi.json" || ids.contains(&href.trim_start_matches('#')), "{href}");
    }
    for endpoint in Endpoint::ALL {
        assert!(ids.contains(&endpoint.label()), "{endpoint:?}");
        assert!(html.contains(&format!("<code>{}</code>", endpoint.path())), "{endpoint:?}");
    }
}

/// An operation that takes JSON.
struct Request {
    method: Method,
    path: String,
    bearer: bool,
    schema: Value,
    example: Value,
}

fn requests() -> Vec<Request> {
    let document: Value = serde_json::from_str(openapi_json()).unwrap();
    let read = |endpoint: &&Endpoint| {
        let operation = &document["paths"][endpoint.path()][endpoint.method().to_lowercase()];
        let body = operation["requestBody"]["content"].get("application/json")?;
        let schema = body["schema"]["$ref"].as_str().unwrap();
        Some(Request {
            method: endpoint.method().parse().unwrap(),
            path: endpoint.path().to_owned(),
            bearer: operation["security"].to_string().contains("accessToken"),
            schema: document.pointer(&schema[1..]).unwrap().clone(),
            example: body["example"].clone(),
        })
    };
    Endpoint::ALL.iter().filter_map(|endpoint| read(&endpoint)).collect()
}

impl Request {
    fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.schema["properties"].as_object().unwrap().iter()
    }

    /// The example with one member otherwise.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut body = self.example.clone();
        body[name] = value;
        body
    }

    async fn send(&self, app: &TestApp, token: &str, access: &str, body: &Value) -> Answer {
        let url = format!("http://{}{}", app.nodes[0].public, self.path.replace("{token}", token));
        let bearer = format!("Bearer {access}");
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let headers = if self.bearer { &headers[..] } else { &headers[..1] };
        app.http.send(self.method.clone(), &url, headers, &body.to_string()).await
    }
}

/// Values that break a rule of a schema, one for each of its rules.
fn wrong_values(schema: &Value) -> Vec<Value> {
    let size = |keyword: &str| usize::try_from(schema[keyword].as_u64().unwrap()).unwrap();
    let number = |keyword: &str| schema[keyword].as_i64().unwrap();
    let mut wrong = Vec::new();
    for keyword in schema.as_object().unwrap().keys() {
        wrong.push(match keyword.as_str() {
            "minLength" => json!("a".repeat(size(keyword) - 1)),
            "maxLength" => json!("a".repeat(size(keyword) + 1)),
            "pattern" => json!("?"),
            "minimum" => json!(number(keyword) - 1),
            "maximum" => json!(number(keyword) + 1),
            "maxItems" => json!((0..=size(keyword)).map(|n| n.to_string()).collect::<Vec<_>>()),
            "format" if schema[keyword] == "email" => json!("nobody"),
            "format" => {
                assert!(schema[keyword] == "password" || schema[keyword] == "int32", "{schema}");
                continue;
            }
            "items" => {
                wrong.extend(wrong_values(&schema["items"]).into_iter().map(|item| json!([item])));
                continue;
            }
            "type" | "description" | "examples" => continue,
            unknown => panic!("this test does not know how to break {unknown}"),
        });
    }
    wrong
}

/// Values at the bounds of a schema, where they keep to the rest of it.
fn right_values(schema: &Value) -> Vec<Value> {
    // No word that is among the common passwords, whatever its length.
    let text = |length: u64| "xq7_".chars().cycle().take(usize::try_from(length).unwrap()).collect::<String>();
    let texts = |count: u64| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let mut right = Vec::new();
    for (keyword, bound) in schema.as_object().unwrap() {
        right.push(match keyword.as_str() {
            "minLength" | "maxLength" => json!(text(bound.as_u64().unwrap())),
            "minimum" | "maximum" => bound.clone(),
            "minItems" | "maxItems" => json!(texts(bound.as_u64().unwrap())),
            "items" => {
                right.extend(right_values(bound).into_iter().map(|item| json!([item])));
                continue;
            }
            _ => continue,
        });
    }
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    right.retain(|value| validator.is_valid(value));
    right
}

#[tokio::test]
async fn bodies_are_read_as_they_are_written() {
    let setup = ["signup_ip", "login_ip", "forgot_ip", "reset_ip", "candidate_ip"]
        .iter()
        .fold(Setup::new(), |setup, limit| setup.set(&format!("limits.{limit}.max"), &200));
    let app = setup.start().await;
    let link = app.invite("grace@example.com").await.token;
    let access = app.member_with("grace", "admin").await.access;
    let requests = requests();
    assert!(requests.len() >= 8, "{}", requests.len());

    for request in requests {
        let send = async |body: &Value| request.send(&app, &link, &access, body).await;
        let what = format!("{} {}", request.method, request.path);
        let required: Vec<&str> =
            request.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, schema) in request.members() {
            let mut without = request.example.clone();
            without.as_object_mut().unwrap().remove(name).unwrap_or_else(|| panic!("{what}: no example of {name}"));
            if required.contains(&name.as_str()) {
                assert_names(&send(&without).await, name);
            }
            let types = schema["type"].to_string();
            assert!(!types.contains("boolean"), "{what}: {name}");
            send(&request.with(name, json!(true))).await.assert_problem(400, "malformed-body");
            if !types.contains("null") {
                send(&request.with(name, Value::Null)).await.assert_problem(400, "malformed-body");
            }
            for wrong in wrong_values(schema) {
                assert_names(&send(&request.with(name, wrong)).await, name);
            }
            for right in right_values(schema) {
                let answer = send(&request.with(name, right.clone())).await;
                assert!(![400, 415, 422].contains(&answer.status), "{what}: {name}: {right}: {}", answer.text());
            }
        }
        let answer = send(&request.example).await;
        assert!(![400, 415, 422].contains(&answer.status), "{what}: {}", answer.text());
    }
}

/// The refusal is of this member, and of no other.
#[track_caller]
fn assert_names(answer: &Answer, name: &str) {
    let errors = &answer.clone().assert_problem(422, "validation-failed").json()["errors"];
    let named: Vec<&str> = errors.as_array().unwrap().iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(named, [name], "{}", answer.text());
}

#[test]
fn every_example_keeps_to_its_schema() {
    for request in requests() {
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&request.schema).unwrap();
        assert!(validator.is_valid(&request.example), "{}: {}", request.path, request.example);
    }
}
