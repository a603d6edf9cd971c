//! What goes through a pipe while it is connected: all that has gathered out, all that has come in to whoever waits for it.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite as _;
use tokio::time::{Sleep, sleep_until};
use tokio_util::io::poll_read_buf;

use super::dial::Stream;
use super::resp::{self, Frame, Stop};
use super::{Outcome, Pipe, Stage, State};
use crate::redis::connect::UNRESPONSIVE;

/// Room for each read: answers to a hundred decisions.
const READ_ROOM: usize = 16_384;
/// Answers that are delivered before what their callers ask next is written. All at once would have Redis wait for us to
/// have dealt with every one of them, and then us for Redis.
const DELIVERED_MAX: usize = 16;

/// Why a connection has ended; `None` where it was retired.
pub(super) type Cause = Option<&'static str>;

pub(super) struct Flow<'a> {
    pipe: &'a Pipe,
    stream: Stream,
    /// After so long a caller is told that there is no answer.
    patience: Duration,
    read: Vec<u8>,
    /// Of `read`, what was delivered.
    delivered: usize,
    writing: Vec<u8>,
    written: usize,
    /// One for all that wait: they have the same patience, and so the oldest is first.
    timer: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(pipe: &'a Pipe, stream: Stream, patience: Duration) -> Self {
        let (read, writing) = (Vec::new(), Vec::new());
        let timer = Box::pin(sleep_until(Instant::now().into()));
        Self { pipe, stream, patience, read, delivered: 0, writing, written: 0, timer, is_armed: false }
    }

    /// Until the connection ends.
    pub(super) async fn run(mut self) -> Cause {
        poll_fn(|cx| {
            if let Poll::Ready(cause) = self.poll_read(cx) {
                return Poll::Ready(cause);
            }
            if let Poll::Ready(cause) = self.poll_write(cx) {
                return Poll::Ready(cause);
            }
            self.poll_timer(cx)
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        loop {
            match self.deliver() {
                Ok(true) => {
                    // Those that were woken run first, and then this again.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(false) => {}
                Err(cause) => return Poll::Ready(Some(cause)),
            }
            self.read.reserve(READ_ROOM);
            match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.read)) {
                Ok(0) => return Poll::Ready(Some("it was closed by the other side")),
                Ok(_) => {}
                Err(_) => return Poll::Ready(Some("reading failed")),
            }
        }
    }

    /// Answers that have come in full, some at a time; true where there may be more.
    fn deliver(&mut self) -> Result<bool, &'static str> {
        let mut state = self.pipe.state();
        for _ in 0..DELIVERED_MAX {
            match resp::read(&self.read[self.delivered..]) {
                Ok((frame, length)) => {
                    self.delivered += length;
                    state.deliver(frame)?;
                }
                Err(Stop::Garbage(cause)) => return Err(cause),
                Err(Stop::Incomplete) => {
                    self.read.drain(..mem::take(&mut self.delivered));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Callers that run before this task put theirs in the same write. It is woken by the first of them, and the runtime
    /// lets the others, that were there before it, run first.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        loop {
            if self.written == self.writing.len() {
                self.writing.clear();
                self.written = 0;
                let mut state = self.pipe.state();
                mem::swap(&mut state.gathered, &mut self.writing);
                if self.writing.is_empty() {
                    if state.stage == Stage::Retired && state.waiting.is_empty() {
                        return Poll::Ready(None);
                    }
                    state.parked = Some(cx.waker().clone());
                    break;
                }
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.writing[self.written..]) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Some("writing failed")),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Pending => return Poll::Pending,
            }
        }
        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            Ok(()) => Poll::Pending,
            Err(_) => Poll::Ready(Some("writing failed")),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        loop {
            if !self.is_armed {
                let Some(at) = self.pipe.state().next_deadline(self.patience) else { return Poll::Pending };
                self.timer.as_mut().reset(at.into());
                self.is_armed = true;
            }
            ready!(self.timer.as_mut().poll(cx));
            self.is_armed = false;
            if self.pipe.state().give_up(self.patience) {
                return Poll::Ready(Some("it was silent for 3 s"));
            }
        }
    }
}

impl State {
    fn deliver(&mut self, frame: Frame) -> Result<(), &'static str> {
        let waiting = self.waiting.pop_front().ok_or("there was an answer to nothing")?;
        waiting.tell(match frame {
            Frame::Answer(answer) => {
                self.is_good = true;
                Outcome::Answered(answer)
            }
            Frame::Refusal(text) => {
                // It is the wrong server, or we are the wrong user: the next dial finds that out.
                if ["READONLY", "MASTERDOWN", "NOAUTH"].iter().any(|code| text.starts_with(code)) {
                    self.retire();
                }
                Outcome::Refused(text)
            }
        });
        Ok(())
    }

    /// Of the oldest that its caller waits for, or of the server's silence. Where none waits any more one may come in a
    /// moment, and its patience ends before the server's.
    fn next_deadline(&self, patience: Duration) -> Option<Instant> {
        let silence = self.waiting.front()?.since + UNRESPONSIVE;
        let oldest = self.waiting.iter().find(|waiting| waiting.caller.is_some());
        let since = oldest.map_or_else(Instant::now, |oldest| oldest.since);
        Some(silence.min(since + patience))
    }

    /// Tells those that have waited long enough; true where the server is silent. Their answers may still come.
    fn give_up(&mut self, patience: Duration) -> bool {
        let now = Instant::now();
        for waiting in self.waiting.iter_mut().take_while(|waiting| waiting.since + patience <= now) {
            if let Some(caller) = waiting.caller.take() {
                let _gone = caller.send(Outcome::Late);
            }
        }
        self.waiting.front().is_some_and(|oldest| oldest.since + UNRESPONSIVE <= now)
    }
}
