//! The platform behind the proxies: it tells what came to it, and echoes what comes through an upgrade.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    hang_up: watch::Sender<()>,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, (hang_up, hung_up)) = (Arc::<AtomicUsize>::default(), watch::channel(()));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let mut hung_up = hung_up.clone();
                hung_up.mark_unchanged();
                tokio::spawn(async move {
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(tell));
                    tokio::select! {
                        _ = connection.with_upgrades() => {}
                        _ = hung_up.changed() => {}
                    }
                });
            }
        });
        Self { address, connections, hang_up }
    }

    /// Connections that were made to it until now.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes those that are open.
    pub(super) fn hang_up(&self) {
        self.hang_up.send_replace(());
    }
}

async fn tell(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let mut response = Response::builder().header("x-platform", "yes");
    if let Some(protocol) = request.headers().get("upgrade") {
        response = response.header("connection", "upgrade").header("upgrade", protocol);
        // To the key of RFC 6455's example (1.3): HAProxy looks.
        response = response.header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            let _hung_up = tokio::io::copy(&mut from, &mut to).await;
        });
        return Ok(response.status(StatusCode::SWITCHING_PROTOCOLS).body(Full::default()).unwrap());
    }
    if path.starts_with("/assets/") {
        // As a node of another release.
        return Ok(response.status(StatusCode::NOT_FOUND).body(Full::default()).unwrap());
    }
    let body = request.body_mut().collect().await.map_or(0, |body| body.to_bytes().len());
    let seen = json!({"method": method, "path": path, "headers": headers, "body": body});
    Ok(response.body(Full::from(seen.to_string())).unwrap())
}
