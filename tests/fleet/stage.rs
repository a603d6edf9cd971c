//! `vestibule dev --nodes 3 --proxy ...` in a folder of its own, and what it says of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;
use serde_json::Value;

use super::said;
use crate::proxies::platform::Platform;
use crate::support::child::{Child, path};
use crate::support::postgres::fresh_folder;
use crate::support::raw::Raw;
use crate::support::until::until;

/// Where the fleet writes down what it is.
const FACTS: &str = ".vestibule/fleet.json";
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule");

/// A fleet with its servers, its proxy and a platform that the proxy guards.
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    folder: PathBuf,
    child: Child,
    _platform: Platform,
}

/// A node, as the fleet tells of it.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) public: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) pid: u32,
}

impl Stage {
    pub(super) async fn start(proxy: &str, settings: &[(&str, &str)]) -> Self {
        let (folder, platform) = (fresh_folder("fleet").canonicalize().unwrap(), Platform::start().await);
        let (address, admin) = fresh_addresses();
        let fixed = [
            ("http.listen", address.to_string()),
            ("admin.listen", admin.to_string()),
            ("http.workers", "1".to_owned()),
            // Everybody comes from one address here.
            ("limits.candidate_ip.max", "1000000".to_owned()),
            ("limits.login_ip.max", "200".to_owned()),
            ("limits.invite_user.max", "1000000".to_owned()),
            ("accounts.hash_memory", "64".to_owned()),
            ("accounts.hash_iterations", "1".to_owned()),
            ("accounts.hash_threads", "1".to_owned()),
            // A restart or a kill is not to lose a request; that a machine with 2 cores, a build on one of them and three
            // starting nodes on the other may give one up after 700 ms is not what is asked here, and so waits are long.
            ("redis.command_timeout", "3s".to_owned()),
            ("redis.wait_max", "3s".to_owned()),
            ("accounts.hash_timeout", "10s".to_owned()),
            ("postgres.connect_timeout", "3s".to_owned()),
            ("postgres.wait_timeout", "3s".to_owned()),
            // What a node died over is taken by another 3 s later.
            ("mail.send_timeout", "2s".to_owned()),
            ("mail.claim", "3s".to_owned()),
            ("log.level", "warn".to_owned()),
        ];
        let mut environment: Vec<(String, String)> = Vec::new();
        for (key, value) in fixed.into_iter().chain(settings.iter().map(|(key, value)| (*key, (*value).to_owned()))) {
            environment.push((format!("VESTIBULE_{}", key.to_uppercase().replace('.', "__")), value));
        }
        let guarded = platform.address.to_string();
        let arguments = ["dev", "--nodes", "3", "--proxy", proxy, "--platform", &guarded];
        let child = Child::start(PROGRAM, &arguments, &environment, &folder);
        let stage = Self { address, folder, child, _platform: platform };
        said(&stage, "kill -9", 1).await;
        stage
    }

    /// What it has said so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.child.lines()
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    fn facts(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.join(FACTS)).unwrap()).unwrap()
    }

    /// The nodes of now.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let facts = self.facts();
        let node = |node: &Value| Node {
            name: node["name"].as_str().unwrap().to_owned(),
            public: address(&node["public"]),
            admin: address(&node["admin"]),
            pid: node["pid"].as_u64().unwrap().try_into().unwrap(),
        };
        facts["nodes"].as_array().unwrap().iter().map(node).collect()
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        self.nodes().iter().map(|node| node.pid).collect()
    }

    /// Runs the program beside the fleet, on its servers.
    pub(super) fn run(&self, arguments: &str) {
        let script = format!(". .vestibule/env; exec '{PROGRAM}' {arguments}");
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &script]).env_clear().env("PATH", path()).current_dir(&self.folder).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// The node has a successor, which takes requests, and the proxy asks it: nginx lets alone for a second what has
    /// failed, and has nobody to ask where all have.
    pub(super) async fn is_back(&self, before: &Node) {
        let successor = || self.nodes().into_iter().find(|node| node.public == before.public && node.pid != before.pid);
        until("the node to be back", async || (ready(successor()?.admin).await == Some(true)).then_some(())).await;
        let nth = self.nodes().iter().position(|node| node.public == before.public).unwrap() + 1;
        let served = [format!("vestibule/node{nth} --"), format!(" {} 20", before.public)];
        let logged = self.proxy_log().len();
        until("the proxy to ask the node", async || {
            served.iter().any(|words| self.proxy_log()[logged..].contains(words)).then_some(())
        })
        .await;
    }

    /// How many connections to each server broke before they had answered, as HAProxy counts; nginx does not.
    pub(super) async fn broken(&self) -> BTreeMap<String, String> {
        let view = &self.facts()["view"];
        if view.is_null() {
            return BTreeMap::new();
        }
        let mut raw = Raw::connect(address(view)).await;
        raw.send("GET /;csv HTTP/1.0\r\n\r\n").await;
        let table = raw.rest().await;
        let column = table
            .lines()
            .find(|line| line.starts_with("# pxname,"))
            .unwrap()
            .split(',')
            .position(|name| name == "eresp")
            .unwrap();
        let rows = table.lines().map(|row| row.split(',').collect::<Vec<&str>>());
        let rows =
            rows.filter(|row| row.len() > column && row[0].starts_with("vestibule") && row[1].starts_with("node"));
        rows.map(|row| (format!("{}/{}", row[0], row[1]), row[column].to_owned())).collect()
    }

    pub(super) fn proxy_log(&self) -> String {
        std::fs::read_to_string(self.folder.join(".vestibule/proxy/proxy.log")).unwrap()
    }

    /// Ctrl-C: nothing of it is left.
    pub(super) async fn stop(mut self) {
        let pids = self.pids();
        self.child.signal(Signal::INT);
        assert_eq!(self.child.ended().await.code(), Some(0), "{:#?}", self.lines());
        for pid in pids {
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "node {pid} is left");
        }
        assert!(!self.folder.join(FACTS).exists(), "what is written down outlives the fleet");
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn address(url: &Value) -> SocketAddr {
    url.as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
}

/// What a node says of itself; `None` where nobody answers.
pub(super) async fn ready(admin: SocketAddr) -> Option<bool> {
    let mut probe = Raw::try_connect(admin).await.ok()?;
    probe.try_send("GET /readyz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.ok()?;
    Some(probe.try_answer(false).await?.status == 200)
}

/// Of this machine, and nobody else's: proxy and nodes take the ports that follow.
fn fresh_addresses() -> (SocketAddr, SocketAddr) {
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let [_, pid @ ..] = std::process::id().to_be_bytes();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let at = |port: u16| SocketAddr::from(([127, 128 | (pid[0] & 63), pid[1], pid[2]], port + 10 * number));
    (at(20_000), at(21_000))
}
