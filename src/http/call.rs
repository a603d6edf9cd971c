//! What a handler sees of a request.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use tokio::time::timeout;

use super::client::subject;
use super::problem::whole_seconds;
use super::{Object, Problem, Slug};
use crate::app::App;
use crate::limits::{Admission, Limit, Permit, Policy, Standing};

/// For a body that was sent along with its head. To wait for a slower one costs more than a
/// new connection.
const SETTLE: Duration = Duration::from_millis(100);

/// A request under way.
#[derive(Debug)]
pub struct Call {
    headers: HeaderMap,
    body: Option<Incoming>,
    client: IpAddr,
    policies: Vec<Policy>,
    standings: Vec<Standing>,
}

impl Call {
    pub(super) fn new(headers: HeaderMap, body: Incoming, client: IpAddr) -> Self {
        Self { headers, body: Some(body), client, policies: Vec::new(), standings: Vec::new() }
    }

    /// The one value of a header; `None` where it is missing, repeated or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// Counts the client against a limit.
    ///
    /// # Errors
    /// `rate-limited` where it is over, `unavailable` where Redis cannot say.
    pub async fn admit(&mut self, app: &App, limit: Limit) -> Result<Permit, Problem> {
        self.policies.insert(0, app.limits.policy(limit));
        match app.limits.admit(limit, &app.keyring, &subject(self.client)).await? {
            Admission::Admitted(permit, standing) => {
                self.standings.push(standing);
                Ok(permit)
            }
            Admission::Refused(standing) => {
                self.standings.push(standing);
                let detail = "Too many requests came from your network address. Please wait a little.";
                Err(Problem::new(Slug::RateLimited, detail).retry_after(standing.reset))
            }
        }
    }

    /// Notes a limit that the decision itself counts, whatever it is going to answer.
    pub fn applies(&mut self, policy: Policy) {
        self.policies.push(policy);
    }

    /// Notes where the caller stands with such a limit.
    pub fn stands(&mut self, name: &'static str, remaining: u64, reset: Duration) {
        self.standings.push(Standing { name, remaining, reset });
    }

    /// Reads a JSON body.
    ///
    /// # Errors
    /// `unsupported-media-type`, `body-too-large`, `request-timeout`, `malformed-body`.
    pub async fn json(&mut self, app: &App) -> Result<Object, Problem> {
        if !self.header("content-type").is_some_and(is_json) {
            let detail = "Send JSON with Content-Type: application/json.";
            return Err(Problem::new(Slug::UnsupportedMediaType, detail));
        }
        let body = self.read(app.http.body_bytes_max, app.http.body_timeout).await?;
        Object::parse(&body)
    }

    async fn read(&mut self, bytes_max: usize, deadline: Duration) -> Result<Bytes, Problem> {
        let body = self.body.take().ok_or(Slug::Internal)?;
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        match timeout(deadline, Limited::new(body, bytes_max).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
            Ok(Err(error)) => {
                Err(Problem::new(Slug::MalformedBody, "The body ended early.").because(error.to_string()))
            }
            Err(_) => {
                let detail = format!("The body must arrive within {} s.", deadline.as_secs());
                Err(Problem::new(Slug::RequestTimeout, detail).header(header::CONNECTION, closes()))
            }
        }
    }

    /// Takes in a body that nobody asked for, where it is there already, so that the
    /// connection can be kept. Whether it can.
    pub(super) async fn settle(&mut self, bytes_max: usize) -> bool {
        match self.body.take() {
            Some(body) if !body.is_end_stream() => {
                if body.size_hint().lower() > bytes_max as u64 {
                    return false;
                }
                timeout(SETTLE, Limited::new(body, bytes_max).collect()).await.is_ok_and(|read| read.is_ok())
            }
            _ => true,
        }
    }

    /// `RateLimit-Policy` and `RateLimit`, as the IETF's httpapi draft writes them: every
    /// limit that applies, and where the caller stands with the tightest.
    pub(super) fn rate_limit_headers(&self) -> Option<[(HeaderName, HeaderValue); 2]> {
        let tightest = self.standings.iter().min_by_key(|limit| (limit.remaining, Reverse(limit.reset)))?;
        let mut policy = String::new();
        for limit in &self.policies {
            let comma = if policy.is_empty() { "" } else { ", " };
            let _ = write!(policy, "{comma}\"{}\";q={}", limit.name, limit.max);
            if let Some(window) = limit.window {
                let _ = write!(policy, ";w={}", window.as_secs());
            }
        }
        let state = format!("\"{}\";r={};t={}", tightest.name, tightest.remaining, whole_seconds(tightest.reset));
        let value = |text: String| HeaderValue::from_str(&text).expect("names and numbers are header text");
        Some([
            (HeaderName::from_static("ratelimit-policy"), value(policy)),
            (HeaderName::from_static("ratelimit"), value(state)),
        ])
    }
}

pub(super) fn closes() -> HeaderValue {
    HeaderValue::from_static("close")
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Slug::BodyTooLarge, format!("The body may have {bytes_max} bytes."))
        .header(header::CONNECTION, closes())
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
