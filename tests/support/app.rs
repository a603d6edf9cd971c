//! Nodes of the product, started as in production, on servers of the test's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::sync::oneshot;
use vestibule::config::{Config, Mode};
use vestibule::dev::servers::{RedisOptions, RedisServer};
use vestibule::link::LinkToken;
use vestibule::node::{self, Addresses, Listeners};
use vestibule::redis::Keys;

use super::acl;
use super::clock::Clock;
use super::http::{Answer, Http};
use super::postgres;
use super::resp::Resp;
use super::until::until;

/// Before a cluster that was started accepts writes.
const CLUSTER_WAITS: Duration = Duration::from_secs(2);

/// What a test wants otherwise than by default.
pub(crate) struct Setup {
    nodes: usize,
    mode: Mode,
    settings: BTreeMap<String, String>,
}

/// One or more nodes on one Redis and one database.
pub(crate) struct TestApp {
    pub(crate) nodes: Vec<Node>,
    pub(crate) http: Http,
    pub(crate) clock: Clock,
    pub(crate) redis: RedisServer,
    pub(crate) database: String,
    settings: BTreeMap<String, String>,
    mode: Mode,
}

/// A node that runs in threads of this process. Dropped, it is told to stop and waited for.
pub(crate) struct Node {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A join link that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) token: String,
    pub(crate) interview: String,
    pub(crate) email: String,
    pub(crate) expires_at: String,
}

/// 32 bytes of one letter each: test keys.
pub(crate) const ROOT_KEY: &str = "r1:cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=";
pub(crate) const JWT_KEY: &str = "j1:ampqampqampqampqampqampqampqampqampqampqamo=";

impl Setup {
    pub(crate) fn new() -> Self {
        Self { nodes: 1, mode: Mode::Development, settings: BTreeMap::new() }
    }

    pub(crate) fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// A key of the configuration, as `limits.candidate_ip.max`.
    pub(crate) fn set(mut self, key: &str, value: &dyn std::fmt::Display) -> Self {
        self.settings.insert(variable(key), value.to_string());
        self
    }

    /// Mail goes to a relay instead of being captured.
    pub(crate) fn relay(mut self, url: &str) -> Self {
        self.mode = Mode::Production;
        self.set("mail.url", &url)
    }

    /// Every request may name its own client by `X-Forwarded-For`.
    pub(crate) fn behind_proxy(self) -> Self {
        self.set("trusted_proxies", &"127.0.0.0/8")
    }

    pub(crate) async fn start(self) -> TestApp {
        allow_open_files();
        let folder = postgres::fresh_folder("redis");
        let clock = Clock::new(&folder).unwrap();
        // The same tests run on a cluster of one node, which refuses what would cross slots.
        let cluster = std::env::vars().any(|(name, value)| name == "VESTIBULE_TEST_REDIS" && value == "cluster");
        let users = Some(acl::file(&folder));
        let preload = Some(clock.preload());
        let options = RedisOptions { dir: folder, cluster, users, preload, ..RedisOptions::default() };
        let starting = tokio::task::spawn_blocking(|| RedisServer::start(options).unwrap());
        if cluster {
            // By its clock, and not by ours, it waits for 2 s before it accepts writes.
            until("the cluster", async || {
                clock.advance(CLUSTER_WAITS);
                starting.is_finished().then_some(())
            })
            .await;
            clock.reset();
        }
        let redis = starting.await.unwrap();
        let database = postgres::database().await;
        let mut settings = base_settings();
        settings.insert(variable("redis.url"), acl::as_service(&redis.url()));
        settings.insert(variable("postgres.url"), database.clone());
        settings.extend(self.settings);
        let mut app =
            TestApp { nodes: Vec::new(), http: Http::new(), clock, redis, database, settings, mode: self.mode };
        for _ in 0..self.nodes {
            app.add_node().await;
        }
        app
    }
}

/// Many users have 1,024 at first. A crowd of a thousand has two ends of each connection in this process, and a dozen
/// tests run beside it.
fn allow_open_files() {
    const NEEDED: u64 = 4_096;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < NEEDED) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(NEEDED), ..limit }).expect("enough files may be opened");
    }
}

fn variable(key: &str) -> String {
    format!("VESTIBULE_{}", key.to_uppercase().replace('.', "__"))
}

fn base_settings() -> BTreeMap<String, String> {
    let settings = [
        ("public_url", "https://interviews.example.com"),
        ("http.listen", "127.0.0.1:0"),
        ("admin.listen", "127.0.0.2:0"),
        ("http.workers", "1"),
        ("http.drain_delay", "0s"),
        ("mail.url", "capture:"),
        ("mail.from", "Acme <interviews@acme.example>"),
        ("secrets.root_keys", ROOT_KEY),
        ("secrets.jwt_keys", JWT_KEY),
        ("accounts.hash_memory", "64"),
        ("accounts.hash_iterations", "1"),
        ("log.level", "warn"),
    ];
    settings.into_iter().map(|(key, value)| (variable(key), value.to_owned())).collect()
}

/// Runs the program with this environment, over settings that would do for a node.
pub(crate) async fn vestibule(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut settings = base_settings();
    settings.insert(variable("mail.url"), "smtp://127.0.0.1:1?tls=none".to_owned());
    settings.insert(variable("redis.url"), "redis+unix:///nowhere".to_owned());
    settings.insert(variable("postgres.url"), "host=/nowhere user=nobody".to_owned());
    settings.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(arguments).env_clear().envs(settings).kill_on_drop(true);
    command.output().await.unwrap()
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    /// Another node on the same servers.
    pub(crate) async fn add_node(&mut self) {
        let node = self.node_with(&[]).await;
        self.nodes.push(node);
    }

    /// A node on the same servers with other settings; it is the caller's.
    pub(crate) async fn node_with(&self, changes: &[(&str, &str)]) -> Node {
        let mut settings = self.settings.clone();
        settings.extend(changes.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
        let config = Config::load(None, &mut settings.into_iter(), self.mode).unwrap_or_else(|error| panic!("{error}"));
        Node::start(config).await
    }

    /// The settings that the nodes run with, as environment variables.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.settings.clone().into_iter().collect()
    }

    /// The same, with changes to some keys.
    pub(crate) fn environment_with(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut settings = self.settings.clone();
        settings.extend(changes.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
        settings.into_iter().collect()
    }

    /// Changes a key for the nodes and programs that start from now on.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(variable(key), value.to_owned());
    }

    /// Runs the program with the nodes' settings.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut environment = self.environment();
        if self.mode == Mode::Development {
            // Only development mode captures; a command line has no such mode.
            environment.push((variable("mail.url"), "smtp://127.0.0.1:1?tls=none".to_owned()));
        }
        let pairs: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        vestibule(arguments, &pairs).await
    }

    /// Invites a candidate, as an operator does.
    pub(crate) async fn invite(&self, email: &str) -> Link {
        self.invite_with(email, &[]).await
    }

    pub(crate) async fn invite_with(&self, email: &str, more: &[&str]) -> Link {
        let mut arguments =
            vec!["invite", "--name", "Ada Lovelace", "--email", email, "--position", "Analyst", "--json"];
        arguments.extend(more);
        self.link_of(&arguments, email).await
    }

    /// Gives an interview another link.
    pub(crate) async fn reissue(&self, link: &Link) -> Link {
        self.link_of(&["interview", "reissue", &link.interview, "--json"], &link.email).await
    }

    pub(crate) async fn revoke(&self, link: &Link) {
        let output = self.run(&["interview", "revoke", &link.interview]).await;
        assert!(output.status.success(), "{output:?}");
    }

    async fn link_of(&self, arguments: &[&str], email: &str) -> Link {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{output:?}");
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |member: &str| line[member].as_str().unwrap().to_owned();
        Link { token: text("token"), interview: text("id"), email: email.to_owned(), expires_at: text("expiresAt") }
    }

    /// The URL of an endpoint of a link on the first node.
    pub(crate) fn url(&self, link: &Link, endpoint: &str) -> String {
        self.nodes[0].url(link, endpoint)
    }

    pub(crate) async fn info(&self, link: &Link) -> Answer {
        self.http.get(&self.url(link, "info")).await
    }

    pub(crate) async fn request(&self, link: &Link) -> Answer {
        self.http.post(&self.url(link, "request-otp")).await
    }

    pub(crate) async fn verify(&self, link: &Link, code: &str) -> Answer {
        self.http.post_json(&self.url(link, "verify-otp"), &format!(r#"{{"otp":"{code}"}}"#)).await
    }

    pub(crate) async fn begin(&self, link: &Link, session_token: &str) -> Answer {
        let headers = [("x-session-token", session_token)];
        self.http.send(hyper::Method::POST, &self.url(link, "start"), &headers, "").await
    }

    /// Asks for a code and reads it out of the mail.
    pub(crate) async fn code(&self, link: &Link) -> String {
        let mark = self.request(link).await.assert_status(202).text_of("ref");
        self.marked_code(link, &mark).await
    }

    /// The code in the mail with this mark; waits for it.
    pub(crate) async fn marked_code(&self, link: &Link, mark: &str) -> String {
        let mark = format!("({mark})");
        let subject = until("a mail with this mark", || async {
            let mails = self.mails(&link.email).await;
            let subjects = mails.iter().map(|mail| mail["subject"].as_str().unwrap());
            subjects.into_iter().find(|subject| subject.contains(&mark)).map(str::to_owned)
        });
        subject.await[..6].to_owned()
    }

    /// The code in the `n`th mail to this address, counted from 1; waits for it.
    pub(crate) async fn nth_code(&self, email: &str, n: usize) -> String {
        let mail = until("a mail", || async {
            let mails = self.mails(email).await;
            // Newest first.
            mails.len().checked_sub(n).map(|index| mails[index].clone())
        });
        mail.await["subject"].as_str().unwrap()[..6].to_owned()
    }

    /// Captured mail of every node, newest first.
    pub(crate) async fn mails(&self, email: &str) -> Vec<Value> {
        let mut mails = Vec::new();
        for node in &self.nodes {
            let url = format!("http://{}/dev/mail.json?to={email}", node.admin);
            mails.extend(self.http.get(&url).await.assert_status(200).json().as_array().unwrap().clone());
        }
        mails.sort_by_key(|mail| std::cmp::Reverse(mail["at"].as_str().unwrap().to_owned()));
        mails
    }

    /// A connection to Redis, to look at what is there.
    pub(crate) fn resp(&self) -> Resp {
        Resp::connect(self.redis.socket()).unwrap()
    }

    /// Names of keys, as the product builds them.
    pub(crate) fn keys(&self) -> Keys {
        Keys::new("vb", 16)
    }

    /// Lets Redis' time pass.
    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Nodes stop before what they stand on.
        self.nodes.clear();
        let Ok(mut resp) = Resp::connect(self.redis.socket()) else { return };
        if !std::thread::panicking() && self.redis.pid().is_some() {
            let eternal = resp.keys_without_ttl();
            assert!(eternal.is_empty(), "keys without a TTL: {eternal:?}");
        }
    }
}

impl Link {
    /// The id of the link in Redis.
    pub(crate) fn id(&self) -> vestibule::id::Id {
        LinkToken::parse(&self.token).unwrap().id()
    }

    /// The URL of an endpoint on the node that listens there.
    pub(crate) fn url(&self, node: SocketAddr, endpoint: &str) -> String {
        format!("http://{node}/candidate-access/{}/{endpoint}", self.token)
    }
}

impl Node {
    async fn start(config: Config) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let shutdown = async { drop(stopped.await) };
            let ready = |addresses: Addresses| tell.send(addresses).unwrap();
            runtime.block_on(node::serve(config, Listeners::bind, shutdown, ready)).unwrap();
        });
        let Addresses { public, admin } = told.await.expect("the node starts");
        Self { public, admin, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self, link: &Link, endpoint: &str) -> String {
        link.url(self.public, endpoint)
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { public: self.public, admin: self.admin }
    }

    /// Tells the node to stop, without waiting for it.
    pub(crate) fn begin_stop(&mut self) {
        self.stop.take();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            assert!(outcome.is_ok() || std::thread::panicking(), "a node has panicked");
        }
    }
}
