//! One request: found, run, answered, logged and counted.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response};
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::body::Body;
use super::call::{Call, HUNG_UP, closes};
use super::route::{self, Endpoint, NoRoute, Route};
use super::{Problem, Reply, Slug, authz, openapi};
use crate::app::App;
use crate::id::Id;
use crate::interviews::http::recruiter;
use crate::metrics::Metrics;
use crate::trace::Trace;
use crate::{accounts, candidate, interviews, pages, profile, reset, sessions};

/// What a handler hands back.
type Outcome = (Option<Headers>, Keep, Result<Reply, Problem>);

/// Whether the connection can carry another request.
type Keep = bool;

/// Answers one request. Never fails: what goes wrong is an answer too.
pub(super) async fn respond(app: Arc<App>, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let id = request_id(&parts.headers);
    let client = app.proxies.client(peer, &parts.headers);
    let found = route::find(&parts.method, parts.uri.path());
    let endpoint = found.as_ref().ok().map(Route::endpoint);
    let label = endpoint.map_or("none", Endpoint::label);
    let (method, metrics, trace) = (name_of(&parts.method), &*app.metrics, trace(&parts.headers, &id));
    let for_proxy = endpoint.is_some_and(Endpoint::is_authz);
    // A proxy asks with whatever method it was asked with.
    let safe = for_proxy || parts.method.is_safe();
    let traceparent = for_proxy.then(|| next_traceparent(&trace, &parts.headers)).flatten();
    let mut line = Line { method, label, client, id: id.clone(), trace, started, open: true, metrics };

    // Dropped with this future: that is how a handler hears that the client hung up.
    let (mut call, _waiting) = Call::new(parts, body, client, id);
    let deadline = app.http.handler_timeout;
    let (quotas, keep, result) = match found {
        Err(missing) => (None, call.settle(app.http.body_bytes_max).await, refuse(&app, missing, &call)),
        Ok(route) if safe => finished(timeout(deadline, in_place(&app, route, call)).await, deadline),
        Ok(route) => finished(timeout(deadline, finishing(&app, route, call)).await, deadline),
    };
    let result = if for_proxy { result.map_err(authz::no_or_not_now) } else { result };

    let (slug, cause) = match &result {
        Ok(_) => ("", None),
        Err(problem) => (problem.slug().name(), problem.cause().map(str::to_owned)),
    };
    let mut response = result.map_or_else(Problem::into_response, Reply::into_response);
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, HeaderValue::from_str(&line.id).expect("a request id is header text"));
    headers.extend(quotas.into_iter().flatten());
    headers.extend(traceparent.filter(|_| slug.is_empty()).map(|next| (TRACEPARENT, next)));
    if !keep || app.draining.is_cancelled() {
        // While it drains: a proxy that keeps connections open looks for another node with its next request.
        headers.insert(header::CONNECTION, closes());
    }
    let status = response.status().as_u16();
    app.metrics.answered(label, status, slug, started.elapsed());
    line.write(status, slug, cause.as_deref().unwrap_or(""));
    response
}

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The handler, which goes on in a task of its own where the client hangs up: the library drops what it awaits then, and
/// a decision that was begun is to be finished.
fn finishing(app: &Arc<App>, route: Route, call: Call) -> impl Future<Output = Result<Outcome, &'static str>> {
    let app_of_handler = Arc::clone(app);
    let handler: BoxFuture<'static, Outcome> = Box::pin(async move { handle(&app_of_handler, route, call).await });
    AssertUnwindSafe(Finishing { handler: Some(handler), tasks: &app.tasks }).catch_unwind().map_err(|_| PANICKED)
}

/// A task from the beginning would be woken by what it waits for, and then wake the connection: once more than this.
struct Finishing<'a> {
    handler: Option<BoxFuture<'static, Outcome>>,
    tasks: &'a TaskTracker,
}

impl Future for Finishing<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Taken out, so that one that panics is not begun again.
        let mut handler = self.handler.take().expect("it is not asked again once it has ended");
        let polled = handler.as_mut().poll(cx);
        if polled.is_pending() {
            self.handler = Some(handler);
        }
        polled
    }
}

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        // Where the runtime itself ends, nothing goes on.
        if let Some(handler) = self.handler.take()
            && Handle::try_current().is_ok()
        {
            self.tasks.spawn(handler);
        }
    }
}

/// The handler of what changes nothing, which may be dropped with the socket.
fn in_place(app: &App, route: Route, call: Call) -> impl Future<Output = Result<Outcome, &'static str>> {
    AssertUnwindSafe(handle(app, route, call)).catch_unwind().map_err(|_| PANICKED)
}

const PANICKED: &str = "the handler panicked";

async fn handle(app: &App, route: Route, mut call: Call) -> Outcome {
    let result = run(app, route, &mut call).await;
    let keep = call.settle(app.http.body_bytes_max).await;
    (call.rate_limit_headers(), keep, result)
}

/// Every endpoint, with what it asks for before it sees the body.
async fn run(app: &App, route: Route, call: &mut Call) -> Result<Reply, Problem> {
    match route {
        Route::CandidateInfo { link } => candidate::http::info(app, &link, call).await,
        Route::RequestOtp { link } => candidate::http::request_otp(app, &link, call).await,
        Route::VerifyOtp { link } => candidate::http::verify_otp(app, &link, call).await,
        Route::Start { link } => candidate::http::start(app, &link, call).await,
        Route::SignUp => rare(accounts::http::sign_up(app, call)).await,
        Route::LogIn => rare(accounts::http::log_in(app, call)).await,
        Route::Refresh => rare(sessions::http::refresh(app, call)).await,
        Route::LogOut => rare(async { sessions::http::log_out(app, &call.caller(app).await?, call).await }).await,
        Route::LogOutEverywhere => {
            rare(async { sessions::http::log_out_everywhere(app, &call.caller(app).await?, call).await }).await
        }
        Route::Sessions => rare(async { sessions::http::list(app, &call.caller(app).await?).await }).await,
        Route::EndSession { id } => {
            rare(async { sessions::http::end(app, &call.caller(app).await?, &id, call).await }).await
        }
        Route::Me | Route::Profile => {
            rare(async { Ok(accounts::http::me(&accounts::http::member(app, call).await?)) }).await
        }
        Route::ChangePassword => {
            rare(async { accounts::http::change_password(app, &accounts::http::member(app, call).await?, call).await })
                .await
        }
        Route::ForgotPassword => rare(reset::http::forgot_password(app, call)).await,
        Route::ResetPassword => rare(reset::http::reset_password(app, call)).await,
        Route::ChangeProfile => rare(async { profile::http::change(app, &call.caller(app).await?, call).await }).await,
        Route::PutResume => rare(async { profile::http::put_resume(app, &call.caller(app).await?, call).await }).await,
        Route::Resume => rare(async { profile::http::resume(app, &call.caller(app).await?).await }).await,
        Route::DeleteResume => rare(async { profile::http::delete_resume(app, &call.caller(app).await?).await }).await,
        Route::CreateInterview => {
            rare(async { interviews::http::create(app, &recruiter(app, call).await?, call).await }).await
        }
        Route::Interviews => {
            rare(async { interviews::http::list(app, &recruiter(app, call).await?, call).await }).await
        }
        Route::Interview { id } => {
            rare(async { interviews::http::read(app, &recruiter(app, call).await?, id).await }).await
        }
        Route::ReissueInterview { id } => {
            rare(async { interviews::http::reissue(app, &recruiter(app, call).await?, id, call).await }).await
        }
        Route::RevokeInterview { id } => {
            rare(async { interviews::http::revoke(app, &recruiter(app, call).await?, id, call).await }).await
        }
        Route::AuthzUser { least } => sessions::http::authz(least, &call.caller(app).await?),
        Route::AuthzCandidate => candidate::http::authz(app, call).await,
        Route::OpenApi => Ok(openapi::document()),
        Route::Docs => Ok(openapi::page()),
        Route::JoinPage => Ok(pages::http::page(&app.pages.join, call)),
        Route::PreCheckPage => Ok(pages::http::page_with_devices(&app.pages.pre_check, call)),
        Route::GonePage { .. } => Ok(pages::http::nowhere(&app.pages.gone, call)),
        Route::SignUpPage => Ok(pages::http::page(&app.pages.sign_up, call)),
        Route::LogInPage => Ok(pages::http::page(&app.pages.log_in, call)),
        Route::ForgotPasswordPage => Ok(pages::http::page(&app.pages.forgot_password, call)),
        Route::ResetPasswordPage => Ok(pages::http::page(&app.pages.reset_password, call)),
        Route::AccountPage => Ok(pages::http::page(&app.pages.account, call)),
        Route::Asset { version, name } => pages::http::asset(&version, &name, call),
    }
}

/// In a box: what is rare takes no room in the future that every request is made of, which is moved as a whole.
fn rare<'a>(
    handler: impl Future<Output = Result<Reply, Problem>> + Send + 'a,
) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(handler)
}

type Headers = [(HeaderName, HeaderValue); 2];

/// What became of a handler within the deadline.
fn finished(handled: Result<Result<Outcome, &'static str>, Elapsed>, deadline: Duration) -> Outcome {
    match handled {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(cause)) => (None, false, Err(Problem::from(Slug::Internal).because(cause))),
        Err(_) => {
            let problem = Problem::new(Slug::Unavailable, "This took too long. Please try again in a moment.")
                .retry_after(Duration::from_secs(1))
                .because(format!("no answer of the handler in {} s", deadline.as_secs()));
            (None, false, Err(problem))
        }
    }
}

fn refuse(app: &App, missing: NoRoute, call: &Call) -> Result<Reply, Problem> {
    match missing {
        NoRoute::Path if call.wants_page() => Ok(pages::http::nowhere(&app.pages.lost, call)),
        NoRoute::Path => Err(Slug::NotFound.into()),
        NoRoute::Link => Err(candidate::http::no_such_link()),
        NoRoute::Method(allow) => Err(Problem::new(Slug::MethodNotAllowed, format!("Use {allow}."))
            .header(header::ALLOW, HeaderValue::from_static(allow))),
    }
}

/// The caller's, if it is 8 to 128 of `A-Za-z0-9._-`, else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let sent = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let usable = |id: &&str| {
        (8..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    sent.filter(usable).map_or_else(|| Id::nonce().to_string(), str::to_owned)
}

/// The caller's, if it is well formed; else one that has the request's name, where that can be a trace's.
fn trace(headers: &HeaderMap, request_id: &str) -> Trace {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let only = sent.next().filter(|_| sent.next().is_none());
    Trace::of(only.map(HeaderValue::as_bytes), || Id::parse(request_id).unwrap_or_else(Id::nonce))
}

/// What the next step in this trace is told: the client's own as it came, or whom it began with.
fn next_traceparent(trace: &Trace, headers: &HeaderMap) -> Option<HeaderValue> {
    match trace.begun() {
        Some(begun) => HeaderValue::from_str(&begun).ok(),
        None => headers.get(TRACEPARENT).cloned(),
    }
}

/// A method of ours, or none: anybody may invent one as long as a head.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("OTHER")
}

/// The one line of a request. It names the route, never the path: the path is a secret.
struct Line<'a> {
    method: &'static str,
    label: &'static str,
    client: IpAddr,
    id: String,
    trace: Trace,
    started: Instant,
    open: bool,
    metrics: &'a Metrics,
}

impl Line<'_> {
    fn write(&mut self, status: u16, slug: &'static str, cause: &str) {
        self.open = false;
        let Self { method, label, client, id, trace, started, .. } = self;
        let (trace_id, parent_id) = (trace.id(), trace.parent());
        // As u64: the JSON formatter writes an u128 as text.
        let us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if status >= 500 {
            tracing::error!(target: "vestibule::request", %method, route = label, status, slug, cause, %client, request_id = id, us, %trace_id, parent_id);
        } else {
            tracing::info!(target: "vestibule::request", %method, route = label, status, slug, cause, %client, request_id = id, us, %trace_id, parent_id);
        }
    }
}

impl Drop for Line<'_> {
    /// The client hung up, and what awaits the handler was dropped. The handler goes on; its
    /// answer has no reader. 499 is what nginx writes then.
    fn drop(&mut self) {
        if self.open {
            self.write(499, "", HUNG_UP);
            self.metrics.abandoned(self.label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of what a function makes, which is not called.
    fn size_of_future<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_every_request_is_made_of_is_small() {
        // Each is moved as a whole, more than once.
        let answered = size_of_future(|(app, peer, request)| respond(app, peer, request));
        let handled = size_of_future(|(app, route, call): (&'static App, Route, Call)| handle(app, route, call));
        assert!(answered <= 4_096 && handled <= 3_072, "{answered} and {handled} bytes");
    }
}
