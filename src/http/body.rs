//! The body of an answer: whole, or read piece by piece as the client takes it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::Full;
use hyper::body::{Bytes, Frame, SizeHint};

use crate::fault::Fault;

/// What is sent behind a head.
#[derive(Debug)]
pub(super) enum Body {
    /// Nearly every one: small, and made with the head.
    Whole(Full<Bytes>),
    /// Too large to hold for a client that takes its time.
    Pieces(Pieces),
}

type Piece = Pin<Box<dyn Future<Output = Result<Option<Bytes>, Fault>> + Send>>;

/// The next piece is asked for when the connection has room for it: no more than one is
/// held, none for HEAD, and none for a client that has gone, with whom this is dropped.
///
/// No task and no channel: the connection itself is what a drain waits for.
pub(super) struct Pieces {
    ask: Box<dyn FnMut(u64) -> Piece + Send>,
    asked: Option<Piece>,
    sent: u64,
    length: u64,
}

pub(super) fn full(text: impl Into<Bytes>) -> Body {
    Body::Whole(Full::new(text.into()))
}

pub(super) fn pieces<A, F>(length: u64, mut ask: A) -> Body
where
    A: FnMut(u64) -> F + Send + 'static,
    F: Future<Output = Result<Option<Bytes>, Fault>> + Send + 'static,
{
    let ask = Box::new(move |from| -> Piece { Box::pin(ask(from)) });
    Body::Pieces(Pieces { ask, asked: None, sent: 0, length })
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Pieces(pieces) => pieces.poll(cx).map(|piece| piece.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Pieces(pieces) => pieces.sent == pieces.length,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Pieces(pieces) => SizeHint::with_exact(pieces.length - pieces.sent),
        }
    }
}

impl Pieces {
    /// The length was promised with the head: where it cannot be kept, an error ends the
    /// connection, so that the client sees that something is missing.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.sent == self.length {
            return Poll::Ready(None);
        }
        let asked = self.asked.get_or_insert_with(|| (self.ask)(self.sent));
        let answer = ready!(asked.as_mut().poll(cx));
        self.asked = None;
        let cause = match answer {
            Ok(Some(piece)) if !piece.is_empty() && piece.len() as u64 <= self.length - self.sent => {
                self.sent += piece.len() as u64;
                return Poll::Ready(Some(Ok(piece)));
            }
            Ok(Some(piece)) => format!("a piece of {} bytes, with {} to go", piece.len(), self.length - self.sent),
            Ok(None) => "what was being read is gone".to_owned(),
            Err(fault) => fault.to_string(),
        };
        tracing::error!(cause, sent = self.sent, length = self.length, "an answer broke off");
        Poll::Ready(Some(Err(io::Error::other(cause))))
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("sent", &self.sent).field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use hyper::Response;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::fault::Dependency;

    /// What the client reads of one answer, and whether the server was content.
    async fn fetch(method: &str, body: Body) -> (String, bool) {
        let (mut client, served) = serve(body).await;
        let head = format!("{method} / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        (text, served.await.unwrap())
    }

    async fn serve(body: Body) -> (TcpStream, JoinHandle<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let served = tokio::spawn(async move {
            let body = Mutex::new(Some(body));
            let service = service_fn(move |_| {
                let response = Response::new(body.lock().unwrap().take().unwrap());
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new().max_buf_size(8_192).serve_connection(TokioIo::new(server), service);
            connection.await.is_ok()
        });
        (client, served)
    }

    /// "0123..." of `length` bytes, in pieces of `size`.
    fn digits(length: u64, size: u64, asked: &Arc<AtomicU64>) -> Body {
        let asked = Arc::clone(asked);
        pieces(length, move |from| {
            asked.fetch_add(1, Ordering::Relaxed);
            async move {
                // Not there at once.
                tokio::task::yield_now().await;
                let piece = (from..length.min(from + size)).map(|n| b'0' + u8::try_from(n % 10).unwrap());
                Ok(Some(piece.collect()))
            }
        })
    }

    #[tokio::test]
    async fn pieces_arrive_as_one_body_of_a_known_length() {
        let asked = Arc::new(AtomicU64::new(0));
        let (text, content) = fetch("GET", digits(25, 10, &asked)).await;
        assert!(content && text.contains("content-length: 25\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n0123456789012345678901234"), "{text}");
        assert_eq!(asked.load(Ordering::Relaxed), 3);

        let (text, content) = fetch("GET", digits(0, 10, &asked)).await;
        assert!(content && text.contains("content-length: 0\r\n"), "{text}");
    }

    #[tokio::test]
    async fn head_reads_nothing() {
        let asked = Arc::new(AtomicU64::new(0));
        let (text, content) = fetch("HEAD", digits(25, 10, &asked)).await;
        assert!(content && text.contains("content-length: 25\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_breaks_off_looks_like_it() {
        let fault = || Err(Fault::new(Dependency::Postgres, "gone"));
        let piece = |text: &'static str| Ok(Some(Bytes::from_static(text.as_bytes())));
        for second in [fault(), Ok(None), piece(""), piece("6 or more")] {
            let mut answers = vec![second, piece("01234")];
            let body = pieces(10, move |_| {
                let answer = answers.pop().unwrap();
                async {
                    // What came before it is sent meanwhile.
                    tokio::task::yield_now().await;
                    answer
                }
            });
            let (text, content) = fetch("GET", body).await;
            assert!(!content && text.contains("content-length: 10\r\n") && text.ends_with("\r\n\r\n01234"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_read_for_and_one_that_leaves_ends_it() {
        let (length, size) = (1 << 40, 65_536);
        let asked = Arc::new(AtomicU64::new(0));
        let (mut client, served) = serve(digits(length, size, &asked)).await;
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        let mut taken = vec![0; 1 << 20];
        client.read_exact(&mut taken).await.unwrap();
        // The kernel's buffers are full when nothing more is asked for, turn after turn.
        let (mut before, mut calm) = (0, 0);
        while calm < 10_000 {
            tokio::task::yield_now().await;
            let now = asked.load(Ordering::Relaxed);
            calm = if now == before { calm + 1 } else { 0 };
            before = now;
        }
        assert!(before * size < 64 << 20, "{before} pieces");
        drop(client);
        assert!(!served.await.unwrap());
        assert_eq!(asked.load(Ordering::Relaxed), before);
    }
}
