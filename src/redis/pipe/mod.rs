//! The way that decisions go: a connection of our own to each primary, beside the client library's.
//!
//! The library passes a command through a task and two channels, writes it with a system call of its own, and arms a timer.
//! Here callers put their commands one after the other into one buffer, and whoever has gathered there is written, read and
//! waited for together. What this does not know is the library's to know: which servers there are, who is primary, what to
//! do with an answer that says "not here". A command that no pipe takes goes through the library.

mod dial;
mod flow;
mod resp;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::dial::Place;
pub(super) use self::routes::Pipes;
use super::call::Call;
use super::reply::Answer;

/// Commands that wait for an answer, those given up among them. `redis.in_flight_max` of 1,024 that are given up after
/// 700 ms, until the server is hung up on after 3 s, are 5,120.
const WAITING_MAX: usize = 8_192;
/// Bytes that have gathered. A command has at most some 10 KiB, most have 300 bytes: more than this means that nothing is
/// being written.
const GATHERED_MAX: usize = 4 * 1_048_576;

/// Before a server that could not be reached, or was no good, is dialled again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// As the library's own: what decisions go the longer way at most once it is back.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What became of a command.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered(Answer),
    /// An error, which begins with its code.
    Refused(String),
    /// No answer within `redis.command_timeout`: it may have run, or not.
    Late,
    /// The connection went away under it, for this reason: it may have run, or not.
    Lost(&'static str),
    /// It did not get as far as a socket.
    NotSent,
}

/// The way to one primary: a connection at a time, and what is on it.
struct Pipe {
    place: Place,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    /// Whether it served well when it was last connected: then it is dialled again at once, and commands may wait for that.
    is_good: bool,
    /// Before the next dial.
    pause: Duration,
    was_connected: bool,
    /// Commands that were not handed to the socket yet.
    gathered: Vec<u8>,
    /// In the order in which answers will come.
    waiting: VecDeque<Waiting>,
    /// The task that owns the socket, while it has nothing to do.
    parked: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Takes commands: it is connected, or will be in a moment.
    Open,
    /// Is not connected, and takes nothing.
    Dialling,
    /// Takes no more commands; those that it has are waited for.
    Retired,
    /// Has no connection, and none is being made.
    Ended(Instant),
}

struct Waiting {
    since: Instant,
    /// `None` once it was given up: the answer is still to come, and for nobody.
    caller: Option<oneshot::Sender<Outcome>>,
}

impl Pipe {
    fn new(place: Place) -> Self {
        let state = State {
            stage: Stage::Ended(Instant::now()),
            is_good: true,
            pause: PAUSE_MIN,
            was_connected: false,
            gathered: Vec::new(),
            waiting: VecDeque::new(),
            parked: None,
        };
        Self { place, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    /// Takes a command, where it takes any.
    fn send(&self, call: &Call<'_>) -> Option<oneshot::Receiver<Outcome>> {
        let mut state = self.state();
        let has_room = state.waiting.len() < WAITING_MAX && state.gathered.len() < GATHERED_MAX;
        if state.stage != Stage::Open || !has_room {
            return None;
        }
        call.write(&mut state.gathered);
        let (caller, outcome) = oneshot::channel();
        state.waiting.push_back(Waiting { since: Instant::now(), caller: Some(caller) });
        state.wake();
        Some(outcome)
    }

    /// Whether it is to be dialled now. Where there is a new reason to hope, that is at once.
    fn begin(&self, has_hope: bool) -> bool {
        let mut state = self.state();
        let Stage::Ended(at) = state.stage else { return false };
        if has_hope || state.is_good {
            (state.stage, state.pause) = (Stage::Open, PAUSE_MIN);
        } else if at.elapsed() >= state.pause {
            (state.stage, state.pause) = (Stage::Dialling, PAUSE_MAX.min(2 * state.pause));
        } else {
            return false;
        }
        state.is_good = false;
        true
    }

    /// It takes too long to be waited for.
    fn stop_gathering(&self) {
        let mut state = self.state();
        if state.stage == Stage::Open {
            state.stage = Stage::Dialling;
        }
        state.give_back(None);
    }

    /// It is connected; whether it was before.
    fn open(&self) -> bool {
        let mut state = self.state();
        if state.stage == Stage::Dialling {
            state.stage = Stage::Open;
        }
        mem::replace(&mut state.was_connected, true)
    }

    /// Takes no more, and ends when all that was taken is answered.
    fn retire(&self) {
        self.state().retire();
    }

    /// What is left was lost for this reason, or else not sent.
    fn end(&self, lost: Option<&'static str>) {
        let mut state = self.state();
        state.stage = Stage::Ended(Instant::now());
        state.give_back(lost);
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(task) = self.parked.take() {
            task.wake();
        }
    }

    fn retire(&mut self) {
        if matches!(self.stage, Stage::Open | Stage::Dialling) {
            self.stage = Stage::Retired;
            self.wake();
        }
    }

    /// What was taken, to those that wait for it.
    fn give_back(&mut self, lost: Option<&'static str>) {
        self.gathered.clear();
        for waiting in self.waiting.drain(..) {
            waiting.tell(lost.map_or(Outcome::NotSent, Outcome::Lost));
        }
    }
}

impl Waiting {
    /// A caller that is gone does not hear it.
    fn tell(self, outcome: Outcome) {
        if let Some(caller) = self.caller {
            let _gone = caller.send(outcome);
        }
    }
}
