//! One redis-server or sentinel of a topology, that dies with this process even when that is killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::acl;
use crate::support::postgres::fresh_folder;
use crate::support::resp::{Resp, Value};
use crate::support::until::until;

/// Ends with the pipe of its guard.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) folder: PathBuf,
    arguments: Vec<String>,
    running: Option<(Child, Pid)>,
}

/// Two ports of 127.0.0.1 that are free now: for clients, and for the bus of a cluster.
pub(super) fn free_ports() -> (u16, u16) {
    let (one, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    (one.local_addr().unwrap().port(), other.local_addr().unwrap().port())
}

impl Server {
    /// Starts it in a folder of its own, which `arguments` are told of.
    pub(super) async fn start(port: u16, arguments: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = fresh_folder("node");
        let arguments = arguments(&folder);
        let mut server = Self { port, folder, arguments, running: None };
        server.launch().await;
        server
    }

    /// Starts it, or starts it again.
    pub(super) async fn launch(&mut self) {
        let log = self.folder.join("log");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("../../../src/dev/servers/guard.sh"), "sh"]).arg(&log).args(["TERM", ""]);
        command.arg("redis-server").args(&self.arguments).arg("--unixsocket").arg(self.socket());
        command.current_dir(&self.folder).process_group(0);
        let held = File::create(self.folder.join("held")).unwrap();
        let mut guard = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(held).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.running = Some((guard, Pid::from_raw(line.trim().parse().unwrap()).unwrap()));
        let this = &*self;
        until(&format!("{} to answer", log.display()), async || {
            let mut resp = Resp::connect(&this.socket()).ok()?;
            // An error that is no LOADING is an answer: a sentinel wants a login.
            match resp.ask(&["PING"]).ok()? {
                Value::Error(error) if error.starts_with("LOADING") => None,
                _ => Some(()),
            }
        })
        .await;
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    /// As the default user.
    pub(super) fn resp(&self) -> Resp {
        Resp::connect(&self.socket()).unwrap()
    }

    /// A field of INFO replication; empty where it does not say. A sentinel that demotes it hangs up on everybody.
    pub(super) fn replication(&self, field: &str) -> String {
        let info = Resp::connect(&self.socket()).and_then(|mut resp| resp.ask(&["INFO", "replication"]));
        let Ok(Value::Text(info)) = info else { return String::new() };
        let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }

    /// Scripts that it was asked for by their hashes alone, and did not know; and those that were brought along.
    pub(super) fn scripts_unknown(&self) -> (u64, u64) {
        let mut resp = self.resp();
        let info = resp.call(&["INFO", "errorstats"]);
        let line = info.text().lines().find_map(|line| line.strip_prefix("errorstat_NOSCRIPT:count="));
        (line.map_or(0, |count| count.trim().parse().unwrap()), resp.calls_of("eval"))
    }

    /// Connections of the service.
    pub(super) fn connections(&self) -> usize {
        self.resp().call(&["CLIENT", "LIST"]).text().matches(&format!(" user={} ", acl::SERVICE)).count()
    }

    /// It takes no writes while no replica has been heard of for a second: the least that Redis takes.
    pub(super) fn wants_a_replica(&self) {
        let words = ["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "1"];
        assert_eq!(self.resp().call(&words), Value::Text("OK".to_owned()));
    }

    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    pub(super) fn signal(&self, signal: Signal) {
        let (_, pid) = self.running.as_ref().expect("it runs");
        kill_process(*pid, signal).unwrap();
    }

    /// Its guard ends when its standard input does, which waiting closes.
    fn wait(&mut self) {
        if let Some((mut guard, _)) = self.running.take() {
            guard.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
