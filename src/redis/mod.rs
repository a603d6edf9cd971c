//! Redis, where everything short-lived is decided.
//!
//! The rest of the program knows a [`Redis`] that can [`Redis::decide`], [`Keys`] that
//! name things and [`Reply`]s that are words and numbers. The client library, its types
//! and its policy of retries and reconnects stay in this folder.

mod call;
mod connect;
mod gate;
mod keys;
pub mod ops;
mod pipe;
mod probe;
mod reply;
pub mod scripts;
mod watch;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};
use futures_util::future::BoxFuture;
use tokio::sync::SemaphorePermit;

pub use self::call::Arg;
use self::call::Call;
pub use self::gate::Gate;
pub use self::keys::{Key, Keys, Partition};
use self::pipe::{Outcome, Pipes};
pub use self::probe::{Facts, Unfit, reach};
use self::reply::Answer;
pub use self::reply::Reply;
pub use self::scripts::Script;
use crate::fault::{Dependency, Fault};
use crate::metrics::{Metrics, RedisError};

/// Decisions that one request asks for at the same time, for a list: they take places in the
/// [`Gate`] that candidates need too.
pub const LOOKS_MAX: usize = 8;

/// A handle on one client, which is one task that owns its sockets. Each runtime has its
/// own: a client shared by threads costs a wake-up across them for every decision.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    /// Replaced as a whole where the library does not bring it back: see `watch.rs`.
    client: RwLock<Client>,
    pipes: Arc<Pipes>,
    gate: Arc<Gate>,
    command_timeout: Duration,
    /// Whether nothing came back of the newest decision, in all its tries. Until one is answered each is tried once: a log-in that
    /// cannot open its session gives two tries back as well, and all of that is to end within 3 s.
    silent: AtomicBool,
    /// Whether we have said goodbye: then its end is no failure.
    closed: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Redis {
    /// Runs one decision. Both counts are checked when this compiles.
    ///
    /// When the reply is lost, it is asked for once more with the same arguments: every
    /// script whose answer would change takes a nonce among them, and gives its first
    /// answer again. While Redis is silent altogether, it is not.
    ///
    /// # Errors
    /// A [`Fault`] when the node is overloaded, or Redis did not answer in two tries: then
    /// the script may have run, or not.
    pub async fn decide<const KEYS: usize, const ARGV: usize>(
        &self,
        script: &'static Script<KEYS, ARGV>,
        keys: [&Key; KEYS],
        args: [Arg; ARGV],
    ) -> Result<Reply, Fault> {
        let _slot = self.enter().await?;
        let started = Instant::now();
        let call = Call::new(script, &keys, &args);
        let mut outcome = self.once(&call).await;
        let mut tries = 1;
        if outcome.as_ref().is_err_and(|error| was_lost(error) && !(is_late(error) && self.is_silent())) {
            self.shared.metrics.redis_retried();
            outcome = self.once(&call).await;
            tries = 2;
        }
        self.shared.silent.store(outcome.as_ref().is_err_and(is_late), Ordering::Relaxed);
        let reply = outcome
            .map_err(|error| self.fault(script.name, &error, tries))
            .and_then(|answer| Reply::read(script.name, answer));
        self.shared.metrics.decided(script.name, reply.as_ref().map(Reply::word), started.elapsed());
        reply
    }

    /// Whether the newest decision had no answer in any of its tries.
    fn is_silent(&self) -> bool {
        self.shared.silent.load(Ordering::Relaxed)
    }

    /// A place in the gate. To find one free is not timed: that is every decision of a node that keeps up.
    async fn enter(&self) -> Result<SemaphorePermit<'_>, Fault> {
        let Shared { gate, metrics, .. } = &*self.shared;
        if let Some(place) = gate.try_enter() {
            return Ok(place);
        }
        let started = Instant::now();
        let entered = gate.enter().await;
        metrics.redis_waited(started.elapsed(), entered.is_ok());
        entered
    }

    /// Through a pipe; and through the library where none takes it, or the answer says that it did not run there.
    async fn once(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let outcome = match self.shared.pipes.send(call, || self.client().0) {
            Some(outcome) => outcome.await.unwrap_or(Outcome::Lost("nobody holds it any more")),
            None => Outcome::NotSent,
        };
        let outcome = match outcome {
            Outcome::Answered(answer) => return Ok(answer),
            Outcome::NotSent => self.through_library(call).await,
            Outcome::Refused(text) if text.starts_with("NOSCRIPT") => self.with_source(call).await,
            Outcome::Refused(text) if did_not_run(&text) => {
                self.shared.pipes.forget();
                self.through_library(call).await
            }
            Outcome::Refused(text) => Err(Error::new(ErrorKind::Unknown, text)),
            Outcome::Late => Err(Error::new(ErrorKind::Timeout, "no answer")),
            Outcome::Lost(cause) => Err(Error::new(ErrorKind::IO, cause)),
        };
        outcome.inspect_err(|error| self.shared.metrics.redis_failed(kind(error)))
    }

    /// EVALSHA, and where the server does not know the script a single EVAL. In a box, as what follows: the library's
    /// future has 7 KiB, and every decision would be as large.
    fn through_library<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(async {
            match self.client().custom("EVALSHA", call.slot, call.values(call.sha)).await {
                Err(error) if error.details().starts_with("NOSCRIPT") => self.with_source(call).await,
                other => other.map(Answer::from),
            }
        })
    }

    /// EVAL, which also teaches the script.
    fn with_source<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(async { self.client().custom("EVAL", call.slot, call.values(call.source)).await.map(Answer::from) })
    }

    /// Where what is done with Redis is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    fn client(&self) -> Sender {
        Sender(self.shared.client.read().expect("no holder of this lock can panic").clone())
    }

    fn fault(&self, what: &str, error: &Error, tries: u32) -> Fault {
        let cause = match error.kind() {
            ErrorKind::Timeout => {
                format!("{what} timed out after {tries} tries of {} ms", self.shared.command_timeout.as_millis())
            }
            _ => format!("{what} failed: {}", error.details()),
        };
        Fault::new(Dependency::Redis, cause)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

struct Sender(Client);

impl Sender {
    async fn custom(&self, command: &'static str, slot: u16, args: Vec<Value>) -> Result<Value, Error> {
        self.0.custom(CustomCommand::new_static(command, ClusterHash::Custom(slot), false), args).await
    }
}

/// Whether the answer is unknown, or known to be "not now": worth asking once more.
///
/// A cluster answers MOVED and ASK while slots move; with one attempt a command, the
/// library refreshes its routing and gives the command up, which then never ran.
fn was_lost(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Timeout | ErrorKind::Routing | ErrorKind::Cluster
    ) || is_elsewhere(error)
        || is_dropped(error)
}

/// Whether no answer came in time.
fn is_late(error: &Error) -> bool {
    *error.kind() == ErrorKind::Timeout
}

/// Whether its connection, or its client, went away under it: the library has no kind of its own for that.
fn is_dropped(error: &Error) -> bool {
    *error.kind() == ErrorKind::Unknown
        && ["Failed to route command", "Failed to send command to router", "channel closed"]
            .iter()
            .any(|start| error.details().starts_with(start))
}

/// Whether another server is to be asked, or this one later, or by somebody that it knows: nothing was done.
fn did_not_run(answer: &str) -> bool {
    ["MOVED", "ASK", "READONLY", "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "NOAUTH"]
        .iter()
        .any(|code| answer.starts_with(code))
}

/// Whether another server is to be asked, or this one later.
fn is_elsewhere(error: &Error) -> bool {
    ["READONLY", "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "Too many failed write attempts"]
        .iter()
        .any(|start| error.details().starts_with(start))
}

/// The error as it is counted.
fn kind(error: &Error) -> RedisError {
    match error.kind() {
        _ if error.details().starts_with("OOM") => RedisError::Full,
        _ if is_elsewhere(error) => RedisError::Elsewhere,
        _ if is_dropped(error) => RedisError::Connection,
        ErrorKind::Timeout => RedisError::Timeout,
        ErrorKind::IO | ErrorKind::Canceled => RedisError::Connection,
        ErrorKind::Routing | ErrorKind::Cluster => RedisError::Elsewhere,
        _ => RedisError::Other,
    }
}
