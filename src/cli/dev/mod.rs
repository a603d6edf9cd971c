//! `vestibule dev`: a node with its own Redis, Postgres and mailbox under `.vestibule/`; or a fleet of them, behind a proxy.

mod doors;
mod fleet;
mod keeper;
mod look;
mod rollout;
mod seed;

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::sync::oneshot;

use self::doors::listener;
use super::keygen::fresh as fresh_key;
use super::serve::{serve, stopped};
use super::{Failure, say};
use crate::config::{Config, Mode};
use crate::dev::servers::{PostgresServer, ProxyKind, RedisOptions, RedisServer};
use crate::link::LinkToken;
use crate::metrics::Metrics;
use crate::node::{self, Addresses, Listeners};
use crate::postgres::{self, Postgres};
use crate::telemetry;

/// Where everything is kept, in the folder that one stands in.
const FOLDER: &str = ".vestibule";
const DATABASE: &str = "vestibule";
/// A process each; more is for another machine.
const NODES_MAX: i64 = 16;

/// How much of a fleet.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Nodes; more than one, or one behind a proxy, are processes of their own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=NODES_MAX))]
    nodes: u16,
    /// What stands before them at http.listen, by the configuration that is shipped; nodes follow on the ports after that
    #[arg(long, value_enum, default_value = "none")]
    proxy: Proxy,
    /// What the proxy guards
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    platform: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Proxy {
    Haproxy,
    Nginx,
    None,
}

impl Proxy {
    fn kind(self) -> Option<ProxyKind> {
        match self {
            Self::Haproxy => Some(ProxyKind::Haproxy),
            Self::Nginx => Some(ProxyKind::Nginx),
            Self::None => None,
        }
    }
}

impl Dev {
    /// Runs until Ctrl-C; leaves no process behind.
    pub(super) async fn run(self, variables: Vec<(String, String)>, file: Option<PathBuf>) -> Result<(), Failure> {
        let folder = std::env::current_dir().map(|here| here.join(FOLDER)).map_err(io_failure)?;
        fs::create_dir_all(&folder).map_err(io_failure)?;
        say(format_args!("Starting a private Redis and Postgres under {FOLDER}/ ..."))?;
        let redis = RedisServer::start(RedisOptions {
            dir: folder.join("redis"),
            cluster: false,
            persistent: true,
            port: None,
            users: None,
            preload: None,
        })
        .map_err(io_failure)?;
        let database = PostgresServer::start(&folder.join("postgres"), true).map_err(io_failure)?;
        let ground = Ground { folder, redis, database };
        let outcome = match (self.nodes, self.proxy) {
            (1, Proxy::None) => one(&ground, variables, file).await,
            _ => fleet::run(&ground, &self, variables, file).await,
        };
        ground.database.stop().map_err(io_failure)?;
        ground.redis.stop().map_err(io_failure)?;
        outcome?;
        say(format_args!("Stopped. The data stays under {FOLDER}/ for the next run."))
    }
}

/// What nodes stand on.
struct Ground {
    folder: PathBuf,
    redis: RedisServer,
    database: PostgresServer,
}

impl Ground {
    /// What is given, and for the rest what does here; `own` before that.
    async fn settings(
        &self,
        public: SocketAddr,
        own: &[(&str, String)],
        variables: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, Failure> {
        match self.database.create_database(DATABASE, None).await {
            // A run before this one has made it.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            created => created.map_err(io_failure)?,
        }
        let folder = &self.folder;
        let common = [
            ("PUBLIC_URL", format!("http://{public}")),
            ("LOG__FORMAT", "human".to_owned()),
            ("REDIS__URL", self.redis.url()),
            ("POSTGRES__URL", self.database.url(DATABASE)),
            ("MAIL__FROM", "Acme Interviews <interviews@localhost.localdomain>".to_owned()),
            ("ORGANISATION", "Acme".to_owned()),
            ("SECRETS__ROOT_KEYS_FILE", key_file(folder, "root_keys", "r")?),
            ("SECRETS__JWT_KEYS_FILE", key_file(folder, "jwt_keys", "j")?),
            ("SECRETS__PEPPER_KEYS_FILE", key_file(folder, "pepper_keys", "p")?),
        ];
        let given =
            |name: &str| variables.iter().any(|(key, _)| key == name || name.strip_suffix("_FILE") == Some(key));
        let missing = common.iter().chain(own).map(|(key, value)| (format!("VESTIBULE_{key}"), value.clone()));
        let mut all: Vec<(String, String)> = missing.filter(|(name, _)| !given(name)).collect();
        all.extend(variables);
        write_env(folder, &all)?;
        Ok(all)
    }

    /// The schema, and an interview to go into.
    async fn prepare(&self, config: &Config) -> Result<LinkToken, Failure> {
        let pool = Postgres::new(&config.postgres, Arc::new(Metrics::new()));
        for migration in postgres::migrate(&pool).await? {
            say(format_args!("Applied {migration}."))?;
        }
        let link = seed::demo_link(config, &self.folder, &pool).await?;
        pool.close();
        Ok(link)
    }

    /// The lines that a newcomer copies.
    fn walk_through(&self, addresses: Addresses, link: &LinkToken) -> String {
        let redis_cli = format!("redis-cli {}", self.redis.cli_args().join(" "));
        seed::walk_through(addresses, link, &redis_cli, &self.database.url(DATABASE))
    }
}

/// A node in this process.
async fn one(ground: &Ground, variables: Vec<(String, String)>, file: Option<PathBuf>) -> Result<(), Failure> {
    let (public, admin) = (listener(&variables, "HTTP", 8080)?, listener(&variables, "ADMIN", 9090)?);
    let address = public.local_addr().map_err(io_failure)?;
    // There is no proxy that would have to notice first.
    let own = [("MAIL__URL", "capture:".to_owned()), ("HTTP__DRAIN_DELAY", "0s".to_owned())];
    let all = ground.settings(address, &own, variables).await?;
    let config = Config::load(file.as_deref(), &mut all.into_iter(), Mode::Development)?;
    telemetry::start(&config.log);
    let link = ground.prepare(&config).await?;
    let ready = |addresses: Addresses| drop(say(format_args!("{}", ground.walk_through(addresses, &link))));
    node::serve(config, |_| Ok(Listeners { public, admin }), stopped(), ready).await?;
    Ok(())
}

/// A node of a fleet. It ends at once, undrained, when whoever started it is gone, be it killed.
pub(super) async fn node(config: Config) -> Result<(), Failure> {
    let (tell, orphaned) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _end = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(tell);
    });
    tokio::select! {
        served = serve(config) => served,
        _ = orphaned => Ok(()),
    }
}

/// What another terminal sources, so that the other commands work on this node's servers.
fn write_env(folder: &Path, variables: &[(String, String)]) -> Result<(), Failure> {
    let quoted = |value: &str| value.replace('\'', r"'\''");
    let lines: Vec<String> =
        variables.iter().map(|(name, value)| format!("export {name}='{}'\n", quoted(value))).collect();
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(folder.join("env"));
    opened.and_then(|mut file| file.write_all(lines.concat().as_bytes())).map_err(io_failure)
}

/// Keys of this folder's own, made at its first start: what is sealed in its Redis opens
/// at the next one.
fn key_file(folder: &Path, name: &str, kind: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match created {
        Ok(mut file) => file.write_all(fresh_key(kind).as_bytes()).map_err(io_failure)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io_failure(error)),
    }
    Ok(path.display().to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err calls")]
fn io_failure(error: std::io::Error) -> Failure {
    Failure::unavailable(error.to_string())
}
