//! The public listener: one acceptor, which deals connections out to the workers in turn.
//!
//! Not SO_REUSEPORT: a proxy keeps a few connections, and the kernel would spread those
//! few unevenly.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::linger::Lingering;
use super::respond::respond;
use crate::app::App;
use crate::metrics::{Metrics, OpenConnection};

/// After an accept that failed for want of files or memory.
const BACK_OFF: Duration = Duration::from_millis(100);

/// For the first request of a connection that was made before the door was shut: a proxy that does not look whether we
/// drain, as nginx, sends it as soon as the connection stands, and does not send a POST twice. As long as a packet that
/// was lost takes to be sent again.
const FIRST_REQUEST_PATIENCE: Duration = Duration::from_secs(1);

/// A connection on its way to a worker.
#[derive(Debug)]
pub struct Accepted {
    stream: std::net::TcpStream,
    peer: IpAddr,
    _place: OwnedSemaphorePermit,
    _open: OpenConnection,
}

/// Accepts until `stop`, at most `connections_max` at a time: more wait in the kernel. A
/// client that does not take its answers within `patience` is hung up on.
pub async fn accept(
    listener: TcpListener,
    workers: Vec<mpsc::Sender<Accepted>>,
    connections_max: usize,
    patience: Duration,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let mut turns = workers.iter().cycle();
    let mut deal = async |accepted| {
        let Some(worker) = turns.next() else { return };
        // A worker that does not take it has ended by a bug; its share is lost, loudly.
        if worker.send(accepted).await.is_err() {
            tracing::error!("a worker has ended early");
        }
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept_one(&listener, &places, patience, &metrics) => deal(accepted).await,
        }
    }
    // The kernel would reset those that it has let in already, requests and all. They are no more than there are places;
    // who comes while we do this, in whatever numbers, does not keep us from the end.
    let Ok(listener) = listener.into_std() else { return };
    for _ in 0..connections_max {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        match take_waiting(&listener, patience) {
            Ok((stream, peer)) => {
                deal(Accepted { stream, peer: peer.ip(), _place: place, _open: metrics.connection() }).await;
            }
            Err(error) if is_of_the_connection(&error) => {}
            // There are no more.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => {
                metrics.accept_failed();
                tracing::error!(cause = %error, "the last connections cannot be accepted, and are reset");
                break;
            }
        }
    }
}

/// One that the kernel has let in already.
fn take_waiting(listener: &std::net::TcpListener, patience: Duration) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    hand_over(TcpStream::from_std(stream)?, peer, patience)
}

async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    patience: Duration,
    metrics: &Arc<Metrics>,
) -> Accepted {
    let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        let accepted = match listener.accept().await {
            Ok((stream, peer)) => hand_over(stream, peer, patience),
            Err(error) => Err(error),
        };
        match accepted {
            Ok((stream, peer)) => {
                return Accepted { stream, peer: peer.ip(), _place: place, _open: metrics.connection() };
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                metrics.accept_failed();
                tracing::error!(cause = %error, "a connection cannot be accepted; is the limit of open files too low?");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// Frees the connection from this runtime, so that a worker's can take it.
///
/// A client that asks and never reads would keep its connection for ever: the library has
/// a deadline for heads, not for answers. The kernel has one.
fn hand_over(stream: TcpStream, peer: SocketAddr, patience: Duration) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_user_timeout(Some(patience))?;
    Ok((stream.into_std()?, peer))
}

/// The client was gone before we came: nothing is wrong here.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}

/// Serves what the acceptor deals out, until it ends and every connection with it.
pub async fn serve(app: Arc<App>, mut accepted: mpsc::Receiver<Accepted>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    while let Some(connection) = accepted.recv().await {
        connections.spawn(serve_connection(Arc::clone(&app), connection, stop.clone()));
    }
    connections.close();
    connections.wait().await;
}

async fn serve_connection(app: Arc<App>, connection: Accepted, stop: CancellationToken) {
    let Accepted { stream, peer, _place, _open } = connection;
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::error!(cause = %error, "a connection cannot be taken over");
            return;
        }
    };
    let (settings, asked) = (&app.http, AtomicBool::new(false));
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        // In a box: the library keeps room for this future as long as the connection is open, and moves it.
        let answer = Box::pin(respond(Arc::clone(&app), peer, request));
        answer.map(Ok::<_, std::convert::Infallible>)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // Bounds the head, and how long an idle connection is kept.
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(settings.head_bytes_max)
        // The buffer alone may take in more in one go.
        .max_header_size(settings.head_bytes_max)
        .keep_alive(true)
        // A client that closes its half has hung up: its answer has no reader.
        .half_close(false)
        .serve_connection(Lingering::new(stream), service);
    let mut served = pin!(served);
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = stop.cancelled() => {
            // Its answer says that the connection closes, which ends it.
            let first = match asked.load(Ordering::Relaxed) {
                false => timeout(FIRST_REQUEST_PATIENCE, served.as_mut()).await.ok(),
                true => None,
            };
            match first {
                Some(outcome) => outcome,
                None => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            }
        }
    };
    if let Err(error) = outcome {
        // A head that cannot be read, a client that went away: theirs, not ours.
        tracing::debug!(cause = %error, %peer, "a connection ended early");
    }
}
