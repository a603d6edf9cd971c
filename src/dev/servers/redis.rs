//! A private redis-server.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Launch, Process, at, find_program, lock, private_dir, socket_dir};

const SOCKET: &str = "redis.sock";
const REPLY_DEADLINE: Duration = Duration::from_secs(1);
/// Somebody else may take a free port between our look and redis-server's bind.
const PORT_ATTEMPTS_MAX: u32 = 5;
const NOT_INSTALLED: &str = "redis-server is not installed: run `make setup`, or apt-get install redis-server";

/// What kind of Redis, and where.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Of this server alone: socket, log and data live here.
    pub dir: PathBuf,
    /// A cluster of one node, which owns all slots. It needs TCP, so it takes free ports of 127.0.0.1.
    pub cluster: bool,
    /// Keeps its data across runs.
    pub persistent: bool,
    /// A TCP port of 127.0.0.1 beside the unix socket.
    pub port: Option<u16>,
    /// The ACL file of its users; without one everybody is the default user.
    pub users: Option<PathBuf>,
    /// A library that moves the server's clock, and the file that tells it how (see `tests/support/clock.rs`).
    pub preload: Option<(PathBuf, PathBuf)>,
}

/// A running redis-server, that ends when this is dropped or when this process dies.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    socket: PathBuf,
    port: Option<u16>,
    cluster: bool,
}

impl RedisServer {
    /// Returns when the server answers; a cluster, when it accepts writes (about 2 s, by the clock it is given).
    pub fn start(options: RedisOptions) -> io::Result<RedisServer> {
        let RedisOptions { dir, cluster, persistent, port, users, preload } = options;
        let program = find_program(&["redis-server", "valkey-server"])
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, NOT_INSTALLED))?;
        private_dir(&dir)?;
        let dir = fs::canonicalize(&dir).map_err(at(&dir))?;
        let lock = lock(&dir.join("redis.lock"))?;
        let log = dir.join("redis.log");
        File::create(&log).map_err(at(&log))?;
        if cluster && !persistent {
            // Slots and port of an earlier run.
            remove_file(&dir.join("nodes.conf"))?;
        }
        let (sockets, scratch) = socket_dir(&dir, SOCKET)?;
        let socket = sockets.join(SOCKET);

        let launch = Launch { name: "redis-server", argv: Vec::new(), dir, log, stop_signal: "TERM", scratch, lock };
        let mut server = RedisServer { process: Process::new(launch), socket, port, cluster };
        let mut attempt = 1;
        loop {
            let bus_port = if cluster { Some(server.take_free_ports()?) } else { None };
            let mut argv = arguments(&server, &program, persistent, bus_port, preload.as_ref());
            if let Some(users) = &users {
                argv.extend(["--aclfile".into(), users.into()]);
            }
            server.process.launch.argv = argv;
            let started = server.launch();
            let port_was_taken = port.is_none() && server.process.launch.log_tail().contains("Address already in use");
            if started.is_ok() || attempt == PORT_ATTEMPTS_MAX || !port_was_taken {
                return started.map(|()| server);
            }
            server.port = None;
            attempt += 1;
        }
    }

    /// For the service's configuration.
    pub fn url(&self) -> String {
        match self.port {
            Some(port) if self.cluster => format!("redis-cluster://127.0.0.1:{port}"),
            _ => format!("redis+unix://{}", self.socket.display()),
        }
    }

    /// A cluster listens here too, but a client of the cluster is sent on to its port.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The TCP port of 127.0.0.1, where it has one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// What to give to `redis-cli` before the command.
    pub fn cli_args(&self) -> Vec<String> {
        match self.port {
            Some(port) if self.cluster => vec!["-c".into(), "-p".into(), port.to_string()],
            _ => vec!["-s".into(), self.socket.display().to_string()],
        }
    }

    /// The server's process id; none after [`kill`](Self::kill).
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// SIGSTOP: it stays connected, and says nothing.
    pub fn pause(&self) -> io::Result<()> {
        self.process.pause()
    }

    /// SIGCONT, after [`pause`](Self::pause).
    pub fn resume(&self) -> io::Result<()> {
        self.process.resume()
    }

    /// SIGKILL. [`restart`](Self::restart) brings it back.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Starts it again, after stopping it if it runs, on the same socket and port.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process.stop()?;
        self.launch()
    }

    /// Waits until it has ended; dropping it does as well, without a word about failures.
    pub fn stop(mut self) -> io::Result<()> {
        self.process.stop()
    }

    fn launch(&mut self) -> io::Result<()> {
        self.process.restore_scratch()?;
        let (socket, cluster) = (self.socket.clone(), self.cluster);
        // Until it listens and has read its data, an error or "-LOADING" is nothing to stop for.
        self.process.start(|_| Ok(answers(&socket, cluster).unwrap_or(false)))
    }

    /// Fills in the port unless it was given, and returns one more for the cluster's bus, whose usual place (the port
    /// plus 10,000) may be above 65,535.
    fn take_free_ports(&mut self) -> io::Result<u16> {
        // Both are held until both are known, so that they differ.
        let (port, bus) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        if self.port.is_none() {
            self.port = Some(port.local_addr()?.port());
        }
        bus.local_addr().map(|address| address.port())
    }
}

fn arguments(
    server: &RedisServer,
    program: &Path,
    persistent: bool,
    bus_port: Option<u16>,
    preload: Option<&(PathBuf, PathBuf)>,
) -> Vec<OsString> {
    let mut argv: Vec<OsString> = Vec::new();
    if let Some((library, clock)) = preload {
        let variable = |name: &str, path: &Path| {
            let mut variable = OsString::from(name);
            variable.push(path);
            variable
        };
        // The server's alone: the guard and its tools keep the real time.
        argv.extend(["env".into(), variable("LD_PRELOAD=", library), variable("VESTIBULE_CLOCK=", clock)]);
    }
    argv.push(program.into());
    argv.extend(["--port".into(), server.port.unwrap_or(0).to_string().into()]);
    argv.extend(["--unixsocket".into(), server.socket.clone().into()]);
    argv.extend(["--dir".into(), server.process.launch.dir.clone().into()]);
    let appendonly = if persistent { "yes" } else { "no" };
    let fixed = [
        ("--bind", "127.0.0.1"),
        ("--unixsocketperm", "700"),
        ("--daemonize", "no"),
        ("--maxmemory-policy", "noeviction"),
        ("--save", ""),
        ("--appendonly", appendonly),
        // As config/redis.conf has it, and why.
        ("--hash-max-listpack-value", "256"),
    ];
    argv.extend(fixed.into_iter().flat_map(|(name, value)| [name.into(), value.into()]));
    if let Some(bus_port) = bus_port {
        let bus_port = bus_port.to_string();
        let cluster = [
            ("--cluster-enabled", "yes"),
            ("--cluster-announce-ip", "127.0.0.1"),
            ("--cluster-port", bus_port.as_str()),
        ];
        argv.extend(cluster.into_iter().flat_map(|(name, value)| [name.into(), value.into()]));
    }
    argv
}

/// Whether the server can be used. Gives a new cluster its slots on the way.
fn answers(socket: &Path, cluster: bool) -> io::Result<bool> {
    let mut redis = UnixStream::connect(socket)?;
    redis.set_read_timeout(Some(REPLY_DEADLINE))?;
    if command(&mut redis, "PING")? != "+PONG" {
        return Ok(false);
    }
    if !cluster {
        return Ok(true);
    }
    let state = command(&mut redis, "CLUSTER INFO")?;
    if state.contains("cluster_slots_assigned:0\r") {
        command(&mut redis, "CLUSTER ADDSLOTSRANGE 0 16383")?;
    }
    Ok(state.contains("cluster_state:ok"))
}

/// One inline command, and its reply: the line, or the text that the line announces.
fn command(redis: &mut UnixStream, line: &str) -> io::Result<String> {
    write!(redis, "{line}\r\n")?;
    let mut reader = BufReader::new(redis);
    let mut reply = String::new();
    reader.read_line(&mut reply)?;
    let Some(bytes) = reply.strip_prefix('$').and_then(|bytes| bytes.trim().parse().ok()) else {
        return Ok(reply.trim_end().to_owned());
    };
    let mut text = String::new();
    reader.take(bytes).read_to_string(&mut text)?;
    Ok(text)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}
