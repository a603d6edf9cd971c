//! Lines on their way to standard error. Those that log put them into one buffer; a thread of their own writes what has
//! gathered there. A request then pays for no system call, waits for no disk, and goes on where nobody reads the log.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A line is written at most so much later: 200 writes a second instead of one a line, and what a kill -9 loses.
const GATHER: Duration = Duration::from_millis(5);
/// So much is written at once: a pipe holds 64 KiB.
const HURRY: usize = 65_536;
/// Bytes that wait while standard error takes nothing: some 3,000 lines. More are dropped, and told of.
const ROOM: usize = 1_048_576;
/// At the end of the process, what standard error does not take in this time is not waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// The buffer, which lives as long as the process.
pub(super) struct Lines {
    state: Mutex<State>,
    /// There is something to write, or no time to gather more.
    begun: Condvar,
    /// There is nothing left to write.
    done: Condvar,
}

#[derive(Default)]
struct State {
    gathered: Vec<u8>,
    is_writing: bool,
    is_ending: bool,
    dropped: u64,
}

impl Lines {
    pub(super) const fn new() -> Self {
        let gathered = Vec::new();
        let state = State { gathered, is_writing: false, is_ending: false, dropped: 0 };
        Self { state: Mutex::new(state), begun: Condvar::new(), done: Condvar::new() }
    }

    /// Starts the thread that writes.
    pub(super) fn start(&'static self, mut out: impl Write + Send + 'static) -> io::Result<()> {
        let mut lines = Vec::new();
        let write = move || loop {
            self.write(&mut lines, &mut out);
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(write).map(drop)
    }

    /// Everything that was logged before this is written when it returns, where it can be.
    pub(super) fn flush(&self) {
        let mut state = self.state();
        state.is_ending = true;
        self.begun.notify_all();
        let _in_time = self
            .done
            .wait_timeout_while(state, FAREWELL, |state| state.is_writing || !state.gathered.is_empty())
            .expect("no holder of this lock can panic");
    }

    /// What gathers next. The buffer that it was written from gathers what comes after that.
    fn write(&self, lines: &mut Vec<u8>, out: &mut impl Write) {
        let state = self.state();
        let state = self.begun.wait_while(state, |state| state.gathered.is_empty()).expect("as above");
        let has_time = |state: &mut State| !state.is_ending && state.gathered.len() < HURRY;
        let (mut state, _) = self.begun.wait_timeout_while(state, GATHER, has_time).expect("as above");
        lines.clear();
        mem::swap(&mut state.gathered, lines);
        let dropped = mem::take(&mut state.dropped);
        state.is_writing = true;
        drop(state);

        // Where standard error is closed there is nobody to tell.
        let _failed = out.write_all(lines);
        if dropped > 0 {
            tracing::warn!(lines = dropped, "the log lacks lines: standard error did not take them in time");
        }
        self.state().is_writing = false;
        self.done.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

/// One line, whole, or nothing of it.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.gathered.len() + line.len() > ROOM {
            state.dropped += 1;
            return Ok(line.len());
        }
        let (was_empty, was_calm) = (state.gathered.is_empty(), state.gathered.len() < HURRY);
        state.gathered.extend_from_slice(line);
        if was_empty || was_calm && state.gathered.len() >= HURRY {
            self.begun.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    /// Writes when it is let.
    struct Gate {
        ask: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.ask.recv().map_err(io::Error::other)?;
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (&'static Lines, Sender<()>, Receiver<Vec<u8>>) {
        let lines: &'static Lines = Box::leak(Box::new(Lines::new()));
        let ((go, ask), (written, told)) = (channel(), channel());
        lines.start(Gate { ask, written }).unwrap();
        (lines, go, told)
    }

    fn log(mut lines: &Lines, line: &str) {
        lines.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_written_together_in_their_order() {
        let (lines, go, told) = lines();
        for line in ["a\n", "b\n", "c\n"] {
            log(lines, line);
        }
        for _ in 0..3 {
            go.send(()).unwrap();
        }
        lines.flush();
        assert_eq!(told.try_iter().collect::<Vec<_>>().concat(), b"a\nb\nc\n");
    }

    #[test]
    fn where_nobody_reads_lines_are_dropped_whole_and_nobody_waits() {
        let (lines, go, told) = lines();
        let line = format!("{}\n", "x".repeat(1_023));
        log(lines, &line);
        while !lines.state().is_writing {
            std::thread::yield_now();
        }
        let started = Instant::now();
        for _ in 0..3_000 {
            log(lines, &line);
        }
        lines.flush();
        assert!(started.elapsed() < FAREWELL * 3, "{:?}", started.elapsed());
        assert_eq!(lines.state().dropped, 3_000 - 1_024);
        go.send(()).unwrap();
        go.send(()).unwrap();
        lines.flush();
        assert_eq!(told.try_iter().collect::<Vec<_>>().concat().len(), 1_025 * 1_024);
    }
}
