//! A proxy as a child process: the shipped configuration, with other addresses and paths.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::geteuid;
use tokio::net::TcpStream;
use vestibule::node::Addresses;

use super::platform::Platform;
use crate::support::child::{Child, path};
use crate::support::postgres::fresh_folder;
use crate::support::until::until;

/// A proxy that listens.
pub(super) struct Edge {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    child: Child,
    folder: Folder,
}

/// Removed when its proxy is gone, or has never come to be.
struct Folder(PathBuf);

impl Edge {
    /// With a node of an older release beside, if there is one.
    pub(super) async fn nginx(node: Addresses, older: Option<SocketAddr>, platform: &Platform) -> Self {
        let (folder, address) = (private_folder("nginx"), fresh_address());
        let at = folder.0.display();
        let older = older.map(|address| format!("server {address};\n        "));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .join("\n    ");
        let config = adapt(
            include_str!("../../config/nginx.conf"),
            &[
                // Nobody is privileged here, and nobody can become another.
                ("user www-data;", String::new()),
                ("pid /run/nginx.pid;", format!("pid {at}/pid;")),
                ("/var/log/nginx/error.log", format!("{at}/error.log")),
                ("/var/log/nginx/access.log", format!("{at}/access.log")),
                ("server_tokens off;", format!("server_tokens off;\n    {temporary}")),
                ("server 127.0.0.1:8080;", format!("{}server {};", older.as_deref().unwrap_or(""), node.public)),
                ("server 127.0.0.1:3000;", format!("server {};", platform.address)),
                ("listen 80;", format!("listen {address};")),
            ],
        );
        write(&folder.0, "nginx.conf", &config);
        let (file, log) = (format!("{at}/nginx.conf"), format!("{at}/error.log"));
        // One process, which dies with this one: a worker outlives a master that is killed.
        let arguments = ["-p", &format!("{at}"), "-c", &file, "-e", &log, "-g", "daemon off; master_process off;"]
            .map(str::to_owned);
        Self::run("nginx", "nginx", &arguments, folder, address).await
    }

    pub(super) async fn haproxy(node: Addresses, older: Option<SocketAddr>, platform: &Platform) -> Self {
        let (folder, address) = (private_folder("haproxy"), fresh_address());
        let older = older.map_or_else(String::new, |address| format!("    server older {address} no-check\n"));
        let (at, socket) = (folder.0.display(), format!("abns@vestibule-authz-{address}"));
        let config = adapt(
            include_str!("../../config/haproxy.cfg"),
            &[
                ("log /dev/log local0", "log stdout format raw local0".to_owned()),
                ("    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n", String::new()),
                ("lua-load /etc/haproxy/", format!("lua-load {at}/")),
                ("    retries 3\n", format!("    retries 3\n{older}")),
                ("server node1 127.0.0.1:8080", format!("server node1 {}", node.public)),
                ("check port 9090", format!("check addr {} port {}", node.admin.ip(), node.admin.port())),
                ("server platform1 127.0.0.1:3000", format!("server platform1 {}", platform.address)),
                ("bind :80\n", format!("bind {address}\n")),
                ("bind abns@vestibule-authz", format!("bind {socket}")),
            ],
        );
        write(&folder.0, "haproxy.cfg", &config);
        let lua = include_str!("../../config/haproxy-authz.lua");
        write(&folder.0, "haproxy-authz.lua", &adapt(lua, &[("abns@vestibule-authz", socket)]));
        let arguments = ["-db", "-f", &format!("{at}/haproxy.cfg")].map(str::to_owned);
        Self::run("HAProxy", "haproxy", &arguments, folder, address).await
    }

    async fn run(name: &'static str, program: &str, arguments: &[String], folder: Folder, address: SocketAddr) -> Self {
        let program = installed(program);
        let mut command = as_nobody();
        command.push(program);
        command.extend_from_slice(arguments);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut child = Child::start(words[0], &words[1..], &[], &folder.0);
        let what = format!("{name} to listen");
        let listens = until(&what, || async { TcpStream::connect(address).await.is_ok().then_some(()) });
        tokio::select! {
            () = listens => {}
            status = child.ended() => panic!("{name}, {status}: {:#?}", child.lines()),
        }
        Self { name, address, child, folder }
    }

    /// All that it has logged until now, requests and complaints.
    pub(super) fn log(&self) -> String {
        let file = |name: &str| fs::read_to_string(self.folder.0.join(name)).unwrap_or_default();
        format!("{}{}{}", file("access.log"), file("error.log"), self.child.lines().join("\n"))
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} logged:\n{}", self.name, self.log());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.0);
    }
}

/// The shipped file with these addresses and paths instead of its own, each of which has to be there.
#[track_caller]
fn adapt(shipped: &str, changes: &[(&str, String)]) -> String {
    let mut config = shipped.to_owned();
    for (theirs, ours) in changes {
        assert!(config.contains(theirs), "the shipped file has no {theirs:?}");
        config = config.replace(theirs, ours);
    }
    config
}

/// An address of this machine that nobody else listens on: the port may be any.
fn fresh_address() -> SocketAddr {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let [_, pid @ ..] = std::process::id().to_be_bytes();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let port = 20_000 + u16::try_from(number).unwrap();
    SocketAddr::from(([127, 64 | (pid[0] & 63), pid[1], pid[2]], port))
}

fn installed(program: &str) -> String {
    let path = path();
    // Where Debian has servers, and users do not look for them.
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    let found = folders.map(|folder| format!("{folder}/{program}")).find(|file| Path::new(file).exists());
    found.unwrap_or_else(|| panic!("{program} is not installed: run `make setup`"))
}

const NOBODY: u32 = 65_534;

/// Before the program of somebody who is root: an ordinary user runs it. The change of user forgets who its parent is.
fn as_nobody() -> Vec<String> {
    if !geteuid().is_root() {
        return Vec::new();
    }
    let ids = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
    let rest = ["--clear-groups", "--pdeathsig", "KILL", "--"].map(str::to_owned);
    ["setpriv".to_owned()].into_iter().chain(ids).chain(rest).collect()
}

/// A folder for one proxy. Of root's, in the open: an ordinary user may not get to where root builds.
fn private_folder(what: &str) -> Folder {
    let folder = fresh_folder(what);
    if !geteuid().is_root() {
        return Folder(folder);
    }
    let name = folder.file_name().unwrap().to_str().unwrap();
    let open = std::env::temp_dir().join(format!("vestibule-e2e-{}-{name}", std::process::id()));
    fs::create_dir(&open).unwrap();
    chown(&open, Some(NOBODY), Some(NOBODY)).unwrap();
    Folder(open)
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}
