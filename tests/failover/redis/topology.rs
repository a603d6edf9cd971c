//! A primary, its replica and three sentinels; or a cluster of three primaries and three replicas.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::server::{Server, free_ports};
use crate::support::acl;
use crate::support::postgres::fresh_folder;
use crate::support::resp::{Resp, Value};
use crate::support::until::until;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Single,
    Sentinel,
    Cluster,
}

/// Servers that stand for one Redis. Users and their rules are those that are shipped.
pub(super) struct Topology {
    pub(super) kind: Kind,
    sentinels: Vec<Server>,
    pub(super) servers: Vec<Server>,
    /// The two servers of the shard that drills are about.
    pub(super) shard: [usize; 2],
    /// Which of `shard` is its primary.
    primary: usize,
    last_election: Option<Instant>,
    pub(super) authority: Option<Authority>,
}

/// What sentinels call the service.
const SERVICE: &str = "main";
/// Two node timeouts of 1.5 s, and a second.
const VOTES_AFTER: Duration = Duration::from_secs(4);
/// The sentinels' own users: who asks them, and who they are to each other.
const ASKS: &str = "ask3r";
const PEERS: &str = "p33rs";

/// A certificate authority made on the spot, and a certificate of a server.
pub(super) struct Authority {
    pub(super) ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn make() -> Self {
        let folder = fresh_folder("tls");
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // A server's certificate that bears its issuer's name passes for self-signed.
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&params, &ca_key);
        let key = KeyPair::generate().unwrap();
        // Servers announce themselves by address: that must be in it.
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca: write("ca.pem", ca.pem()),
            certificate: write("server.pem", certificate.pem()),
            key: write("server.key", key.serialize_pem()),
        }
    }

    /// Settings of a server, for its command line or its file.
    fn settings(&self) -> Vec<(&str, String)> {
        let path = |path: &Path| path.display().to_string();
        vec![
            ("tls-cert-file", path(&self.certificate)),
            ("tls-key-file", path(&self.key)),
            ("tls-ca-cert-file", path(&self.ca)),
            ("tls-auth-clients", "no".to_owned()),
            ("tls-replication", "yes".to_owned()),
        ]
    }
}

/// Settings of the port that clients come to.
fn listens(port: u16, authority: Option<&Authority>) -> Vec<(&str, String)> {
    let mut settings = vec![("bind", "127.0.0.1".to_owned())];
    match authority {
        Some(authority) => {
            settings.extend([("port", "0".to_owned()), ("tls-port", port.to_string())]);
            settings.extend(authority.settings());
        }
        None => settings.push(("port", port.to_string())),
    }
    settings
}

impl Topology {
    pub(super) async fn start(kind: Kind, tls: bool) -> Self {
        let authority = tls.then(Authority::make);
        let (count, shard) = match kind {
            Kind::Single => (1, [0, 0]),
            Kind::Sentinel => (2, [0, 1]),
            Kind::Cluster => (6, [0, 3]),
        };
        let mut servers = Vec::new();
        for _ in 0..count {
            servers.push(start_server(kind, authority.as_ref()).await);
        }
        let mut topology =
            Self { kind, sentinels: Vec::new(), servers, shard, primary: 0, last_election: None, authority };
        match kind {
            Kind::Single => {}
            Kind::Sentinel => topology.set_up_sentinels().await,
            Kind::Cluster => topology.set_up_cluster().await,
        }
        topology
    }

    async fn set_up_sentinels(&mut self) {
        let primary = self.servers[0].port;
        self.servers[1].resp().call(&["REPLICAOF", "127.0.0.1", &primary.to_string()]);
        self.in_sync().await;
        for _ in 0..3 {
            let port = free_ports().0;
            let settings = listens(port, self.authority.as_ref());
            self.sentinels.push(Server::start(port, |folder| sentinel_arguments(folder, &settings, primary)).await);
        }
        until("the sentinels to know each other and the replica", async || {
            let knows = |sentinel: &Server| {
                let master = ask(sentinel, &["SENTINEL", "MASTER", SERVICE]);
                let field = |name: &str| {
                    let at = master.array().iter().position(|value| *value == Value::Text(name.to_owned()));
                    at.map(|at| master.array()[at + 1].text().to_owned()).unwrap_or_default()
                };
                field("num-other-sentinels") == "2" && field("num-slaves") == "1" && field("flags") == "master"
            };
            self.sentinels.iter().all(knows).then_some(())
        })
        .await;
    }

    async fn set_up_cluster(&mut self) {
        for (nth, range) in [("0", "5460"), ("5461", "10922"), ("10923", "16383")].into_iter().enumerate() {
            ok(&self.servers[nth].resp().call(&["CLUSTER", "ADDSLOTSRANGE", range.0, range.1]));
        }
        let mut first = self.servers[0].resp();
        for server in &self.servers[1..] {
            let bus = server.bus().to_string();
            ok(&first.call(&["CLUSTER", "MEET", "127.0.0.1", &server.port.to_string(), &bus]));
        }
        until("the nodes to meet", async || {
            let met = |server: &Server| cluster_info(server).contains("cluster_known_nodes:6\r");
            self.servers.iter().all(met).then_some(())
        })
        .await;
        for nth in 0..3 {
            let id = self.servers[nth].resp().call(&["CLUSTER", "MYID"]);
            // Gossip takes a moment: "Unknown node" until then.
            until("a replica to know its primary", async || {
                let reply = self.servers[nth + 3].resp().call(&["CLUSTER", "REPLICATE", id.text()]);
                (reply == Value::Text("OK".to_owned())).then_some(())
            })
            .await;
        }
        until("the cluster", async || {
            let well = |server: &Server| {
                cluster_info(server).contains("cluster_state:ok")
                    && server.resp().call(&["CLUSTER", "NODES"]).text().matches("slave ").count() == 3
            };
            let linked = |server: &Server| server.replication("master_link_status") == "up";
            (self.servers.iter().all(well) && self.servers[3..].iter().all(linked)).then_some(())
        })
        .await;
    }

    /// For the service.
    pub(super) fn url(&self) -> String {
        let s = if self.authority.is_some() { "s" } else { "" };
        let hosts = |servers: &[Server]| {
            servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect::<Vec<_>>().join(",")
        };
        acl::as_service(&match self.kind {
            Kind::Single => format!("redis{s}://{}", hosts(&self.servers)),
            Kind::Cluster => format!("redis{s}-cluster://{}", hosts(&self.servers)),
            Kind::Sentinel => format!(
                "redis{s}-sentinel://{}/{SERVICE}?sentinel_username={ASKS}&sentinel_password={ASKS}",
                hosts(&self.sentinels)
            ),
        })
    }

    pub(super) fn primary(&self) -> &Server {
        &self.servers[self.shard[self.primary]]
    }

    pub(super) fn primary_mut(&mut self) -> &mut Server {
        &mut self.servers[self.shard[self.primary]]
    }

    pub(super) fn replica_mut(&mut self) -> &mut Server {
        &mut self.servers[self.shard[1 - self.primary]]
    }

    pub(super) fn replica(&self) -> &Server {
        &self.servers[self.shard[1 - self.primary]]
    }

    /// Whether a key lives on the shard that drills are about.
    pub(super) fn on_shard(&self, key: &str) -> bool {
        self.kind != Kind::Cluster || self.servers[0].resp().call(&["CLUSTER", "KEYSLOT", key]).integer() <= 5_460
    }

    /// Whether the sentinels, or the other primaries, name the replica as the primary.
    pub(super) fn has_elected(&self) -> bool {
        let new = self.replica().port.to_string();
        match self.kind {
            Kind::Single => false,
            Kind::Sentinel => self.sentinels.iter().any(|sentinel| {
                let named = ask(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
                named.array()[1].text() == new
            }),
            Kind::Cluster => [1, 2].iter().any(|nth: &usize| {
                let nodes = self.servers[*nth].resp().call(&["CLUSTER", "NODES"]);
                let owns = |line: &str| {
                    line.contains(&format!(":{new}@")) && line.contains("master") && line.contains(" 0-5460")
                };
                nodes.text().lines().any(owns)
            }),
        }
    }

    /// Once it has: whom they have elected is the primary from now on.
    pub(super) async fn elected(&mut self) -> Instant {
        until("an election", async || self.has_elected().then_some(())).await;
        let at = Instant::now();
        self.primary = 1 - self.primary;
        self.last_election = Some(at);
        at
    }

    /// Asks for a failover while both are well.
    pub(super) async fn fail_over_gracefully(&self) {
        // A primary of a cluster votes once in two node timeouts for the replicas of one other.
        let voters = self.last_election;
        until("votes to be free again", async || voters.is_none_or(|at| at.elapsed() > VOTES_AFTER).then_some(()))
            .await;
        match self.kind {
            Kind::Single => unreachable!("there is nobody else"),
            Kind::Sentinel => ok(&ask(&self.sentinels[0], &["SENTINEL", "FAILOVER", SERVICE])),
            Kind::Cluster => ok(&self.replica().resp().call(&["CLUSTER", "FAILOVER"])),
        }
    }

    /// Until the replica has all that the primary has.
    pub(super) async fn in_sync(&self) {
        until("the replica to be in sync", async || {
            let (ours, theirs) = (self.primary(), self.replica());
            let up = theirs.replication("role") == "slave" && theirs.replication("master_link_status") == "up";
            (up && ours.replication("master_repl_offset") == theirs.replication("master_repl_offset")).then_some(())
        })
        .await;
    }

    /// Keys that would never go away.
    pub(super) fn keys_without_ttl(&self) -> Vec<String> {
        let primaries = self.servers.iter().filter(|server| server.replication("role") == "master");
        primaries.flat_map(|server| server.resp().keys_without_ttl()).collect()
    }
}

impl Server {
    fn bus(&self) -> u16 {
        let port = std::fs::read_to_string(self.folder.join("bus")).unwrap();
        port.parse().unwrap()
    }
}

async fn start_server(kind: Kind, authority: Option<&Authority>) -> Server {
    let (port, bus) = free_ports();
    let mut settings = listens(port, authority);
    let fixed = [
        ("save", ""),
        ("maxmemory-policy", "noeviction"),
        ("repl-diskless-sync-delay", "0"),
        ("repl-ping-replica-period", "1"),
    ];
    settings.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    if kind == Kind::Cluster {
        let cluster = [
            ("cluster-enabled", "yes".to_owned()),
            ("cluster-announce-ip", "127.0.0.1".to_owned()),
            ("cluster-port", bus.to_string()),
            ("cluster-node-timeout", "1500".to_owned()),
            ("cluster-replica-validity-factor", "0".to_owned()),
        ];
        settings.extend(cluster);
        if authority.is_some() {
            settings.push(("tls-cluster", "yes".to_owned()));
        }
    }
    Server::start(port, |folder| {
        settings.push(("aclfile", acl::file(folder).display().to_string()));
        settings.push(("dir", folder.display().to_string()));
        std::fs::write(folder.join("bus"), bus.to_string()).unwrap();
        settings.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    })
    .await
}

/// A sentinel writes into its file, and has users of its own.
fn sentinel_arguments(folder: &Path, listens: &[(&str, String)], primary: u16) -> Vec<String> {
    let listens = listens.iter().map(|(name, value)| format!("{name} {value}\n")).collect::<String>();
    let text = format!(
        "{listens}dir {folder}\n\
         user default off\n\
         user {PEERS} on >{PEERS} ~* &* +@all\n\
         user {ASKS} on >{ASKS} -@all +auth +hello +ping +client|setname +client|id +info +role \
         +sentinel|get-master-addr-by-name +sentinel|sentinels +sentinel|masters\n\
         sentinel sentinel-user {PEERS}\n\
         sentinel sentinel-pass {PEERS}\n\
         sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {SERVICE} 1000\n\
         sentinel failover-timeout {SERVICE} 3000\n",
        folder = folder.display(),
    );
    let file = folder.join("sentinel.conf");
    std::fs::write(&file, text).unwrap();
    vec![file.display().to_string(), "--sentinel".to_owned()]
}

fn ask(sentinel: &Server, words: &[&str]) -> Value {
    let mut resp = Resp::connect(&sentinel.socket()).unwrap();
    ok(&resp.call(&["AUTH", PEERS, PEERS]));
    resp.call(words)
}

fn cluster_info(server: &Server) -> String {
    server.resp().call(&["CLUSTER", "INFO"]).text().to_owned()
}

#[track_caller]
fn ok(reply: &Value) {
    assert_eq!(*reply, Value::Text("OK".to_owned()));
}
