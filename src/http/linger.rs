//! Closing so that the last answer arrives.
//!
//! A socket that is closed with unread bytes in it resets the connection, and the reset
//! overtakes the answer: a client that is still sending what we refused, or ignored, would
//! never read why. So we close our half, and read on for a moment.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Enough for what is in flight; a client that goes on sending is cut off.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that ends well.
pub(super) struct Lingering {
    io: TokioIo<TcpStream>,
    /// There once our half is closed.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { io: TokioIo::new(stream), deadline: None }
    }
}

impl Read for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl Write for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, deadline } = &mut *self;
        let deadline = match deadline {
            Some(deadline) => deadline,
            None => {
                ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
                deadline.insert(Box::pin(sleep(LINGER)))
            }
        };
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut scratch = [0; 4_096];
            let mut unread = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(io.inner_mut()).poll_read(cx, &mut unread));
            // The other half is closed too, or broken.
            if read.is_err() || unread.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
