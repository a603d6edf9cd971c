//! Connecting, and reconnecting for ever.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, LuaInterface};
use fred::types::Builder;
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ReconnectError, ReconnectPolicy, Server, ServerConfig, TcpConfig, TlsConnector,
    UnresponsiveConfig,
};
use socket2::TcpKeepalive;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::pipe::Pipes;
use super::watch::supervise;
use super::{Gate, Redis, Shared, scripts};
use crate::config::{HostPort, Redis as Settings, RedisServers};
use crate::fault::{Dependency, Fault};
use crate::metrics::Metrics;

/// First pause before a reconnect: shorter than a retry waits, so that a dropped
/// connection costs no request.
const RECONNECT_MIN_MS: u32 = 50;
/// Longest pause: what a fleet waits at most after Redis is back, or has a new primary.
const RECONNECT_MAX_MS: u32 = 1_000;
/// Ten hosts that swallow packets, a second each: the next of the list may be well.
const DIAL_MAX: Duration = Duration::from_secs(10);
/// A server that is silent for so long with commands under way is hung up on.
pub(super) const UNRESPONSIVE: Duration = Duration::from_secs(3);

/// A connection without traffic is asked for a sign of life.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(15);

/// A client that is connected, and what keeps it so.
pub(super) struct Dialled {
    pub(super) client: Client,
    pub(super) life: Life,
}

/// The tasks of a client. It is dead when the first has ended.
pub(super) struct Life {
    pub(super) task: JoinHandle<Result<(), Error>>,
    /// Loads the scripts after a reconnect; it holds a client, and so would never end.
    reloading: JoinHandle<Result<(), Error>>,
}

impl Life {
    /// A goodbye would wait for a server that does not answer.
    pub(super) fn end(&self) {
        self.task.abort();
        self.reloading.abort();
    }
}

impl Redis {
    /// Connects on the runtime that calls, loads the scripts, and keeps the client alive
    /// for as long as that runtime lives.
    ///
    /// # Errors
    /// A [`Fault`] where the first connection fails; later ones are retried for ever.
    pub async fn connect(settings: &Settings, gate: Arc<Gate>, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        let failed = |error: Error| {
            Fault::new(Dependency::Redis, format!("cannot connect to {}: {}", settings.url.place(), error.details()))
        };
        let pipes = Arc::new(Pipes::new(settings, Arc::clone(&metrics)).map_err(failed)?);
        let Dialled { client, life } = dial(settings, &metrics, &pipes).await.map_err(failed)?;
        let redis = Self {
            shared: Arc::new(Shared {
                client: RwLock::new(client),
                pipes,
                gate,
                command_timeout: settings.command_timeout,
                silent: AtomicBool::new(false),
                closed: AtomicBool::new(false),
                metrics,
            }),
        };
        tokio::spawn(supervise(redis.clone(), settings.clone(), life));
        Ok(redis)
    }
}

/// One try.
pub(super) async fn dial(settings: &Settings, metrics: &Arc<Metrics>, pipes: &Arc<Pipes>) -> Result<Dialled, Error> {
    let client = build(settings)?;
    let mut task = client.connect();
    let connected = tokio::select! {
        ended = &mut task => Err(ended.map_or_else(|_| Error::new_canceled(), |ended| ended.err().unwrap_or_else(Error::new_canceled))),
        connected = client.wait_for_connect() => connected,
        () = sleep(DIAL_MAX) => Err(Error::new(ErrorKind::Timeout, format!("not within {} s", DIAL_MAX.as_secs()))),
    };
    if let Err(error) = connected {
        task.abort();
        return Err(error);
    }
    load_scripts(&client).await;
    let (reloading, metrics, pipes) = (client.clone(), Arc::clone(metrics), Arc::clone(pipes));
    let reloading = client.on_reconnect(move |_| {
        let client = reloading.clone();
        metrics.redis_reconnected();
        pipes.forget();
        async move {
            load_scripts(&client).await;
            Ok(())
        }
    });
    Ok(Dialled { client, life: Life { task, reloading } })
}

/// Whether Redis lets us in, asked with a client of its own that is gone afterwards, also where nobody waits any more.
pub(super) async fn log_in(settings: &Settings) -> Result<(), Error> {
    struct Ended<'a>(&'a mut JoinHandle<Result<(), Error>>);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let client = build(settings)?;
    let mut task = client.connect();
    let task = Ended(&mut task);
    tokio::select! {
        ended = &mut *task.0 => ended.unwrap_or_else(|_| Err(Error::new_canceled())),
        connected = client.wait_for_connect() => connected,
    }
}

fn build(settings: &Settings) -> Result<Client, Error> {
    Builder::from_config(config(settings)?)
        .with_performance_config(|performance| {
            performance.default_command_timeout = settings.command_timeout;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = settings.connect_timeout;
            connection.internal_command_timeout = settings.connect_timeout;
            // At most once: the library would send a script in flight again by itself.
            // Asking again is ours, with the decision's nonce.
            connection.max_command_attempts = 1;
            // A full queue at the moment of a drop kills the client: the gate bounds it.
            connection.max_command_buffer_len = 0;
            connection.auto_client_setname = true;
            connection.reconnect_on_auth_error = true;
            connection.unresponsive =
                UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: Duration::from_secs(1) };
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                keepalive: Some(TcpKeepalive::new().with_time(KEEPALIVE)),
                user_timeout: Some(UNRESPONSIVE),
                ..TcpConfig::default()
            };
            // A failover can turn our primary into a replica under an open connection.
            connection.reconnect_errors = vec![
                ReconnectError::ReadOnly,
                ReconnectError::ClusterDown,
                ReconnectError::Loading,
                ReconnectError::MasterDown,
            ];
        })
        .set_policy(ReconnectPolicy::new_exponential(0, RECONNECT_MIN_MS, RECONNECT_MAX_MS, 2))
        .build()
}

/// Saves the first callers an EVAL. Where it fails nothing is lost but that: a decision
/// that meets NOSCRIPT brings its script along.
async fn load_scripts(client: &Client) {
    let loaded = async {
        for source in scripts::sources() {
            if client.is_clustered() {
                for primary in super::probe::primaries(client) {
                    client.with_cluster_node(primary).script_load::<(), _>(source).await?;
                }
            } else {
                client.script_load::<(), _>(source).await?;
            }
        }
        Ok::<(), Error>(())
    };
    if let Err(error) = loaded.await {
        tracing::warn!(cause = error.details(), "scripts were not loaded ahead");
    }
}

fn config(settings: &Settings) -> Result<Config, Error> {
    let url = &settings.url;
    let servers = |hosts: &[HostPort]| hosts.iter().map(|(host, port)| Server::new(host, *port)).collect();
    let server = match &url.servers {
        RedisServers::Unix(path) => ServerConfig::Unix { path: path.clone() },
        RedisServers::Single((host, port)) => ServerConfig::Centralized { server: Server::new(host, *port) },
        RedisServers::Cluster(hosts) => {
            ServerConfig::Clustered { hosts: servers(hosts), policy: ClusterDiscoveryPolicy::default() }
        }
        // The sentinels' password is theirs, not Redis'; without one they are asked as nobody.
        RedisServers::Sentinel { hosts, service } => ServerConfig::Sentinel {
            hosts: servers(hosts),
            service_name: service.clone(),
            username: url.sentinel.username.clone(),
            password: spelt(&url.sentinel.password),
        },
    };
    Ok(Config {
        server,
        username: url.login.username.clone(),
        password: spelt(&url.login.password),
        tls: tls(settings)?.map(|tls| TlsConnector::Rustls(tls).into()),
        // The first connection is tried here and now; waiting and telling is the caller's.
        fail_fast: true,
        ..Config::default()
    })
}

/// What speaks TLS, where that is spoken.
pub(super) fn tls(settings: &Settings) -> Result<Option<tokio_rustls::TlsConnector>, Error> {
    if !settings.url.tls {
        return Ok(None);
    }
    let config = match &settings.ca_file {
        None => Ok(crate::tls::client_config()),
        Some(file) => crate::tls::client_config_with(file),
    };
    let config = config.map_err(|cause| Error::new(ErrorKind::Config, format!("redis.ca_file {cause}")))?;
    Ok(Some(Arc::new(config).into()))
}

/// As the library wants it, which keeps it for its reconnects.
fn spelt(password: &Option<Zeroizing<String>>) -> Option<String> {
    password.as_ref().map(|password| password.to_string())
}
