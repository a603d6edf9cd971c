//! A private HAProxy or nginx before some nodes, by the configuration that is shipped, with other addresses and paths.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use super::process::{Launch, Process, at, find_program, lock, private_dir};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// By `config/haproxy.cfg`.
    Haproxy,
    /// By `config/nginx.conf`.
    Nginx,
}

/// What stands where.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Which proxy.
    pub kind: ProxyKind,
    /// Of this proxy alone: its configuration and its log.
    pub dir: PathBuf,
    /// Where clients find it.
    pub listen: SocketAddr,
    /// Where HAProxy shows what it thinks of the nodes; nginx has no such page.
    pub view: SocketAddr,
    /// The public and the admin listener of each node, which are of one address.
    pub nodes: Vec<(SocketAddr, SocketAddr)>,
    /// What it guards.
    pub platform: SocketAddr,
}

/// A running proxy, that ends when this is dropped or when this process dies.
#[derive(Debug)]
pub struct ProxyServer {
    process: Process,
}

impl ProxyKind {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "HAProxy",
            Self::Nginx => "nginx",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }
}

impl ProxyServer {
    /// Returns when it listens.
    pub fn start(options: &ProxyOptions) -> io::Result<ProxyServer> {
        let kind = options.kind;
        let program = find_program(&[kind.program()]).ok_or_else(|| {
            let message = format!("{} is not installed: run `make setup`, or apt-get install {0}", kind.program());
            io::Error::new(io::ErrorKind::NotFound, message)
        })?;
        private_dir(&options.dir)?;
        let dir = fs::canonicalize(&options.dir).map_err(at(&options.dir))?;
        let lock = lock(&dir.join("proxy.lock"))?;
        let log = dir.join("proxy.log");
        File::create(&log).map_err(at(&log))?;
        let arguments = match kind {
            ProxyKind::Haproxy => haproxy(options, &dir)?,
            ProxyKind::Nginx => nginx(options, &dir)?,
        };
        let argv = [OsString::from(program)].into_iter().chain(arguments.into_iter().map(OsString::from)).collect();
        let launch = Launch { name: kind.name(), argv, dir, log, stop_signal: "TERM", scratch: None, lock };
        let mut process = Process::new(launch);
        process.start(|_| Ok(TcpStream::connect(options.listen).is_ok()))?;
        Ok(ProxyServer { process })
    }

    /// The proxy's process id.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Waits until it has ended.
    pub fn stop(mut self) -> io::Result<()> {
        self.process.stop()
    }
}

fn haproxy(options: &ProxyOptions, dir: &Path) -> io::Result<Vec<String>> {
    let (at, socket) = (dir.display(), format!("abns@vestibule-authz-{}", options.listen));
    let nodes = |more: &dyn Fn(usize, SocketAddr) -> String| {
        let lines = options
            .nodes
            .iter()
            .zip(1..)
            .map(|((public, admin), nth)| format!("server node{nth} {public}{}\n", more(nth, *admin)));
        lines.collect::<Vec<_>>().join("    ")
    };
    let view = format!(
        "\n# What HAProxy thinks of the nodes, for people, and for programs at /;csv\n\
         listen view\n    bind {}\n    no log\n    stats enable\n    stats uri /\n    stats refresh 1s\n",
        options.view
    );
    let config = adapt(
        include_str!("../../../config/haproxy.cfg"),
        &[
            ("log /dev/log local0", "log stdout format raw local0".to_owned()),
            // Nobody is privileged here, and nobody can become another.
            ("    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n", String::new()),
            ("lua-load /etc/haproxy/", format!("lua-load {at}/")),
            (
                "    server node1 127.0.0.1:8080\n",
                format!("    {}", nodes(&|_, admin| format!(" port {}", admin.port()))),
            ),
            (
                "    server node1 127.0.0.1:8080 track vestibule/node1\n",
                format!("    {}", nodes(&|nth, _| format!(" track vestibule/node{nth}"))),
            ),
            ("server platform1 127.0.0.1:3000", format!("server platform1 {}", options.platform)),
            ("bind :80\n", format!("bind {}\n", options.listen)),
            ("bind abns@vestibule-authz", format!("bind {socket}")),
        ],
    )?;
    write(dir, "haproxy.cfg", &(config + &view))?;
    let lua = include_str!("../../../config/haproxy-authz.lua");
    write(dir, "haproxy-authz.lua", &adapt(lua, &[("abns@vestibule-authz", socket)])?)?;
    Ok(vec!["-db".to_owned(), "-f".to_owned(), format!("{at}/haproxy.cfg")])
}

fn nginx(options: &ProxyOptions, dir: &Path) -> io::Result<Vec<String>> {
    let at = dir.display();
    let nodes = options.nodes.iter().map(|(public, _)| format!("server {public} max_fails=1 fail_timeout=1s;"));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
        .join("\n    ");
    let config = adapt(
        include_str!("../../../config/nginx.conf"),
        &[
            ("user www-data;", String::new()),
            ("pid /run/nginx.pid;", format!("pid {at}/pid;")),
            ("/var/log/nginx/error.log", format!("{at}/error.log")),
            ("/var/log/nginx/access.log", format!("{at}/proxy.log")),
            ("server_tokens off;", format!("server_tokens off;\n    {temporary}")),
            ("server 127.0.0.1:8080;", nodes.collect::<Vec<_>>().join("\n        ")),
            ("server 127.0.0.1:3000;", format!("server {};", options.platform)),
            ("listen 80;", format!("listen {};", options.listen)),
        ],
    )?;
    write(dir, "nginx.conf", &config)?;
    // One process: a worker would outlive a master that is killed.
    let (file, log) = (format!("{at}/nginx.conf"), format!("{at}/error.log"));
    let arguments = ["-p", &at.to_string(), "-c", &file, "-e", &log, "-g", "daemon off; master_process off;"];
    Ok(arguments.map(str::to_owned).into())
}

/// The shipped file with these instead of its own, each of which has to be there.
fn adapt(shipped: &str, changes: &[(&str, String)]) -> io::Result<String> {
    let mut config = shipped.to_owned();
    for (theirs, ours) in changes {
        if !config.contains(theirs) {
            return Err(io::Error::other(format!("the shipped file has no {theirs:?}")));
        }
        config = config.replace(theirs, ours);
    }
    Ok(config)
}

fn write(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let file = dir.join(name);
    fs::write(&file, text).map_err(at(&file))
}
