//! A turn of the yardstick, then one of the product, on each endpoint.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use vestibule::link::LinkToken;

use super::{Extent, Row};
use crate::stage::client::Client;
use crate::stage::cost::{cpu_us, scripts_run};
use crate::stage::seed::{CODE, Seed};
use crate::stage::wrk::{self, Load, Outcome, Requests};
use crate::stage::{Served, Servers};

/// Far from what an address may do in a minute: `info` is spread over 62,500 of them.
const VISITED: usize = 1_000;
const MEMBERS: usize = 16;
const SEATS: usize = 64;
/// Connections that had been sent a request when a turn was over, and more.
const UNDER_WAY: usize = 1_000;

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Endpoint {
    Info,
    RequestOtp,
    VerifyOtp,
    AuthzUser,
    AuthzCandidate,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 5] =
        [Self::Info, Self::RequestOtp, Self::VerifyOtp, Self::AuthzUser, Self::AuthzCandidate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::RequestOtp => "request-otp",
            Self::VerifyOtp => "verify-otp",
            Self::AuthzUser => "authz/user",
            Self::AuthzCandidate => "authz/candidate",
        }
    }

    /// Round trips to Redis; its yardstick has as many.
    pub(crate) fn decisions(self) -> usize {
        match self {
            Self::Info | Self::RequestOtp | Self::VerifyOtp => 2,
            Self::AuthzUser | Self::AuthzCandidate => 1,
        }
    }

    /// Whether each request is answered well only once.
    fn uses_up(self) -> bool {
        matches!(self, Self::RequestOtp | Self::VerifyOtp)
    }
}

/// Everything that is needed for one round.
pub(crate) struct Turns<'a> {
    servers: &'a Servers,
    node: Served,
    /// With one decision, and with two.
    yardsticks: [Served; 2],
    requests: Vec<(Endpoint, Requests)>,
    seconds: u32,
}

impl<'a> Turns<'a> {
    pub(crate) fn prepare(servers: &'a Servers, endpoints: &[Endpoint], extent: Extent) -> Self {
        let node = Served::node(servers, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let seed = Seed::connect(&servers.config()).await;
            let mut all = Vec::new();
            for endpoint in endpoints {
                let requests = requests_of(*endpoint, &seed, &node, extent.links).await;
                all.push((*endpoint, Requests::write(&servers.folder, &format!("{endpoint:?}"), requests.into_iter())));
            }
            seed.close().await;
            all
        });
        let yardsticks = [1, 2].map(|decisions| yardstick(servers, decisions, &[]));
        Self { servers, node, yardsticks, requests, seconds: extent.seconds }
    }

    pub(crate) fn measure(&self, endpoint: Endpoint) -> Row {
        let (_, requests) = self.requests.iter().find(|(of, _)| *of == endpoint).unwrap();
        let floor = &self.yardsticks[endpoint.decisions() - 1];
        let mut first = 0;
        let mut turn = |served: &Served, load, seconds| {
            let turn = self.turn(served, requests, first, load, seconds);
            if endpoint.uses_up() && served.pid() == self.node.pid() {
                first += whole(turn.outcome.requests) + UNDER_WAY;
            }
            turn
        };
        // What is met for the first time is dearer; and 64 connections are to be there.
        let warm_up = 1;
        turn(floor, Load::Closed, warm_up);
        if !endpoint.uses_up() {
            turn(&self.node, Load::Closed, warm_up);
        }
        let closed = [floor, &self.node].map(|served| turn(served, Load::Closed, self.seconds));
        let halves = closed.each_ref().map(|turn| Load::Rate(turn.rate() / 2.0));
        let paced = [turn(floor, halves[0], self.seconds), turn(&self.node, halves[1], self.seconds)];
        let allocations = self.allocations(endpoint, requests, first);
        Row { endpoint, closed, paced, allocations }
    }

    fn turn(&self, served: &Served, requests: &Requests, first: usize, load: Load, seconds: u32) -> Turn {
        let redis = self.servers.redis.pid().unwrap();
        let read = || (cpu_us(served.pid()), cpu_us(redis), scripts_run(&self.servers.redis));
        let before = read();
        let outcome = wrk::run(&served.public, requests, first, load, seconds);
        let after = read();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let trips = (after.2 - before.2) as f64 / outcome.requests;
        let each = |before: f64, after: f64| (after - before) / outcome.requests;
        Turn { outcome, server_us: each(before.0, after.0), redis_us: each(before.1, after.1), trips }
    }

    /// Of the yardstick, and of the product: how often a request asks for memory.
    fn allocations(&self, endpoint: Endpoint, requests: &Requests, first: usize) -> [f64; 2] {
        let (library, file) = (self.servers.folder.join("allocations.so"), self.servers.folder.join("allocations"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor/allocations.c");
        let built = Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        assert!(built.unwrap().success());
        File::create(&file).unwrap().set_len(8).unwrap();
        let count = || u64::from_ne_bytes(fs::read(&file).unwrap().try_into().unwrap());
        let changes = [("LD_PRELOAD", text(&library)), ("ALLOCATIONS_FILE", text(&file))];
        let changes = changes.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut first = first;
        [true, false].map(|floor| {
            let served = match floor {
                true => yardstick(self.servers, endpoint.decisions(), &changes),
                false => Served::node(self.servers, &changes),
            };
            let mut turn = || {
                let before = count();
                let outcome = wrk::run(&served.public, requests, first, Load::Closed, 1);
                if endpoint.uses_up() && !floor {
                    first += whole(outcome.requests) + UNDER_WAY;
                }
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let made = (count() - before) as f64;
                made / outcome.requests
            };
            // What is met for the first time asks for more.
            turn();
            turn()
        })
    }
}

/// What one turn has cost.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) outcome: Outcome,
    pub(crate) server_us: f64,
    pub(crate) redis_us: f64,
    pub(crate) trips: f64,
}

impl Turn {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.outcome.requests / self.outcome.seconds
    }
}

fn yardstick(servers: &Servers, decisions: usize, changes: &[(&str, &str)]) -> Served {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["yardstick", &decisions.to_string(), &format!("redis://127.0.0.1:{}", servers.redis_port())]);
    Served::other(command.envs(changes.iter().copied()))
}

async fn requests_of(endpoint: Endpoint, seed: &Seed, node: &Served, links: usize) -> Vec<[String; 4]> {
    match endpoint {
        Endpoint::Info => {
            let links = seed.links(VISITED).await;
            // A full turn of the client addresses.
            links.iter().cycle().take(62_500).map(|link| of_link("GET", link, "info", "")).collect()
        }
        Endpoint::RequestOtp => {
            let links = seed.links(links).await;
            links.iter().map(|link| of_link("POST", link, "request-otp", "")).collect()
        }
        Endpoint::VerifyOtp => {
            let (links, body) = (seed.links_with_codes(links).await, typed());
            links.iter().map(|link| of_link("POST", link, "verify-otp", &body)).collect()
        }
        Endpoint::AuthzUser => {
            let mut client = Client::connect(&node.public);
            let tokens = (0..MEMBERS).map(|n| {
                let body = format!(
                    r#"{{"username":"member_{n}","email":"member_{n}@example.com","password":"correct horse battery"}}"#
                );
                let answer = client.post("/auth/signup", "203.0.113.9", &body, "201");
                format!("Authorization: Bearer {}", answer["accessToken"].as_str().unwrap())
            });
            tokens.map(|token| ["GET".into(), "/authz/user".into(), token, String::new()]).collect()
        }
        Endpoint::AuthzCandidate => {
            let (links, mut client) = (seed.links_with_codes(SEATS).await, Client::connect(&node.public));
            let tokens = links.iter().map(|link| {
                let [_, path, _, body] = of_link("POST", link, "verify-otp", &typed());
                let answer = client.post(&path, "203.0.113.9", &body, "200");
                format!("x-session-token: {}", answer["sessionToken"].as_str().unwrap())
            });
            tokens.map(|token| ["GET".into(), "/authz/candidate".into(), token, String::new()]).collect()
        }
    }
}

fn of_link(method: &str, link: &LinkToken, endpoint: &str, body: &str) -> [String; 4] {
    [method.into(), format!("/candidate-access/{}/{endpoint}", *link.expose()), String::new(), body.into()]
}

fn typed() -> String {
    format!(r#"{{"otp":"{CODE}"}}"#)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn whole(count: f64) -> usize {
    count as usize
}
