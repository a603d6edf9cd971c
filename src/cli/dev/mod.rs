//! `vestibule dev`: a node with its own Redis, Postgres and mailbox under `.vestibule/`.

mod seed;

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::keygen::fresh as fresh_key;
use super::serve::stopped;
use super::{Failure, say};
use crate::config::{Config, Mode};
use crate::dev::servers::{PostgresServer, RedisOptions, RedisServer};
use crate::metrics::Metrics;
use crate::node::{self, Addresses, Listeners};
use crate::postgres::{self, Postgres};
use crate::telemetry;

/// Where everything is kept, in the folder that one stands in.
const FOLDER: &str = ".vestibule";
const DATABASE: &str = "vestibule";

/// Runs until Ctrl-C; leaves no process behind.
pub(super) async fn run(variables: Vec<(String, String)>, file: Option<PathBuf>) -> Result<(), Failure> {
    let folder = std::env::current_dir().map(|here| here.join(FOLDER)).map_err(io_failure)?;
    fs::create_dir_all(&folder).map_err(io_failure)?;
    say(format_args!("Starting a private Redis and Postgres under {FOLDER}/ ..."))?;
    let redis = RedisServer::start(RedisOptions {
        dir: folder.join("redis"),
        cluster: false,
        persistent: true,
        port: None,
        preload: None,
    })
    .map_err(io_failure)?;
    let database = PostgresServer::start(&folder.join("postgres"), true).map_err(io_failure)?;
    let outcome = node(&folder, &redis, &database, variables, file).await;
    database.stop().map_err(io_failure)?;
    redis.stop().map_err(io_failure)?;
    outcome?;
    say(format_args!("Stopped. The data stays under {FOLDER}/ for the next run."))
}

async fn node(
    folder: &Path,
    redis: &RedisServer,
    database: &PostgresServer,
    variables: Vec<(String, String)>,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    match database.create_database(DATABASE, None).await {
        // A run before this one has made it.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        created => created.map_err(io_failure)?,
    }
    let (public, admin) = (listener(&variables, "HTTP", 8080)?, listener(&variables, "ADMIN", 9090)?);
    let defaults = [
        ("PUBLIC_URL", format!("http://{}", public.local_addr().map_err(io_failure)?)),
        ("LOG__FORMAT", "human".to_owned()),
        ("REDIS__URL", redis.url()),
        ("POSTGRES__URL", database.url(DATABASE)),
        ("MAIL__URL", "capture:".to_owned()),
        ("MAIL__FROM", "Acme Interviews <interviews@localhost.localdomain>".to_owned()),
        ("ORGANISATION", "Acme".to_owned()),
        ("SECRETS__ROOT_KEYS_FILE", key_file(folder, "root_keys", "r")?),
        ("SECRETS__JWT_KEYS_FILE", key_file(folder, "jwt_keys", "j")?),
        ("SECRETS__PEPPER_KEYS_FILE", key_file(folder, "pepper_keys", "p")?),
        // There is no proxy that would have to notice first.
        ("HTTP__DRAIN_DELAY", "0s".to_owned()),
    ];
    let given = |name: &str| variables.iter().any(|(key, _)| key == name || name.strip_suffix("_FILE") == Some(key));
    let missing = defaults.into_iter().map(|(key, value)| (format!("VESTIBULE_{key}"), value));
    let mut all: Vec<(String, String)> = missing.filter(|(name, _)| !given(name)).collect();
    all.extend(variables.iter().cloned());
    write_env(folder, &all)?;
    let config = Config::load(file.as_deref(), &mut all.into_iter(), Mode::Development)?;
    telemetry::start(&config.log);

    let pool = Postgres::new(&config.postgres, Arc::new(Metrics::new()));
    for migration in postgres::migrate(&pool).await? {
        say(format_args!("Applied {migration}."))?;
    }
    let link = seed::demo_link(&config, folder, &pool).await?;
    pool.close();
    let redis_cli = format!("redis-cli {}", redis.cli_args().join(" "));
    let postgres_url = database.url(DATABASE);
    let ready = |addresses: Addresses| {
        drop(say(format_args!("{}", seed::walk_through(addresses, &link, &redis_cli, &postgres_url))));
    };
    node::serve(config, |_| Ok(Listeners { public, admin }), stopped(), ready).await?;
    Ok(())
}

/// The configured address, or the default one, or a free port where that is taken.
fn listener(variables: &[(String, String)], section: &str, port: u16) -> Result<TcpListener, Failure> {
    let key = format!("VESTIBULE_{section}__LISTEN");
    if let Some((_, text)) = variables.iter().find(|(name, _)| *name == key) {
        let address: SocketAddr =
            text.parse().map_err(|_| Failure::usage(format!("{key}: write it as 127.0.0.1:{port}")))?;
        return TcpListener::bind(address).map_err(|error| Failure::usage(format!("{key}: {address}: {error}")));
    }
    TcpListener::bind(("127.0.0.1", port)).or_else(|_| {
        let free = TcpListener::bind(("127.0.0.1", 0)).map_err(io_failure)?;
        say(format_args!("Port {port} is taken; using {} instead.", free.local_addr().map_err(io_failure)?.port()))?;
        Ok(free)
    })
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
