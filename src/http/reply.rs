//! What a handler answers when all is well.

use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::body::{Body, full, pieces};
use crate::fault::Fault;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Body,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200 with JSON.
    ///
    /// # Panics
    /// Where `value` is no JSON, which a struct of ours always is.
    #[must_use]
    pub fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("structs of ours are JSON");
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status: StatusCode::OK, body: full(body), headers: vec![json] }
    }

    /// 200 with what does not change while the node runs.
    #[must_use]
    pub fn fixed(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, body: full(body), headers: Vec::new() }
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// A status with nothing behind it, as 204.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: full(Bytes::new()), headers: Vec::new() }
    }

    /// 200 with `length` bytes that are too many to hold. `ask` gives some of them, from an
    /// offset on; it is asked when the client has taken those before, and never for HEAD.
    ///
    /// Where it fails, answers `None`, nothing, or more than was promised, the connection is
    /// cut off: the client sees that something is missing.
    #[must_use]
    pub fn stream<A, F, B>(content_type: &'static str, length: u64, mut ask: A) -> Self
    where
        A: FnMut(u64) -> F + Send + 'static,
        F: Future<Output = Result<Option<B>, Fault>> + Send + 'static,
        B: Into<Bytes> + 'static,
    {
        let body = pieces(length, move |from| {
            let asked = ask(from);
            async move { asked.await.map(|piece| piece.map(Into::into)) }
        });
        Self { status: StatusCode::OK, body, headers: Vec::new() }
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Unix milliseconds as the API writes times: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
    // Beyond the year 9999 there is no such text, and no such interview.
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).expect("a time of whole seconds in UTC has such a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_in_utc() {
        assert_eq!(rfc3339(1_795_342_500_999), "2026-11-22T10:15:00Z");
    }
}
