//! What benches stand on: the program as it is deployed, with servers of its own, and what both cost.

pub(crate) mod client;
pub(crate) mod cost;
pub(crate) mod seed;
pub(crate) mod wrk;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use vestibule::config::{Config, Mode};
use vestibule::dev::servers::{PostgresServer, RedisOptions, RedisServer};

/// Redis, Postgres and a relay that takes mail and never answers, for one round. They end with this.
pub(crate) struct Servers {
    pub(crate) redis: RedisServer,
    postgres: PostgresServer,
    /// Nobody takes its connections: a send waits until it is cut, and costs nothing meanwhile.
    relay: TcpListener,
    pub(crate) folder: PathBuf,
}

impl Servers {
    /// In a folder of their own, called `name`.
    pub(crate) fn start(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let (relay, port) = (listener(), port_of(&listener()));
        let options = RedisOptions { dir: folder.join("redis"), port: Some(port), ..RedisOptions::default() };
        let redis = RedisServer::start(options).unwrap();
        let postgres = PostgresServer::start(&folder.join("postgres"), false).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(postgres.create_database("bench", None)).unwrap();
        let servers = Self { redis, postgres, relay, folder };
        let migrated = servers.program("migrate").stdout(Stdio::null()).status().unwrap();
        assert!(migrated.success());
        servers
    }

    /// Over TCP, as it is deployed.
    pub(crate) fn redis_port(&self) -> u16 {
        self.redis.port().unwrap()
    }

    /// What the nodes are told.
    pub(crate) fn config(&self) -> Config {
        Config::load(None, &mut self.environment().into_iter(), Mode::Production).unwrap()
    }

    /// A command of the program, with the settings of a fresh installation behind a proxy.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.arg(name).env_clear().envs(self.environment()).stdin(Stdio::null());
        command
    }

    fn environment(&self) -> Vec<(String, String)> {
        let settings = [
            ("PUBLIC_URL", "https://interviews.example.com"),
            ("TRUSTED_PROXIES", "127.0.0.1/32"),
            ("HTTP__LISTEN", "127.0.0.1:0"),
            // As many as the yardsticks have: wrk, Redis and the server are to fit on two cores.
            ("HTTP__WORKERS", "1"),
            ("ADMIN__LISTEN", "127.0.0.1:0"),
            ("REDIS__URL", &format!("redis://127.0.0.1:{}", self.redis_port())),
            ("POSTGRES__URL", &self.postgres.url("bench")),
            ("MAIL__URL", &format!("smtp://127.0.0.1:{}?tls=none", port_of(&self.relay))),
            ("MAIL__FROM", "Acme <interviews@acme.example>"),
            ("SECRETS__ROOT_KEYS", "r1:cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="),
            ("SECRETS__JWT_KEYS", "j1:ampqampqampqampqampqampqampqampqampqampqamo="),
            ("LOG__FORMAT", "json"),
            ("LIMITS__SIGNUP_IP__MAX", "200"),
        ];
        settings.map(|(key, value)| (format!("VESTIBULE_{key}"), value.to_owned())).into()
    }

    /// Ends them, and removes their folder.
    pub(crate) fn stop(self) {
        self.postgres.stop().unwrap();
        self.redis.stop().unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// A server under load, ours or a yardstick. It ends with this.
pub(crate) struct Served {
    process: Child,
    pub(crate) public: String,
    /// Of a node: where it tells of itself.
    pub(crate) admin: String,
}

impl Served {
    /// A node. Its log goes into a file, as much of it as is shipped.
    pub(crate) fn node(servers: &Servers, changes: &[(&str, &str)]) -> Self {
        let mut paths = (0..).map(|n| servers.folder.join(format!("node-{n}.log")));
        let path = paths.find(|path| !path.exists()).unwrap();
        let mut command = servers.program("serve");
        command.envs(changes.iter().copied()).stderr(File::create(&path).unwrap());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(File::open(&path).unwrap());
        let mut text = String::new();
        let [public, admin] = loop {
            assert!(process.try_wait().unwrap().is_none(), "the program ended: {text}");
            if log.read_line(&mut text).unwrap() == 0 {
                std::thread::yield_now();
            } else if text.ends_with('\n') {
                if let Some(addresses) = addresses(&text) {
                    break addresses;
                }
                text.clear();
            }
        };
        Self { process, public, admin }
    }

    /// A node whose log is read as it is written: nothing turns beside it while it starts. Closed, the log would end
    /// the node at its next line.
    pub(crate) fn node_with_log(servers: &Servers, changes: &[(&str, &str)]) -> (Self, BufReader<ChildStderr>) {
        let mut process =
            servers.program("serve").envs(changes.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut text = String::new();
        let [public, admin] = loop {
            text.clear();
            assert!(log.read_line(&mut text).unwrap() > 0, "the program ended");
            if let Some(addresses) = addresses(&text) {
                break addresses;
            }
        };
        (Self { process, public, admin }, log)
    }

    /// A program that prints where it listens.
    pub(crate) fn other(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut public = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut public).unwrap();
        Self { process, public: public.trim().to_owned(), admin: String::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

/// Where a node listens, public and admin, where this line of its log says so.
fn addresses(line: &str) -> Option<[String; 2]> {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    (line["message"] == "ready").then(|| ["public", "admin"].map(|name| line[name].as_str().unwrap().to_owned()))
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
