//! Connecting, reconnecting for ever, and replacing a client that has died.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface, LuaInterface};
use fred::types::Builder;
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ReconnectError, ReconnectPolicy, Server, ServerConfig, TcpConfig, TlsConnector,
    UnresponsiveConfig,
};
use socket2::TcpKeepalive;
use tokio::task::JoinHandle;

use super::{Gate, Redis, Shared, scripts};
use crate::config::{HostPort, Redis as Settings, RedisServers, RedisUrl};
use crate::fault::{Dependency, Fault};
use crate::metrics::Metrics;

/// First pause before a reconnect: shorter than a retry waits, so that a dropped
/// connection costs no request.
const RECONNECT_MIN_MS: u32 = 50;
/// Longest pause: what a fleet waits at most after Redis is back.
const RECONNECT_MAX_MS: u32 = 2_000;
/// A server that is silent for so long with commands under way is hung up on.
const UNRESPONSIVE: Duration = Duration::from_secs(3);

type Life = JoinHandle<Result<(), Error>>;

impl Redis {
    /// Connects on the runtime that calls, loads the scripts, and keeps the client alive
    /// for as long as that runtime lives.
    ///
    /// # Errors
    /// A [`Fault`] where the first connection fails; later ones are retried for ever.
    pub async fn connect(settings: &Settings, gate: Arc<Gate>, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        let (client, life) = dial(settings).await.map_err(|error| {
            Fault::new(Dependency::Redis, format!("cannot connect to {}: {}", settings.url.place(), error.details()))
        })?;
        let redis = Self {
            shared: Arc::new(Shared {
                client: RwLock::new(client),
                gate,
                command_timeout: settings.command_timeout,
                metrics,
            }),
        };
        tokio::spawn(supervise(redis.clone(), settings.clone(), life));
        Ok(redis)
    }

    /// Ends the client: nothing it has under way is waited for.
    pub async fn close(&self) {
        let client = self.client().0;
        if let Err(error) = client.quit().await {
            tracing::debug!(cause = error.details(), "redis was not told goodbye");
        }
    }
}

async fn dial(settings: &Settings) -> Result<(Client, Life), Error> {
    let client = Builder::from_config(config(&settings.url))
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
                keepalive: Some(TcpKeepalive::new().with_time(Duration::from_secs(15))),
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
        .build()?;
    let life = client.init().await?;
    load_scripts(&client).await;
    let reloading = client.clone();
    client.on_reconnect(move |_| {
        let client = reloading.clone();
        async move {
            load_scripts(&client).await;
            Ok(())
        }
    });
    Ok((client, life))
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

/// Puts a new client in the place of one whose task has ended.
async fn supervise(redis: Redis, settings: Settings, mut life: Life) {
    loop {
        match life.await {
            // We closed it.
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(cause = error.details(), "the redis client died; making a new one"),
            Err(_) => tracing::error!("the redis client's task failed; making a new one"),
        }
        life = loop {
            match dial(&settings).await {
                Ok((client, life)) => {
                    *redis.shared.client.write().expect("no holder of this lock can panic") = client;
                    break life;
                }
                Err(error) => {
                    tracing::warn!(cause = error.details(), "redis cannot be reached");
                    tokio::time::sleep(Duration::from_millis(u64::from(RECONNECT_MAX_MS))).await;
                }
            }
        };
    }
}

fn config(url: &RedisUrl) -> Config {
    let servers = |hosts: &[HostPort]| hosts.iter().map(|(host, port)| Server::new(host, *port)).collect();
    let server = match &url.servers {
        RedisServers::Unix(path) => ServerConfig::Unix { path: path.clone() },
        RedisServers::Single((host, port)) => ServerConfig::Centralized { server: Server::new(host, *port) },
        RedisServers::Cluster(hosts) => {
            ServerConfig::Clustered { hosts: servers(hosts), policy: ClusterDiscoveryPolicy::default() }
        }
        // The sentinels are asked as nobody: their password is theirs, not Redis'.
        RedisServers::Sentinel { hosts, service } => ServerConfig::Sentinel {
            hosts: servers(hosts),
            service_name: service.clone(),
            username: None,
            password: None,
        },
    };
    Config {
        server,
        username: url.username.clone(),
        password: url.password.as_ref().map(|password| password.to_string()),
        tls: url.tls.then(|| TlsConnector::from(crate::tls::client_config()).into()),
        // The first connection is tried here and now; waiting and telling is the caller's.
        fail_fast: true,
        ..Config::default()
    }
}
