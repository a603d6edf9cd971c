//! The wire between a node and Redis, in the hands of a test: it passes, loses replies, refuses, or falls silent.
//!
//! It runs in a thread of its own, so that a node that stops while the test waits for it can still say goodbye.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use vestibule::redis::Script;

use super::TestApp;
use super::acl;
use super::app::Setup;

/// Longer than a node may take for an answer while Redis is away.
pub(crate) const DEPENDENCY_DEADLINE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Pass,
    /// Nobody listens, and what was connected is cut.
    Refuse,
    /// Connected, and nothing comes through.
    Silent,
}

pub(crate) struct Wire {
    near: PathBuf,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    losses: Mutex<Losses>,
    mode: watch::Sender<Mode>,
}

/// Replies that are to be lost, and how many were.
#[derive(Default)]
struct Losses {
    sha: String,
    left: usize,
    lost: usize,
    /// Nothing comes through after the last of them.
    then_silent: bool,
}

/// A node whose way to Redis is a wire. The node goes first: it stops over the wire.
pub(crate) struct Wired {
    pub(crate) app: TestApp,
    pub(crate) wire: Wire,
}

impl Wired {
    /// `None` on a cluster, which tells its clients to go round the wire.
    pub(crate) async fn start(setup: Setup) -> Option<Self> {
        let mut app = setup.nodes(0).start().await;
        if app.redis.url().starts_with("redis-cluster:") {
            println!("skipped: the clients of a cluster connect to the address that it announces, not to a wire");
            return None;
        }
        let wire = Wire::to(app.redis.socket());
        let node = app.node_with(&[("redis.url", &wire.url())]).await;
        app.nodes.push(node);
        Some(Self { app, wire })
    }
}

impl Wire {
    /// A wire that passes, beside the socket that it leads to.
    fn to(far: &Path) -> Self {
        let near = far.with_file_name("wire.sock");
        let (mode, modes) = watch::channel(Mode::Pass);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let shared = Arc::new(Shared { losses: Mutex::default(), mode });
        let run = run(near.clone(), far.to_owned(), Arc::clone(&shared), modes, ready);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = run => {}
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().expect("the wire listens");
        Self { near, shared, stop: Some(stop), thread: Some(thread) }
    }

    fn url(&self) -> String {
        acl::as_service(&format!("redis+unix://{}", self.near.display()))
    }

    /// The next `times` runs of this script are done by Redis, and their replies lost with the connection.
    pub(crate) fn lose<const KEYS: usize, const ARGV: usize>(&self, script: &Script<KEYS, ARGV>, times: usize) {
        self.shared.lose(Losses { sha: script.sha().to_owned(), left: times, lost: 0, then_silent: false });
    }

    /// The next run of this script is done by Redis, its reply lost, and whoever asks again kept waiting.
    pub(crate) fn lose_and_fall_silent<const KEYS: usize, const ARGV: usize>(&self, script: &Script<KEYS, ARGV>) {
        self.shared.lose(Losses { sha: script.sha().to_owned(), left: 1, lost: 0, then_silent: true });
    }

    /// Replies lost since the last [`Self::lose`].
    pub(crate) fn lost(&self) -> usize {
        self.shared.losses.lock().unwrap().lost
    }

    pub(crate) fn refuse(&self) {
        self.shared.mode.send_replace(Mode::Refuse);
    }

    pub(crate) fn silence(&self) {
        self.shared.mode.send_replace(Mode::Silent);
    }

    pub(crate) fn heal(&self) {
        self.shared.mode.send_replace(Mode::Pass);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            assert!(outcome.is_ok() || std::thread::panicking(), "the wire has panicked");
        }
    }
}

async fn run(
    near: PathBuf,
    far: PathBuf,
    shared: Arc<Shared>,
    mut modes: watch::Receiver<Mode>,
    ready: std::sync::mpsc::Sender<()>,
) {
    loop {
        // Left behind by the listener that refused.
        let _ = std::fs::remove_file(&near);
        let listener = UnixListener::bind(&near).unwrap();
        let _ = ready.send(());
        let of_connections = modes.clone();
        let refused = async { drop(modes.wait_for(|mode| *mode == Mode::Refuse).await) };
        tokio::select! {
            () = refused => {}
            () = accept(&listener, &far, &shared, &of_connections) => {}
        }
        drop(listener);
        if modes.wait_for(|mode| *mode != Mode::Refuse).await.is_err() {
            return;
        }
    }
}

/// Dropped, it cuts its connections.
async fn accept(listener: &UnixListener, far: &Path, shared: &Arc<Shared>, modes: &watch::Receiver<Mode>) {
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        // Redis itself may be away: then the wire hangs up too.
        let Ok(far) = UnixStream::connect(far).await else { continue };
        connections.spawn(connection(near, far, Arc::clone(shared), modes.clone()));
    }
}

/// Passes whole frames, and knows for each reply which request it answers; ends where either side does.
async fn connection(mut near: UnixStream, mut far: UnixStream, shared: Arc<Shared>, mut modes: watch::Receiver<Mode>) {
    let (mut requests, mut replies, mut asked) = (Vec::new(), Vec::new(), VecDeque::new());
    loop {
        if modes.wait_for(|mode| *mode != Mode::Silent).await.is_err() {
            return;
        }
        let read = tokio::select! {
            read = near.read_buf(&mut requests) => read,
            read = far.read_buf(&mut replies) => read,
            // Falling silent: go round, and wait there.
            _ = modes.changed() => continue,
        };
        if !matches!(read, Ok(1..)) {
            return;
        }
        if *modes.borrow() == Mode::Silent {
            // What arrived in this moment is told after the silence.
            continue;
        }
        while let Some(length) = frame(&requests) {
            let request: Vec<u8> = requests.drain(..length).collect();
            asked.push_back(shared.is_to_be_lost(&request));
            if far.write_all(&request).await.is_err() {
                return;
            }
        }
        while let Some(length) = frame(&replies) {
            let reply: Vec<u8> = replies.drain(..length).collect();
            let loses = asked.pop_front().unwrap_or(false);
            // An error is no answer: the script did not run.
            if loses && reply[0] != b'-' && shared.loses() {
                return;
            }
            if near.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

impl Shared {
    fn lose(&self, losses: Losses) {
        *self.losses.lock().unwrap() = losses;
    }

    fn is_to_be_lost(&self, request: &[u8]) -> bool {
        let losses = self.losses.lock().unwrap();
        losses.left > 0 && contains(request, b"EVALSHA") && contains(request, losses.sha.as_bytes())
    }

    fn loses(&self) -> bool {
        let mut losses = self.losses.lock().unwrap();
        let loses = losses.left > 0;
        if loses {
            losses.left -= 1;
            losses.lost += 1;
            if losses.then_silent && losses.left == 0 {
                self.mode.send_replace(Mode::Silent);
            }
        }
        loses
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Length of the value of RESP that `bytes` begin with; `None` where its end has not come yet.
fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")?;
    let head = line + 2;
    let count = || std::str::from_utf8(&bytes[1..line]).unwrap().parse::<i64>().unwrap();
    match bytes[0] {
        b'$' => {
            let end = usize::try_from(count()).map_or(head, |length| head + length + 2);
            (bytes.len() >= end).then_some(end)
        }
        b'*' => (0..count()).try_fold(head, |at, _| Some(at + frame(&bytes[at..])?)),
        _ => Some(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_its_value_does() {
        for whole in ["+OK\r\n", ":12\r\n", "$-1\r\n", "$3\r\na\r\n\r\n", "*-1\r\n", "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n"] {
            assert_eq!(frame(format!("{whole}+more\r\n").as_bytes()), Some(whole.len()), "{whole:?}");
            for cut in 0..whole.len() {
                assert!(frame(&whole.as_bytes()[..cut]).is_none(), "{whole:?} cut at {cut}");
            }
        }
    }
}
