//! The API as a document: OpenAPI 3.1 for programs, a page for people.
//!
//! Each feature describes its endpoints in its `docs.rs`, with the types that it answers;
//! `endpoints` asks for all of them, `operation` and `refusals` add what they have in
//! common, `document` and `page` write it down. Statuses come from [`Slug`](super::Slug).

mod docs;
mod document;
mod endpoints;
mod operation;
mod page;
mod refusals;
#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

pub(crate) use self::operation::{Answer, Credential, Operation, PROXY, Tag, file, text};
use super::Reply;

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| document::build().to_json().expect("a document of strings and numbers is JSON"));

/// The document, as it is served. Made when it is first asked for.
#[must_use]
pub fn json() -> &'static str {
    &DOCUMENT
}

/// GET /openapi.json
pub(super) fn document() -> Reply {
    Reply::fixed("application/json", json().as_bytes())
}

static PAGE: LazyLock<String> = LazyLock::new(page::render);

/// GET /docs
pub(super) fn page() -> Reply {
    let policy = HeaderValue::from_str(&page::policy()).expect("a digest in base64 is header text");
    Reply::fixed("text/html; charset=utf-8", PAGE.as_bytes())
        .header(CONTENT_SECURITY_POLICY, policy)
        .header(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}
