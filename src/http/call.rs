//! What a handler sees of a request.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::problem::whole_seconds;
use super::upload::{ENVELOPE_BYTES_MAX, FORM, Place, file_of};
use super::{Object, Problem, Query, Slug};
use crate::access::{Bearer, Caller, Device};
use crate::app::App;
use crate::audit::Entry;
use crate::limits::{Admission, Limit, Permit, Policy, Standing, Subject};
use crate::users::UserId;

/// For a body that was sent along with its head. To wait for a slower one costs more than a
/// new connection.
const SETTLE: Duration = Duration::from_millis(100);

/// A request under way.
#[derive(Debug)]
pub struct Call {
    headers: HeaderMap,
    query: Option<String>,
    body: Option<Incoming>,
    client: IpAddr,
    id: String,
    gone: CancellationToken,
    policies: Vec<Policy>,
    standings: Vec<Standing>,
    refusal_is_news: bool,
    /// Of an upload.
    place: Option<Place>,
}

/// Browsers name themselves in some 120 characters.
const DEVICE_CHARS_MAX: usize = 200;

const LOG_IN: &str = "Log in, and send the access token as Authorization: Bearer.";

/// Why a request has no answer that anybody read.
pub(super) const HUNG_UP: &str = "the client hung up";

impl Call {
    /// The request `id` of `client`. Whoever waits for its answer holds the guard: once it is dropped, the client is
    /// [gone](Self::gone).
    pub(super) fn new(head: Parts, body: Incoming, client: IpAddr, id: String) -> (Self, DropGuard) {
        let gone = CancellationToken::new();
        let waiting = gone.clone().drop_guard();
        let (query, headers) = (head.uri.query().map(str::to_owned), head.headers);
        let (policies, standings) = (Vec::new(), Vec::new());
        let (place, refusal_is_news) = (None, false);
        (
            Self { headers, query, body: Some(body), client, id, gone, policies, standings, refusal_is_news, place },
            waiting,
        )
    }

    /// Records that this request made something happen.
    pub fn audit<'a>(&'a self, app: &App, entry: Entry<'a>) {
        app.trail.record(&entry.of_request(self.client, &self.id));
    }

    /// Cancelled when nobody waits for the answer any longer: the client hung up, or was told
    /// that this takes too long. Work that nothing lasting depends on may be given up then.
    #[must_use]
    pub fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Where the request comes from, as its sender may see it in the list of sessions.
    #[must_use]
    pub fn device(&self) -> Device {
        let name = self.header("user-agent").unwrap_or_default().chars().take(DEVICE_CHARS_MAX).collect();
        Device { name, address: self.client.to_string() }
    }

    /// Whom the bearer token names (RFC 6750, 2.1). Its session may have ended.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub fn bearer(&self, app: &App) -> Result<Bearer, Problem> {
        let token = self.bearer_token().ok_or_else(|| Problem::no_credentials(LOG_IN))?;
        app.access.bearer(token).ok_or_else(Problem::session_over)
    }

    /// The bearer token, whatever it is; `None` where there is none, or more than one.
    #[must_use]
    pub fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The authenticated user, whose session lives.
    ///
    /// # Errors
    /// `unauthenticated`, `unavailable`.
    pub async fn caller(&self, app: &App) -> Result<Caller, Problem> {
        let bearer = self.bearer(app)?;
        app.access.check(&bearer).await?.ok_or_else(Problem::session_over)
    }

    /// Its query.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        Query::new(self.query.as_deref())
    }

    /// Whether a person in a browser reads the answer (RFC 9110, 12.5.1): no program asks for HTML by its name.
    #[must_use]
    pub(super) fn wants_page(&self) -> bool {
        let accepted = self.header("accept").unwrap_or_default();
        accepted.split(',').any(|range| range.trim().starts_with("text/html"))
    }

    /// Whether there is such a header, of whatever value.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
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
    /// `rate-limited` or `too-many-attempts` where it is over, `unavailable` where Redis cannot say.
    pub async fn admit(&mut self, app: &App, limit: Limit) -> Result<Permit, Problem> {
        self.policies.insert(0, app.limits.policy(limit));
        let (slug, detail) = match limit {
            Limit::LoginIp => (Slug::TooManyAttempts, "Too many wrong tries to log in came from your network."),
            _ => (Slug::RateLimited, "Too many requests came from your network address. Please wait a little."),
        };
        self.judge(app.limits.admit(limit, &Subject::of(self.client)).await?, slug, detail)
    }

    /// Counts an invitation that `user` is about to have mailed.
    ///
    /// # Errors
    /// `rate-limited`, `unavailable`.
    pub async fn admit_invitation(&mut self, app: &App, user: UserId) -> Result<Permit, Problem> {
        self.policies.insert(0, app.limits.invitation_policy());
        let detail = "You have invited very many candidates within the hour. Please wait a little.";
        self.judge(app.limits.admit_invitation(user).await?, Slug::RateLimited, detail)
    }

    fn judge(&mut self, admission: Admission, slug: Slug, detail: &'static str) -> Result<Permit, Problem> {
        match admission {
            Admission::Admitted(permit, standing) => {
                self.standings.push(standing);
                Ok(permit)
            }
            Admission::Refused(standing, news) => {
                self.standings.push(standing);
                self.refusal_is_news = news;
                Err(Problem::new(slug, detail).retry_after(standing.reset))
            }
        }
    }

    /// Whether a limit has just refused the client, and not for the same thing lately.
    #[must_use]
    pub fn refusal_is_news(&self) -> bool {
        self.refusal_is_news
    }

    /// Gives back what was admitted last, for a request that was refused otherwise and is
    /// none of those that are limited.
    pub async fn give_back(&mut self, app: &App, permit: Permit, refused: Problem) -> Problem {
        match app.limits.give_back(permit).await {
            Ok(()) => self.gave_back(),
            // What was refused stays refused, for its own reason.
            Err(fault) => tracing::warn!(cause = %fault, "a request that was refused stays counted"),
        }
        refused
    }

    /// Notes that what was admitted last was given back.
    pub fn gave_back(&mut self) {
        if let Some(standing) = self.standings.last_mut() {
            standing.remaining += 1;
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
        if !self.header("content-type").is_some_and(|content_type| is(content_type, "application/json")) {
            let detail = "Send JSON with Content-Type: application/json.";
            return Err(Problem::new(Slug::UnsupportedMediaType, detail));
        }
        let body = self.bytes(app, app.http.body_bytes_max).await?;
        Object::parse(&body)
    }

    /// Reads a file: the whole body, or the part `file` of a form. From then on until this
    /// call ends, it counts among those that the node holds.
    ///
    /// # Errors
    /// `body-too-large`, `request-timeout`, `malformed-body`; `validation-failed` where a
    /// form has no such part, or two; `unavailable` where too many are being read, or another
    /// one of this user.
    pub async fn upload(&mut self, app: &App, user: UserId, bytes_max: usize) -> Result<Bytes, Problem> {
        let form = self.header("content-type").filter(|content_type| is(content_type, FORM)).map(str::to_owned);
        self.place = Some(app.uploads.enter(user).await?);
        match form {
            None => self.bytes(app, bytes_max).await,
            Some(content_type) => {
                let body = self.bytes(app, bytes_max + ENVELOPE_BYTES_MAX).await?;
                file_of(&content_type, body, bytes_max).await
            }
        }
    }

    /// Reads a body as it is.
    ///
    /// # Errors
    /// `body-too-large`, `request-timeout`, `malformed-body`.
    pub async fn bytes(&mut self, app: &App, bytes_max: usize) -> Result<Bytes, Problem> {
        let deadline = app.http.body_timeout;
        let body = self.body.take().ok_or(Slug::Internal)?;
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        match timeout(deadline, gather(body, bytes_max)).await {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            Ok(Err(Cut::TooLarge)) => Err(too_large(bytes_max)),
            Ok(Err(Cut::Early(error))) => {
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
                timeout(SETTLE, gather(body, bytes_max)).await.is_ok_and(|read| read.is_ok())
            }
            _ => true,
        }
    }

    /// `RateLimit-Policy` and `RateLimit`, as the IETF's httpapi draft writes them: every
    /// limit that applies, and where the caller stands with the tightest.
    pub(super) fn rate_limit_headers(&self) -> Option<[(HeaderName, HeaderValue); 2]> {
        let tightest = self.standings.iter().min_by_key(|limit| (limit.remaining, Reverse(limit.reset)))?;
        let mut policy = String::with_capacity(64);
        for limit in &self.policies {
            policy.push_str(if policy.is_empty() { "\"" } else { ", \"" });
            policy.push_str(limit.name);
            policy.push_str("\";q=");
            push_number(&mut policy, limit.max);
            if let Some(window) = limit.window {
                policy.push_str(";w=");
                push_number(&mut policy, window.as_secs());
            }
        }
        let mut state = String::with_capacity(32);
        state.push('"');
        state.push_str(tightest.name);
        state.push_str("\";r=");
        push_number(&mut state, tightest.remaining);
        state.push_str(";t=");
        push_number(&mut state, whole_seconds(tightest.reset));
        let value = |text: String| HeaderValue::try_from(text).expect("names and numbers are header text");
        Some([
            (HeaderName::from_static("ratelimit-policy"), value(policy)),
            (HeaderName::from_static("ratelimit"), value(state)),
        ])
    }
}

fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Why a body is not there as a whole.
enum Cut {
    TooLarge,
    Early(hyper::Error),
}

/// Copies what arrives: pieces that are kept as they come hold the buffers that they came
/// in, and a sender may make each a single byte.
async fn gather(mut body: Incoming, bytes_max: usize) -> Result<Vec<u8>, Cut> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(Cut::Early)?.into_data() else { continue };
        if bytes.len() + piece.len() > bytes_max {
            return Err(Cut::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

pub(super) fn closes() -> HeaderValue {
    HeaderValue::from_static("close")
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Slug::BodyTooLarge, format!("The body may have {bytes_max} bytes."))
        .header(header::CONNECTION, closes())
}

fn is(content_type: &str, media_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;

    /// Longer than it takes on a loaded machine to see that a connection has ended.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn work_for_a_client_that_hangs_up_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, mut told) = mpsc::channel(2);
        tokio::spawn(async move {
            let (stream, peer) = listener.accept().await.unwrap();
            let service = service_fn(|request: Request<Incoming>| {
                let tell = tell.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let (call, _waiting) = Call::new(parts, body, peer.ip(), "the-impatient".to_owned());
                    let handler = tokio::spawn(async move {
                        tell.send("begun").await.unwrap();
                        call.gone().cancelled().await;
                        tell.send("given up").await.unwrap();
                    });
                    handler.await.unwrap();
                    Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                }
            });
            http1::Builder::new().half_close(false).serve_connection(TokioIo::new(stream), service).await
        });

        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        assert_eq!(told.recv().await, Some("begun"));
        assert!(told.try_recv().is_err(), "the client is there");
        drop(client);
        assert_eq!(timeout(PATIENCE, told.recv()).await.expect("the work is given up"), Some("given up"));
    }
}
