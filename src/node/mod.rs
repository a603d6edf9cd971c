//! A node, from its first connection to the end of its drain.
//!
//! The runtime that runs [`serve`] is the *back*: it owns Postgres, mail, the acceptor and
//! the admin listener. Requests run on workers, one thread with one runtime and one Redis
//! client each. Only this file knows that layout.

mod shared;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::shared::{Ears, Shared, wakes};
use crate::audit;
use crate::candidate::write_start;
use crate::config::Config;
use crate::health::Health;
use crate::http::server::{Accepted, accept, serve as serve_worker};
use crate::http::{Admin, serve_admin};
use crate::interviews::{Interviews, Killer, sweep_dead_links};
use crate::jobs::{self, Jobs, Pace, Queue};
use crate::mail::{Deliver, Post};
use crate::metrics::Metrics;
use crate::password;
use crate::postgres::{SchemaState, schema_state};
use crate::profile;
use crate::redis::Redis;

/// Between two attempts to reach a dependency at start.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections on their way to a worker: it takes them as fast as they are accepted.
const HANDOVER_ROOM: usize = 64;
/// Jobs that go to Postgres, of a queue, at the same time: half of a default pool.
const POSTGRES_JOBS_MAX: usize = 4;

/// Why a node does not start.
#[derive(Debug)]
pub enum Refusal {
    /// The configuration cannot be used.
    Config(String),
    /// A dependency answers, and is wrong.
    Unfit(String),
}

/// The two listeners.
#[derive(Debug)]
pub struct Listeners {
    /// For candidates, through the proxy.
    pub public: std::net::TcpListener,
    /// For probes, scrapers and engineers.
    pub admin: std::net::TcpListener,
}

/// Where a node can be reached, once it can be.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Of the public listener.
    pub public: SocketAddr,
    /// Of the admin listener.
    pub admin: SocketAddr,
}

impl Listeners {
    /// Binds what the configuration says.
    ///
    /// # Errors
    /// Which address cannot be bound, and why.
    pub fn bind(config: &Config) -> Result<Self, Refusal> {
        let bind = |key: &str, address: SocketAddr| {
            listen_on(address).map_err(|error| Refusal::Config(format!("{key}: cannot listen on {address}: {error}")))
        };
        Ok(Self { public: bind("http.listen", config.http.listen)?, admin: bind("admin.listen", config.admin.listen)? })
    }
}

/// The library's own bind lets 128 connections wait, and a burst of more would be told to
/// come back after a second.
fn listen_on(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    /// Connections that may wait to be accepted; the kernel cuts it to its `somaxconn`.
    const BACKLOG: u32 = 4_096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Runs a node until `shutdown`, then drains it. Binds last, and tells `ready` where.
///
/// # Errors
/// Where it cannot start, or a dependency is one that it must not trust.
pub async fn serve(
    config: Config,
    bind: impl FnOnce(&Config) -> Result<Listeners, Refusal>,
    shutdown: impl Future<Output = ()>,
    ready: impl FnOnce(Addresses),
) -> Result<(), Refusal> {
    let mut shutdown = std::pin::pin!(shutdown);
    let (wake, ears) = wakes();
    let shared = Shared::prepare(config, wake)?;
    let shared = Arc::new(shared);
    let post = Post::new(&shared.config).map_err(Refusal::Config)?;
    if let Some(words) = shared.tests.words() {
        tracing::warn!("TEST RECIPIENTS: {words}");
    }

    // Numbering plans take a while to read, and no request should wait for them.
    std::thread::spawn(profile::warm_up);
    let started = async { Ok::<_, Refusal>((dependencies(&shared).await?, Workers::start(&shared).await?)) };
    let (redis, mut workers) = tokio::select! {
        started = started => started?,
        () = &mut shutdown => return Ok(()),
    };
    let listeners = bind(&shared.config)?;

    let (stop_accepting, stop_working) = (CancellationToken::new(), CancellationToken::new());
    let back = Back { shared: &shared, redis: &redis, stop: &stop_working };
    let background = back.start(post.clone(), ears);
    let admin = back.admin(&post);
    let (addresses, acceptor) = listen(&shared, listeners, &mut workers, admin, &stop_accepting, &stop_working)
        .map_err(|error| Refusal::Config(format!("the listeners cannot be used: {error}")))?;
    let (version, argon2id) = (env!("CARGO_PKG_VERSION"), password::implementation());
    tracing::info!(public = %addresses.public, admin = %addresses.admin, version, argon2id, "ready");
    ready(addresses);

    shutdown.await;
    let deadline = drain(&shared, workers, acceptor, &stop_accepting).await;
    stop_working.cancel();
    if timeout_at(deadline, background.wait()).await.is_err() {
        tracing::warn!("mail under way was not waited for any longer; it falls due again");
    }
    redis.close().await;
    shared.postgres.close();
    tracing::info!("stopped");
    Ok(())
}

/// Waits for the dependencies, saying so, and refuses those that are wrong.
async fn dependencies(shared: &Shared) -> Result<Redis, Refusal> {
    let redis = loop {
        match shared.connect().await {
            Ok(redis) => break redis,
            Err(fault) => tracing::warn!(cause = %fault, "waiting for redis"),
        }
        sleep(PATIENCE).await;
    };
    loop {
        let fit = match redis.probe(&shared.keys).await {
            Ok(Ok(facts)) => redis.pin(&shared.keys).await.map(|pinned| pinned.map(|()| facts)),
            other => other,
        };
        match fit {
            Ok(Ok(facts)) => {
                break tracing::info!(version = facts.version, primaries = facts.primaries, "redis is fit");
            }
            Ok(Err(unfit)) => return Err(Refusal::Unfit(format!("redis: {unfit}"))),
            Err(fault) => tracing::warn!(cause = %fault, "waiting for redis"),
        }
        sleep(PATIENCE).await;
    }
    loop {
        match schema_state(&shared.postgres).await {
            Ok(SchemaState::Fit(version)) => break tracing::info!(schema = version, "postgres is fit"),
            Ok(SchemaState::Older { found, needed }) => {
                let words =
                    format!("postgres: the schema is at version {found}, {needed} is needed: run `vestibule migrate`");
                return Err(Refusal::Unfit(words));
            }
            Err(fault) => tracing::warn!(cause = %fault, "waiting for postgres"),
        }
        sleep(PATIENCE).await;
    }
    Ok(redis)
}

/// The threads that run requests.
struct Workers {
    threads: Vec<std::thread::JoinHandle<()>>,
    doors: Vec<mpsc::Sender<Accepted>>,
    stop: CancellationToken,
}

impl Workers {
    async fn start(shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let count = match shared.config.http.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        };
        let stop = CancellationToken::new();
        let (mut threads, mut doors) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for number in 0..count {
            let (door, connections) = mpsc::channel(HANDOVER_ROOM);
            let (tell, told) = oneshot::channel();
            let (shared, stop) = (Arc::clone(shared), stop.clone());
            let thread = std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker(&shared, connections, stop, tell))
                .map_err(|error| Refusal::Config(format!("http.workers: a thread cannot be started: {error}")))?;
            told.await.map_err(|_| Refusal::Config("a worker did not start; see the log".to_owned()))?;
            threads.push(thread);
            doors.push(door);
        }
        Ok(Self { threads, doors, stop })
    }
}

/// One thread: one runtime, one Redis client, its share of the connections.
fn worker(
    shared: &Arc<Shared>,
    connections: mpsc::Receiver<Accepted>,
    stop: CancellationToken,
    tell: oneshot::Sender<()>,
) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(cause = %error, "a worker has no runtime"),
    };
    runtime.block_on(async {
        let redis = loop {
            match shared.connect().await {
                Ok(redis) => break redis,
                Err(fault) => tracing::warn!(cause = %fault, "waiting for redis"),
            }
            sleep(PATIENCE).await;
        };
        let app = Arc::new(shared.app(&redis));
        tokio::spawn(tell_lag(Arc::clone(&shared.metrics)));
        if tell.send(()).is_ok() {
            serve_worker(Arc::clone(&app), connections, stop).await;
        }
        // Decisions whose client hung up are finished too.
        app.tasks.close();
        app.tasks.wait().await;
        redis.close().await;
    });
}

/// Tells how late this runtime comes to what is due, until it ends.
async fn tell_lag(metrics: Arc<Metrics>) {
    /// Often enough to meet what blocks it for longer than an alert tolerates, for next to no CPU.
    const PERIOD: Duration = Duration::from_secs(1);
    loop {
        let due = Instant::now() + PERIOD;
        sleep_until(due).await;
        metrics.worker_lagged(due.elapsed());
    }
}

/// What runs beside requests.
struct Back<'a> {
    shared: &'a Arc<Shared>,
    redis: &'a Redis,
    stop: &'a CancellationToken,
}

impl Back<'_> {
    /// Mail, starts on their way to Postgres, requests for a reset, dead links that were left
    /// behind, and the audit trail.
    fn start(&self, post: Post, ears: Ears) -> TaskTracker {
        let (shared, mail) = (self.shared, &self.shared.config.mail);
        let tasks = TaskTracker::new();
        let queues = Jobs::new(self.redis.clone(), shared.keys.clone());
        let pace = Pace {
            concurrency: mail.sends_max,
            lease: mail.claim,
            sweep: mail.sweep_interval,
            retry_min: mail.retry_min,
            retry_max: mail.retry_max,
            refused_keep: mail.refused_keep,
        };
        let (keyring, metrics) = (Arc::clone(&shared.keyring), Arc::clone(&shared.metrics));
        let deliver = Arc::new(Deliver::new(post, &shared.config, keyring, shared.tests.clone(), metrics));
        tasks.spawn(jobs::run(queues.clone(), Queue::Mail, pace, ears.mail, self.stop.clone(), move |job| {
            let deliver = Arc::clone(&deliver);
            async move { deliver.deliver(&job).await }
        }));
        let (postgres, pace) = (shared.postgres.clone(), Pace { concurrency: POSTGRES_JOBS_MAX, ..pace });
        tasks.spawn(jobs::run(queues.clone(), Queue::Starts, pace, ears.starts, self.stop.clone(), move |job| {
            let postgres = postgres.clone();
            async move { write_start(&postgres, &job).await }
        }));
        let forgot = Arc::new(shared.forgot_worker(self.redis));
        tasks.spawn(jobs::run(queues, Queue::Resets, pace, ears.resets, self.stop.clone(), move |job| {
            let forgot = Arc::clone(&forgot);
            async move { forgot.work(&job).await }
        }));
        let killer = Killer::new(Interviews::new(shared.postgres.clone()), self.redis.clone(), shared.keys.clone());
        tasks.spawn(sweep_dead_links(killer, shared.config.postgres.sweep_interval, self.stop.clone()));
        let trail = audit::Writer::new(self.redis.clone(), shared.keys.clone(), shared.config.audit);
        tasks.spawn(trail.run(shared.trail.clone(), self.stop.clone()));
        tasks.close();
        tasks
    }

    fn admin(&self, post: &Post) -> Admin {
        Admin {
            draining: self.shared.draining.clone(),
            health: Health::new(
                self.redis.clone(),
                self.shared.config.redis.clone(),
                self.shared.keys.clone(),
                self.shared.postgres.clone(),
                post.clone(),
            ),
            metrics: Arc::clone(&self.shared.metrics),
            capture: match post {
                Post::Capture(capture) => Some(capture.clone()),
                Post::Relay(_) => None,
            },
        }
    }
}

fn listen(
    shared: &Shared,
    listeners: Listeners,
    workers: &mut Workers,
    admin: Admin,
    stop_accepting: &CancellationToken,
    stop_working: &CancellationToken,
) -> io::Result<(Addresses, tokio::task::JoinHandle<()>)> {
    let adopt = |listener: std::net::TcpListener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    let (public, private) = (adopt(listeners.public)?, adopt(listeners.admin)?);
    let addresses = Addresses { public: public.local_addr()?, admin: private.local_addr()? };
    tokio::spawn(serve_admin(private, Arc::new(admin), stop_working.clone()));
    let acceptor = tokio::spawn(accept(
        public,
        std::mem::take(&mut workers.doors),
        shared.config.http.connections_max,
        shared.config.http.idle_timeout,
        Arc::clone(&shared.metrics),
        stop_accepting.clone(),
    ));
    Ok((addresses, acceptor))
}

/// First the proxies are told, then the door is closed, then what is inside may finish
/// until the deadline, which is handed back for what runs beside.
async fn drain(
    shared: &Shared,
    workers: Workers,
    acceptor: tokio::task::JoinHandle<()>,
    stop_accepting: &CancellationToken,
) -> Instant {
    let http = &shared.config.http;
    tracing::info!(delay_ms = http.drain_delay.as_millis(), "draining: not ready any more");
    shared.draining.cancel();
    shared.metrics.drains();
    sleep(http.drain_delay).await;
    let deadline = Instant::now() + http.drain_timeout;
    stop_accepting.cancel();
    // The acceptor drops the doors: a worker ends with its last connection.
    let _ = acceptor.await;
    workers.stop.cancel();
    // Not spawn_blocking: the end of a runtime waits for that without a limit.
    let (tell, finished) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        workers.threads.into_iter().for_each(|thread| drop(thread.join()));
        drop(tell);
    });
    if timeout_at(deadline, finished).await.is_err() {
        tracing::warn!(after_ms = http.drain_timeout.as_millis(), "requests under way were cut off");
    }
    deadline
}
