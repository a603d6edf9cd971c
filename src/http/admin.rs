//! The admin listener: for the orchestrator, the scraper and the engineer; never proxied.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Slug;
use super::body::{Body, full};
use super::problem::Problem;
use super::respond::{X_REQUEST_ID, request_id};
use crate::fault::Dependency;
use crate::health::Health;
use crate::mail::Capture;
use crate::metrics::Metrics;

/// Heads on this listener come from our own side, and are short.
const HEAD_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// Scrapers and probes, with room to spare.
const CONNECTIONS_MAX: usize = 64;

/// What the admin listener can tell.
#[derive(Debug)]
pub struct Admin {
    /// Cancelled when the node begins to drain.
    pub draining: CancellationToken,
    /// The dependencies, as this node last saw them.
    pub health: Health,
    /// The series.
    pub metrics: Arc<Metrics>,
    /// Captured mail, where there is any.
    pub capture: Option<Capture>,
}

/// Serves until `stop`.
pub async fn serve_admin(listener: TcpListener, admin: Arc<Admin>, stop: CancellationToken) {
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::error!(cause = %error, "an admin connection cannot be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            serve_connection(admin, stream).await;
            drop(place);
        });
    }
}

async fn serve_connection(admin: Arc<Admin>, stream: TcpStream) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let admin = Arc::clone(&admin);
        async move {
            let id = request_id(request.headers());
            let id = HeaderValue::from_str(&id).expect("a request id is header text");
            let mut response = answer(&admin, request.method(), request.uri().path(), request.uri().query()).await;
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(X_REQUEST_ID, id);
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(cause = %error, "an admin connection ended early");
    }
}

async fn answer(admin: &Admin, method: &Method, path: &str, query: Option<&str>) -> Response<Body> {
    let known = matches!(path, "/livez" | "/readyz" | "/metrics" | "/version")
        || (admin.capture.is_some() && matches!(path, "/dev/mail" | "/dev/mail.json"));
    if !known {
        return Problem::from(Slug::NotFound).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::from(Slug::MethodNotAllowed)
            .header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
            .into_response();
    }
    match path {
        "/livez" => typed("application/json", json!({"status": "alive"}).to_string()),
        "/readyz" => ready(admin).await,
        "/metrics" => typed("application/openmetrics-text; version=1.0.0; charset=utf-8", admin.metrics.render()),
        "/version" => typed("application/json", json!({"version": env!("CARGO_PKG_VERSION")}).to_string()),
        _ => captured(admin, path, query),
    }
}

/// A dependency that is down is named, and does not take the node out: all nodes share
/// it, and a fleet out of the proxy answers nobody.
async fn ready(admin: &Admin) -> Response<Body> {
    let draining = admin.draining.is_cancelled();
    let problems = admin.health.look().await;
    let standing = |dependency| match problems.iter().any(|fault| fault.dependency() == dependency) {
        true => "down",
        false => "up",
    };
    let words = problems.iter().map(|fault| json!({"dependency": fault.dependency().name(), "cause": fault.cause()}));
    let mut body = json!({
        "status": if draining { "draining" } else { "ready" },
        "redis": standing(Dependency::Redis),
        "postgres": standing(Dependency::Postgres),
        "problems": words.collect::<Vec<_>>(),
    });
    if draining {
        body["retryAfter"] = 1.into();
    }
    let mut response = typed("application/json", body.to_string());
    if draining {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn captured(admin: &Admin, path: &str, query: Option<&str>) -> Response<Body> {
    let Some(capture) = &admin.capture else { return Problem::from(Slug::NotFound).into_response() };
    if path == "/dev/mail" {
        return typed("text/html; charset=utf-8", capture.page());
    }
    let to = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("to=")));
    let to = to.map(|to| percent_encoding::percent_decode_str(to).decode_utf8_lossy().into_owned());
    typed("application/json", capture.to_json(to.as_deref()))
}

fn typed(content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
