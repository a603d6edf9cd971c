//! Problems: what a client is told when it does not get what it asked for (RFC 9457).
//!
//! [`Slug`] is the only table from a reason to a status.

use std::borrow::Cow;
use std::time::Duration;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{Body, full};
use crate::fault::Fault;

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// The stable name of a problem: clients switch on it.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Slug { $($(#[$doc])* $name,)* }

        impl Slug {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn row(self) -> (&'static str, u16, &'static str) {
                match self { $(Self::$name => ($slug, $status, $title)),* }
            }
        }
    };
}

slugs! {
    /// No such path.
    NotFound = "not-found", 404, "There is nothing here";
    /// The path takes another method.
    MethodNotAllowed = "method-not-allowed", 405, "This path takes another method";
    /// Larger than the endpoint takes.
    BodyTooLarge = "body-too-large", 413, "The body is too large";
    /// Not the media type that the endpoint takes.
    UnsupportedMediaType = "unsupported-media-type", 415, "This media type is not taken here";
    /// Not JSON of the right shape.
    MalformedBody = "malformed-body", 400, "The body is not JSON of the right shape";
    /// A member breaks a rule.
    ValidationFailed = "validation-failed", 422, "A member breaks a rule";
    /// No, bad or expired credentials.
    Unauthenticated = "unauthenticated", 401, "Authentication is needed";
    /// Authenticated, but not allowed.
    Forbidden = "forbidden", 403, "This is not allowed";
    /// The body did not arrive in time.
    RequestTimeout = "request-timeout", 408, "The body did not arrive in time";
    /// A dependency cannot answer, or the node sheds load.
    Unavailable = "unavailable", 503, "Temporarily unavailable";
    /// A limit on the client's address.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// A username or an address that somebody has already.
    AlreadyTaken = "already-taken", 409, "This is taken already";
    /// Too many wrong tries to log in.
    TooManyAttempts = "too-many-attempts", 429, "Too many wrong tries";
    /// An unknown login or a wrong password: nobody can tell which.
    InvalidCredentials = "invalid-credentials", 401, "Login or password is not right";
    /// A refresh token that does not work (any more).
    RefreshInvalid = "refresh-invalid", 401, "This session cannot be refreshed";
    /// A reset token that does not work (any more).
    ResetTokenInvalid = "reset-token-invalid", 401, "This link does not reset a password";
    /// Expired, revoked, reissued over, worn out or never issued: nobody can tell which.
    LinkNotFound = "link-not-found", 404, "This link does not work";
    /// Too soon after the last request for a code.
    OtpResendTooSoon = "otp-resend-too-soon", 429, "A code was sent a moment ago";
    /// Too many requests for a code.
    OtpRequestLimit = "otp-request-limit", 429, "Too many codes were asked for";
    /// Locked after wrong codes.
    OtpCooldown = "otp-cooldown", 429, "Too many wrong codes";
    /// A wrong code.
    OtpIncorrect = "otp-incorrect", 401, "The code is not right";
    /// The code before the newest one.
    OtpSuperseded = "otp-superseded", 401, "A newer code was sent";
    /// No code is outstanding.
    OtpExpired = "otp-expired", 401, "The code has expired";
    /// A bug of ours.
    Internal = "internal-error", 500, "Something broke on our side";
}

impl Slug {
    /// Its text in `type`, after `urn:vestibule:problem:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The `type` of its problems.
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:vestibule:problem:{}", self.name())
    }

    /// Its status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).expect("the table holds statuses")
    }

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
    }
}

/// One refusal: a slug, what to do about it, and what else the client may use.
#[derive(Debug)]
pub struct Problem {
    slug: Slug,
    detail: Cow<'static, str>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    cause: Option<String>,
}

impl Problem {
    /// A problem with words that say what to do.
    pub fn new(slug: Slug, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { slug, detail: detail.into(), members: Map::new(), headers: Vec::new(), cause: None }
    }

    /// One member of the body breaks a rule.
    #[must_use]
    pub fn field(field: &str, message: &str) -> Self {
        Self::fields(&[(field, message.to_owned())])
    }

    /// Some members do, each with words that say what would be right: people mend a form at once.
    #[must_use]
    pub fn fields(errors: &[(&str, String)]) -> Self {
        let words = errors.iter().map(|(field, message)| format!("{field}: {message}")).collect::<Vec<_>>();
        let errors = errors.iter().map(|(field, message)| json!({"field": field, "message": message}));
        Self::new(Slug::ValidationFailed, words.join("; ")).with("errors", errors.collect::<Vec<_>>())
    }

    /// Members that are needed are missing.
    #[must_use]
    pub fn missing(names: &[&str]) -> Self {
        let errors: Vec<_> = names.iter().map(|name| (*name, "is required".to_owned())).collect();
        Self::fields(&errors)
    }

    /// Credentials are missing: the challenge names no error (RFC 6750, 3.1).
    #[must_use]
    pub fn no_credentials(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"vestibule\"");
        Self::new(Slug::Unauthenticated, detail).header(header::WWW_AUTHENTICATE, challenge)
    }

    /// Credentials are bad or over (RFC 6750, 3.1).
    #[must_use]
    pub fn bad_credentials(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"vestibule\", error=\"invalid_token\"");
        Self::new(Slug::Unauthenticated, detail).header(header::WWW_AUTHENTICATE, challenge)
    }

    /// An access token that is bad, expired, or of a session that has ended.
    #[must_use]
    pub fn session_over() -> Self {
        Self::bad_credentials("The access token is wrong or over. Refresh it, or log in again.")
    }

    /// Something that is needed cannot answer; `cause` is for the log.
    #[must_use]
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(Slug::Unavailable, "We cannot answer just now. Please try again in a moment.")
            .retry_after(Duration::from_secs(1))
            .because(cause)
    }

    /// The same with other words for the caller.
    #[must_use]
    pub fn saying(mut self, detail: &'static str) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a member of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to try again: whole seconds, rounded up, at least 1, in header and body.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = whole_seconds(wait).max(1);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds)).with("retryAfter", seconds)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Its slug.
    #[must_use]
    pub fn slug(&self) -> Slug {
        self.slug
    }

    /// What the log may know.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut document = self.members;
        document.insert("type".to_owned(), self.slug.urn().into());
        document.insert("title".to_owned(), self.slug.title().into());
        document.insert("status".to_owned(), self.slug.status().as_u16().into());
        document.insert("detail".to_owned(), self.detail.into());
        let mut response = Response::new(full(Value::Object(document).to_string()));
        *response.status_mut() = self.slug.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers);
        response
    }
}

/// Rounded up: a client that waits for so long is not refused again.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Slug> for Problem {
    /// With the title's words alone.
    fn from(slug: Slug) -> Self {
        Self::new(slug, slug.title())
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn field_errors_stand_beside_each_other() {
        use http_body_util::BodyExt as _;
        let problem = Problem::fields(&[("phone", "is none".to_owned()), ("skills", "are too many".to_owned())]);
        let response = problem.into_response();
        assert_eq!(response.status(), 422);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["detail"], "phone: is none; skills: are too many");
        let errors = json!([
            {"field": "phone", "message": "is none"},
            {"field": "skills", "message": "are too many"},
        ]);
        assert_eq!(document["errors"], errors);
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (ms, seconds) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds);
        }
    }
}
