//! One turn of wrk on one endpoint, of one node or several, and what it has cost.

use std::collections::BTreeSet;
use std::thread;

use vestibule::jobs::Queue;

use super::people::{Candidate, People, State, many, signer};
use crate::stage::client::Client;
use crate::stage::cost::{ask, cpu_us};
use crate::stage::seed::{CODE, Seed};
use crate::stage::wrk::{self, Load, Outcome, Requests};
use crate::stage::{Served, Servers};

/// A full turn of the client addresses, of which none may ask oftener than twice a second.
pub(crate) const ADDRESSES: usize = 62_500;
/// Names in one UNLINK.
const UNLINKED: usize = 1_000;

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Endpoint {
    /// The pages and what they load, in turn.
    Page,
    Info,
    RequestOtp,
    VerifyOtp,
    Start,
    AuthzCandidate,
}

impl Endpoint {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Page => "page or asset",
            Self::Info => "info",
            Self::RequestOtp => "request-otp",
            Self::VerifyOtp => "verify-otp",
            Self::Start => "start",
            Self::AuthzCandidate => "authz/candidate",
        }
    }

    /// Whether each request is answered well only once.
    pub(crate) fn uses_up(self) -> bool {
        matches!(self, Self::RequestOtp | Self::VerifyOtp | Self::Start)
    }
}

/// What a turn came to. Costs are in µs a request.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) server_us: f64,
    pub(crate) redis_us: f64,
}

/// Sends a load to each of the nodes at the same time.
pub(crate) fn take(servers: &Servers, nodes: &[Served], requests: &Requests, load: Load, seconds: u32) -> Turn {
    let redis = servers.redis.pid().unwrap();
    let read = || (nodes.iter().map(|node| cpu_us(node.pid())).sum::<f64>(), cpu_us(redis));
    let before = read();
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        // They begin apart: else all would ask for the same link at the same time.
        let started: Vec<_> = (0..)
            .zip(nodes)
            .map(|(nth, node)| {
                scope.spawn(move || wrk::run(&node.public, requests, nth * ADDRESSES / nodes.len(), load, seconds))
            })
            .collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let after = read();
    let count: f64 = outcomes.iter().map(|one| one.requests).sum();
    let worst = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    Turn {
        rate: outcomes.iter().map(|one| one.requests / one.seconds).sum(),
        p50_us: worst(|one| one.p50_us),
        p99_us: worst(|one| one.p99_us),
        server_us: (after.0 - before.0) / count,
        redis_us: (after.1 - before.1) / count,
    }
}

/// The same, where each request is answered well only once: of `links` that are there for this turn alone.
pub(crate) fn take_once(servers: &Servers, node: &[Served], endpoint: Endpoint, links: usize, load: Load) -> Turn {
    let links = match load {
        Load::Closed => links,
        // Of a second, and more: the rate is not exact.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        Load::Rate(rate) => links.min((1.5 * rate) as usize + 1_000),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fresh = runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        let people = People(&seed);
        let state = match endpoint {
            Endpoint::VerifyOtp => State::Sent,
            Endpoint::Start => State::Seated,
            _ => State::Invited,
        };
        let fresh = many(links, |_| people.candidate(state)).await;
        seed.close().await;
        fresh
    });
    let requests = requests(servers, endpoint, &fresh);
    let turn = take(servers, node, &requests, load, 1);
    runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        remove(servers, &People(&seed), &fresh);
        seed.close().await;
    });
    turn
}

/// Their links, and the mails and starts that wait.
fn remove(servers: &Servers, people: &People<'_>, candidates: &[Candidate]) {
    let keys = &people.0.keys;
    let queues = [Queue::Mail, Queue::Starts];
    let queues = queues.iter().flat_map(|queue| keys.all_partitions().map(|partition| keys.queue(*queue, partition)));
    let links = candidates.iter().flat_map(|one| people.names(one));
    let names: Vec<String> = links.chain(queues).map(|key| key.name().to_owned()).collect();
    for some in names.chunks(UNLINKED) {
        let words: Vec<&str> = ["UNLINK"].into_iter().chain(some.iter().map(String::as_str)).collect();
        ask(&servers.redis, &words);
    }
}

/// A request for each of the candidates.
pub(crate) fn requests(servers: &Servers, endpoint: Endpoint, candidates: &[Candidate]) -> Requests {
    let signer = signer(servers);
    let of_link = |one: &Candidate, method: &str, call: &str, header: String, body: String| {
        [method.to_owned(), format!("/candidate-access/{}/{call}", *one.link.expose()), header, body]
    };
    let session = |one: &Candidate| format!("x-session-token: {}", one.session_token(&signer));
    let request = |one: &Candidate| match endpoint {
        Endpoint::Page => unreachable!("[`first_visit`] has them"),
        Endpoint::Info => of_link(one, "GET", "info", String::new(), String::new()),
        Endpoint::RequestOtp => of_link(one, "POST", "request-otp", String::new(), String::new()),
        Endpoint::VerifyOtp => of_link(one, "POST", "verify-otp", String::new(), format!(r#"{{"otp":"{CODE}"}}"#)),
        Endpoint::Start => of_link(one, "POST", "start", session(one), String::new()),
        Endpoint::AuthzCandidate => ["GET".to_owned(), "/authz/candidate".to_owned(), session(one), String::new()],
    };
    let all: Vec<[String; 4]> = candidates.iter().map(request).collect();
    // Begun anew sooner, they would all come from the first of the client addresses.
    let count = if endpoint.uses_up() { all.len() } else { all.len().max(ADDRESSES) };
    Requests::write(&servers.folder, &format!("{endpoint:?}"), all.iter().cloned().cycle().take(count))
}

/// Both pages of a candidate, and each thing once that they load.
pub(crate) fn first_visit(servers: &Servers, node: &Served, one: &Candidate) -> (Requests, usize) {
    let mut client = Client::connect(&node.public);
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for page in ["join", "pre-check"] {
        let path = format!("/interview/{page}/{}", *one.link.expose());
        let (status, text) = client.ask(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n"));
        assert_eq!(status, "200", "{text}");
        let assets = text.split('"').filter(|word| word.starts_with("/assets/"));
        paths.extend(assets.map(str::to_owned).chain([path]));
    }
    let count = paths.len();
    let requests =
        paths.into_iter().map(|path| ["GET".to_owned(), path, "Accept-Encoding: gzip".to_owned(), String::new()]);
    (Requests::write(&servers.folder, "Page", requests), count)
}
