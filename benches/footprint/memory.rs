//! Resident memory, of a node that nobody asks and under idle connections.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vestibule::link::LinkToken;

use super::NODE;
use crate::stage::client::Client;
use crate::stage::cost::resident_kib;
use crate::stage::seed::Seed;
use crate::stage::{Served, Servers};

/// What is asked for by the connections.
const LINKS: usize = 100;
/// Beside the connections, of the node as of this process.
const FILES_BESIDE: u64 = 512;

pub(crate) struct Memory {
    pub(crate) idle_kib: u64,
    /// When one thread has hashed.
    pub(crate) logged_in_kib: u64,
    pub(crate) connections: usize,
    pub(crate) connection_kib: f64,
}

pub(crate) fn measure(servers: &Servers, connections: usize) -> Memory {
    let connections = connections.min(files_for(connections));
    let links = links(servers);
    let node = Served::node(servers, &NODE);
    let idle_kib = settled_kib(&node);

    let mut all: Vec<Client> = Vec::with_capacity(connections);
    for n in 0..connections {
        let mut client = Client::connect(&node.public);
        let path = format!("/candidate-access/{}/info", *links[n % links.len()].expose());
        let address = format!("10.{}.{}.7", n / 250 % 250, n % 250);
        let (status, answer) =
            client.ask(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\nx-forwarded-for: {address}\r\n\r\n"));
        assert_eq!(status, "200", "{answer}");
        all.push(client);
    }
    let added = settled_kib(&node).saturating_sub(idle_kib);
    drop(all);
    drop(node);

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let connection_kib = added as f64 / connections as f64;
    Memory { idle_kib, logged_in_kib: logged_in_kib(servers), connections, connection_kib }
}

fn logged_in_kib(servers: &Servers) -> u64 {
    let node = Served::node(servers, &NODE);
    let body = r#"{"login":"nobody","password":"correct horse battery"}"#;
    Client::connect(&node.public).post("/auth/login", "203.0.113.9", body, "401");
    settled_kib(&node)
}

/// Once it has not grown for a while: what is read in the background at start takes its time.
fn settled_kib(node: &Served) -> u64 {
    const WHILE: Duration = Duration::from_millis(1_500);
    let (mut kib, mut since) = (0, Instant::now());
    while since.elapsed() < WHILE {
        let now = resident_kib(node.pid());
        if now > kib {
            (kib, since) = (now, Instant::now());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    resident_kib(node.pid())
}

fn links(servers: &Servers) -> Vec<LinkToken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        let links = seed.links(LINKS).await;
        seed.close().await;
        links
    })
}

/// Lets this process, and the node that it starts, have so many connections, or as many as the system gives.
fn files_for(connections: usize) -> usize {
    let needed = connections as u64 + FILES_BESIDE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return connections;
    }
    let reachable = limit.maximum.map_or(needed, |maximum| maximum.max(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: Some(reachable) });
    let files = if raised.is_ok() { needed } else { limit.current.unwrap_or(needed) };
    usize::try_from(files.saturating_sub(FILES_BESIDE)).unwrap()
}
