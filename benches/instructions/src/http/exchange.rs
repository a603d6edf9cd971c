//! Whole requests, through hyper, over a wire that is memory.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use super::body::Body;
use super::parts::{BODY, LINK, code, info};
use super::route::{self, Route};
use super::{Problem, Slug};
use crate::{Entry, work};

pub(crate) const ENTRIES: &[Entry] = &[
    Entry { name: "exchange.info", prepare: || work(head("GET", "info", 0).into_bytes(), |sent| exchange(sent)) },
    Entry {
        name: "exchange.verify-otp",
        prepare: || {
            let head = head("POST", "verify-otp", BODY.len());
            work([head.as_bytes(), BODY].concat(), |sent| exchange(sent))
        },
    },
];

fn head(method: &str, endpoint: &str, length: usize) -> String {
    format!(
        "{method} {LINK}/{endpoint} HTTP/1.1\r\nhost: interviews.example.com\r\naccept: application/json\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nx-forwarded-for: 203.0.113.7\r\n\r\n"
    )
}

/// A connection that carries one request.
fn exchange(sent: &[u8]) -> Vec<u8> {
    /// It takes two or three: all that it waits for is done by its own polls.
    const POLLS_MAX: usize = 16;
    let mut wire = Wire { to_read: sent, written: Vec::with_capacity(1_024) };
    {
        // No `Date`: its text is made once a second.
        let served = http1::Builder::new()
            .half_close(false)
            .header_read_timeout(None)
            .auto_date_header(false)
            .serve_connection(&mut wire, service_fn(answer));
        let (mut served, mut context) = (pin!(served), Context::from_waker(Waker::noop()));
        let ended = (0..POLLS_MAX).any(|_| served.as_mut().poll(&mut context).is_ready());
        assert!(ended, "the connection waits");
    }
    assert!(wire.written.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", wire.written.escape_ascii());
    wire.written
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let right = match route::find(&head.method, head.uri.path()) {
        Ok(Route::CandidateInfo { .. }) => true,
        Ok(Route::VerifyOtp { .. }) => match body.collect().await {
            Ok(body) => code(&body.to_bytes()).is_some(),
            Err(_) => false,
        },
        _ => false,
    };
    Ok(if right { info() } else { Problem::from(Slug::NotFound).into_response() })
}

/// What was sent, and what is answered. It ends when there is an answer: to end before is to hang up.
struct Wire<'a> {
    to_read: &'a [u8],
    written: Vec<u8>,
}

impl Read for Wire<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, mut to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.to_read.is_empty() && self.written.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.to_read.split_at(self.to_read.len().min(to.remaining()));
        to.put_slice(now);
        self.to_read = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
