//! `vestibule dev --nodes 3 --proxy haproxy`: a fleet on one machine, whose nodes can be killed and replaced.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::doors::Doors;
use super::keeper::{Member, Order};
use super::look::{is_asked, is_ready, until};
use super::{DATABASE, Dev, FOLDER, Ground, io_failure};
use crate::cli::serve::stopped;
use crate::cli::{Failure, say};
use crate::config::{Config, Mode};
use crate::dev::servers::{ProxyKind, ProxyOptions, ProxyServer};
use crate::link::LinkToken;
use crate::node::Addresses;
use crate::telemetry;

/// Where the fleet writes down what it is, for as long as it is.
const FACTS: &str = "fleet.json";

/// Nodes that are kept running, and what stands before them.
pub(super) struct Fleet {
    pub(super) posts: Vec<Post>,
    pub(super) proxy: Option<ProxyKind>,
    /// HAProxy's own page.
    pub(super) view: Option<SocketAddr>,
    /// The longest drain that is configured.
    pub(super) drain: Duration,
}

/// A node, and how it is told to restart.
pub(super) struct Post {
    pub(super) member: Arc<Member>,
    pub(super) orders: mpsc::Sender<Order>,
}

/// Runs until Ctrl-C; SIGHUP is a rolling restart.
pub(super) async fn run(
    ground: &Ground,
    dev: &Dev,
    variables: Vec<(String, String)>,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    // Before anybody can know of us: SIGHUP would end this process.
    let mut hangup = signal(SignalKind::hangup()).map_err(io_failure)?;
    forget(ground)?;
    let doors = Doors::choose(&variables, dev.nodes)?;
    let mailbox = ground.folder.join("mail");
    let own = [
        ("MAIL__URL", format!("capture:{}", mailbox.display())),
        // The proxy. Clients, where it matters, come from another address.
        ("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
    ];
    let mut environment = ground.settings(doors.public, &own, variables).await?;
    let config = Config::load(file.as_deref(), &mut environment.iter().cloned(), Mode::Development)?;
    telemetry::start(&config.log);
    let link = ground.prepare(&config).await?;
    environment.extend(file.map(|file| ("VESTIBULE_CONFIG".to_owned(), file.display().to_string())));

    let (stop, started, keepers) = (CancellationToken::new(), Arc::new(Notify::new()), TaskTracker::new());
    let kind = dev.proxy.kind();
    let mut fleet = Fleet {
        posts: Vec::new(),
        proxy: kind,
        view: kind.filter(|kind| *kind == ProxyKind::Haproxy).map(|_| doors.view),
        drain: config.http.drain_delay + config.http.drain_timeout,
    };
    for (nth, (public, admin)) in (1..).zip(doors.nodes.iter().copied()) {
        let (name, pid) = (format!("node{nth}"), AtomicU32::new(0));
        let log = ground.folder.join(format!("{name}.log"));
        fs::write(&log, "").map_err(io_failure)?;
        let member = Arc::new(Member { name, public, admin, log, environment: environment.clone(), pid });
        let (orders, received) = mpsc::channel(1);
        let (keeper, started, stop) = (Arc::clone(&member), Arc::clone(&started), stop.clone());
        keepers.spawn(async move { keeper.keep(received, &started, stop).await });
        fleet.posts.push(Post { member, orders });
    }
    keepers.close();

    let outcome = tokio::select! {
        outcome = fleet.serve(ground, dev, &doors, &link, &mut hangup, &started) => outcome,
        () = stopped() => Ok(()),
    };
    stop.cancel();
    keepers.wait().await;
    forget(ground)?;
    outcome
}

/// What is written down of a fleet that is no more: its process ids may be others' by now.
fn forget(ground: &Ground) -> Result<(), Failure> {
    match fs::remove_file(ground.folder.join(FACTS)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_failure(error)),
        _ => Ok(()),
    }
}

impl Fleet {
    async fn serve(
        &self,
        ground: &Ground,
        dev: &Dev,
        doors: &Doors,
        link: &LinkToken,
        hangup: &mut tokio::signal::unix::Signal,
        started: &Notify,
    ) -> Result<(), Failure> {
        say(format_args!("Starting {} nodes ...", self.posts.len()))?;
        for Post { member, .. } in &self.posts {
            until(async || is_ready(member.admin).await).await;
        }
        let front = if self.proxy.is_some() { doors.public } else { doors.nodes[0].0 };
        let _proxy = match self.proxy {
            Some(kind) => Some(proxy(kind, ground, dev, doors)?),
            None => None,
        };
        for Post { member, .. } in &self.posts {
            let Some(view) = self.view else { break };
            until(async || is_asked(view, &member.name).await == Some(true)).await;
        }
        self.write_down(ground, front, link)?;
        let addresses = Addresses { public: front, admin: doors.nodes[0].1 };
        say(format_args!("{}", ground.walk_through(addresses, link)))?;
        self.tell(ground)?;

        let mut noting = pin!(async {
            loop {
                started.notified().await;
                self.write_down(ground, front, link)?;
            }
        });
        loop {
            let rolled = async {
                hangup.recv().await;
                self.roll().await
            };
            tokio::select! {
                rolled = rolled => rolled?,
                noted = &mut noting => return noted,
            }
        }
    }

    /// For scripts: where everything is.
    fn write_down(&self, ground: &Ground, front: SocketAddr, link: &LinkToken) -> Result<(), Failure> {
        let nodes = self.posts.iter().map(|Post { member, .. }| {
            json!({
                "name": member.name,
                "public": format!("http://{}", member.public),
                "admin": format!("http://{}", member.admin),
                "pid": member.pid.load(Ordering::Relaxed),
                "log": member.log,
            })
        });
        let facts = json!({
            "pid": std::process::id(),
            "url": format!("http://{front}"),
            "proxy": self.proxy.map(|kind| kind.name()),
            "view": self.view.map(|view| format!("http://{view}")),
            "joinLink": format!("http://{front}/interview/join/{}", *link.expose()),
            "mail": format!("http://{}/dev/mail.json", self.posts[0].member.admin),
            "redisCli": ground.redis.cli_args(),
            "postgres": ground.database.url(DATABASE),
            "nodes": nodes.collect::<Vec<_>>(),
        });
        // A reader finds the old one or the new one, and never half of it.
        let (file, new) = (ground.folder.join(FACTS), ground.folder.join("fleet.json.new"));
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
        opened
            .and_then(|mut opened| writeln!(opened, "{facts:#}"))
            .and_then(|()| fs::rename(new, file))
            .map_err(io_failure)
    }

    fn tell(&self, ground: &Ground) -> Result<(), Failure> {
        let proxy = self.proxy.map_or("no proxy", ProxyKind::name);
        say(format_args!("The fleet: {} nodes behind {proxy}\n", self.posts.len()))?;
        for Post { member, .. } in &self.posts {
            let Member { name, public, admin, log, pid, .. } = &**member;
            let (pid, log) = (pid.load(Ordering::Relaxed), within(&ground.folder, log));
            say(format_args!("  {name:<8} http://{public}  admin http://{admin}/readyz  process {pid}  log {log}"))?;
        }
        if let Some(view) = self.view {
            say(format_args!("  HAProxy  http://{view}/  is its view of them, for programs /;csv"))?;
        }
        if self.proxy.is_some() {
            say(format_args!("  its log  {FOLDER}/proxy/proxy.log"))?;
        }
        say(format_args!(
            "  scripts  {FOLDER}/fleet.json  has all of this, with the process ids of now\n\n\
             A rolling restart of all nodes, without a lost request; and a node that dies, to be started again:\n\n  \
             kill -HUP {pid}\n  \
             kill -9 {one}\n",
            pid = std::process::id(),
            one = self.posts[self.posts.len() - 1].member.pid.load(Ordering::Relaxed),
        ))
    }
}

fn proxy(kind: ProxyKind, ground: &Ground, dev: &Dev, doors: &Doors) -> Result<ProxyServer, Failure> {
    let options = ProxyOptions {
        kind,
        dir: ground.folder.join("proxy"),
        listen: doors.public,
        view: doors.view,
        nodes: doors.nodes.clone(),
        platform: dev.platform,
    };
    ProxyServer::start(&options).map_err(io_failure)
}

/// As one writes it in the folder that one stands in.
fn within(folder: &Path, file: &Path) -> String {
    let inner = file.strip_prefix(folder).unwrap_or(file);
    format!("{FOLDER}/{}", inner.display())
}
