//! A client, and answers that say what they are when they are not what they should be. Each is
//! held against the document of the API.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::conformance;

/// Sends requests, over connections that it keeps.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Whether what answers is Vestibule itself, which does as its document says.
    strict: bool,
}

/// An answer, whole.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), strict: true }
    }

    /// The same client for a server that may answer in Vestibule's place.
    pub(crate) fn to_proxy(&self) -> Self {
        Self { client: self.client.clone(), strict: false }
    }

    /// A client at this address of the machine.
    pub(crate) fn from_address(address: [u8; 4]) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address.into()));
        Self { client: Client::builder(TokioExecutor::new()).build(connector), strict: false }
    }

    pub(crate) async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send_bytes(method, url, headers, body.to_owned()).await
    }

    pub(crate) async fn send_bytes(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let path = request.uri().path().to_owned();
        let response = self.client.request(request).await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        if self.strict {
            conformance::check(&method, &path, &answer);
        }
        answer
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Method::GET, url, &[], "").await
    }

    pub(crate) async fn post(&self, url: &str) -> Answer {
        self.send(Method::POST, url, &[], "").await
    }

    pub(crate) async fn post_json(&self, url: &str, body: &str) -> Answer {
        self.send(Method::POST, url, &[("content-type", "application/json")], body).await
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Status, slug, media type and the members that every problem has.
    #[track_caller]
    pub(crate) fn assert_problem(self, status: u16, slug: &str) -> Self {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:vestibule:problem:{slug}"), "{text}");
        assert_eq!(problem["status"], status, "{text}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{text}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{text}");
        if matches!(status, 429 | 503) {
            let seconds: u64 = self.header("retry-after").expect("Retry-After").parse().unwrap();
            assert!(seconds >= 1, "{text}");
            assert_eq!(problem["retryAfter"], seconds, "{text}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn assert_retry_after(self, seconds: u64) -> Self {
        assert_eq!(self.header("retry-after"), Some(seconds.to_string().as_str()), "{}", self.text());
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A text member of the body.
    #[track_caller]
    pub(crate) fn text_of(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no text {member} in {}", self.text())).to_owned()
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
