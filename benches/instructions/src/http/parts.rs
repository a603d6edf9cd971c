//! The steps one by one.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hyper::body::Body as _;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;

use super::body::Body;
use super::{Object, Problem, Reply, Slug, TrustedProxies, rfc3339, route};
use crate::id::Id;
use crate::trace::Trace;
use crate::{Entry, Work, work};

pub(crate) const ENTRIES: &[Entry] = &[
    Entry { name: "parse.client", prepare: || work((proxies(), headers()), |(p, h)| p.client(PROXY, h)) },
    Entry { name: "parse.trace", prepare: || work(TRACEPARENT, |sent| Trace::of(Some(sent.as_bytes()), Id::nonce)) },
    Entry { name: "parse.verify-otp", prepare: || work(BODY, |body| code(body)) },
    Entry { name: "route.first", prepare: || find(Method::GET, LINK, "/info") },
    Entry { name: "route.verify-otp", prepare: || find(Method::POST, LINK, "/verify-otp") },
    Entry { name: "route.authz", prepare: || find(Method::GET, "/authz/user", "") },
    Entry { name: "route.interview", prepare: || find(Method::GET, INTERVIEW, "") },
    Entry { name: "route.page", prepare: || find(Method::GET, PAGE, "") },
    Entry { name: "route.last", prepare: || find(Method::GET, "/assets/0123456789abcdef/join.js", "") },
    Entry { name: "route.no-path", prepare: || find(Method::GET, "/wp-admin/setup-config.php", "") },
    Entry { name: "route.no-method", prepare: || find(Method::DELETE, "/auth/login", "") },
    Entry { name: "reply.json", prepare: || work((), |()| info()) },
    Entry { name: "reply.problem", prepare: || work((), |()| limited()) },
];

pub(super) const LINK: &str = "/candidate-access/AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const INTERVIEW: &str = "/interviews/01981c2e-7d4a-7c3e-9d0b-5a1f3c2b4e6d";
const PAGE: &str = "/interview/join/AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub(super) const BODY: &[u8] = br#"{"otp":"123456"}"#;

fn find(method: Method, path: &str, rest: &str) -> Work {
    work((method, format!("{path}{rest}")), |(method, path)| route::find(method, path))
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")])
}

/// As a proxy behind a proxy sends them.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "interviews.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "application/json"),
        ("x-forwarded-for", "203.0.113.7, 10.0.0.2"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

pub(super) fn code(body: &[u8]) -> Option<String> {
    Object::parse(body).and_then(|mut object| object.text("otp")).ok().flatten()
}

/// Of the shape of what `info` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    candidate_name: &'a str,
    position: &'a str,
    masked_email: &'a str,
    expires_at: String,
    resend_in: u64,
    cooldown: u64,
    attempts_remaining: u64,
    r#ref: Option<&'a str>,
}

pub(super) fn info() -> Response<Body> {
    let reply = Reply::json(&Info {
        candidate_name: "Ada Lovelace",
        position: "Analyst of Engines",
        masked_email: "a***@e***.com",
        expires_at: rfc3339(1_795_342_500_999),
        resend_in: 30,
        cooldown: 0,
        attempts_remaining: 5,
        r#ref: Some("K7Q"),
    });
    let [policy, state] = quotas();
    whole(reply.header(policy.0, policy.1).header(state.0, state.1).into_response(), StatusCode::OK)
}

fn limited() -> Response<Body> {
    let detail = "Too many requests came from your network address. Please wait a little.";
    let [policy, state] = quotas();
    let problem = Problem::new(Slug::RateLimited, detail).retry_after(Duration::from_millis(41_500));
    let problem = problem.header(policy.0, policy.1).header(state.0, state.1);
    whole(problem.into_response(), StatusCode::TOO_MANY_REQUESTS)
}

/// Their text is made by `Call`, which knows the whole service; here it is only taken in.
fn quotas() -> [(HeaderName, HeaderValue); 2] {
    let value = |text: &str| HeaderValue::from_str(text).expect("header text");
    [
        (HeaderName::from_static("ratelimit-policy"), value(r#""candidate_ip";q=300;w=60"#)),
        (HeaderName::from_static("ratelimit"), value(r#""candidate_ip";r=299;t=60"#)),
    ]
}

fn whole(response: Response<Body>, status: StatusCode) -> Response<Body> {
    assert!(response.status() == status && response.body().size_hint().exact() > Some(0), "not the answer to count");
    response
}
