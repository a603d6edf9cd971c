//! What each request costs, and what one, two and four nodes make of one Redis.

use std::process::Command;

use vestibule::id::Id;
use vestibule::redis::scripts::{ADMIT, OTP_INFO, SEAT_LOOK};

use super::people::{People, State, many};
use super::turn::{Endpoint, Turn, first_visit, requests, take, take_once};
use super::{Extent, bytes, median};
use crate::stage::cost::{ask, cpu_us};
use crate::stage::seed::Seed;
use crate::stage::wrk::{Load, Requests};
use crate::stage::{Served, Servers};

const ENDPOINTS: [Endpoint; 6] = [
    Endpoint::Page,
    Endpoint::Info,
    Endpoint::RequestOtp,
    Endpoint::VerifyOtp,
    Endpoint::Start,
    Endpoint::AuthzCandidate,
];
const NODES: [usize; 3] = [1, 2, 4];
const SETTLED: usize = 1_000;
const BENCHMARKED: f64 = 200_000.0;

/// CPU in µs of a request, as the median of the rounds.
pub(crate) struct Cost {
    pub(crate) endpoint: Endpoint,
    /// Under as much as one node answers: much is read and written at once.
    pub(crate) closed: Us,
    /// Under half of that, where more is done for each alone. This is planned with.
    pub(crate) half: Us,
}

/// Of a node, and of Redis.
#[derive(Clone, Copy, Default)]
pub(crate) struct Us {
    pub(crate) node: f64,
    pub(crate) redis: f64,
}

/// What it has shown.
pub(crate) struct Costs {
    pub(crate) each: [Cost; ENDPOINTS.len()],
    /// Pages and assets of a first visit.
    pub(crate) visit: usize,
}

impl Us {
    fn of(turns: &[Turn]) -> Self {
        let of = |value: fn(&Turn) -> f64| median(&mut turns.iter().map(value).collect::<Vec<f64>>());
        Self { node: of(|turn| turn.server_us), redis: of(|turn| turn.redis_us) }
    }
}

/// Measures all, and prints it.
pub(crate) fn measure(extent: Extent) -> Costs {
    let servers = Servers::start("growth-fleet");
    bytes::use_setting(&servers, bytes::shipped());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settled = runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        let people = People(&seed);
        let settled = many(SETTLED, |_| people.candidate(State::Started)).await;
        seed.close().await;
        settled
    });
    let nodes: Vec<Served> = (0..NODES[NODES.len() - 1]).map(|_| Served::node(&servers, &[])).collect();
    let (pages, visit) = first_visit(&servers, &nodes[0], &settled[0]);
    let [info, authz] = [Endpoint::Info, Endpoint::AuthzCandidate].map(|of| (of, requests(&servers, of, &settled)));
    let asked = [(Endpoint::Page, pages), info, authz];
    let repeated = |of: Endpoint, count: usize, load| {
        let (_, requests) = asked.iter().find(|(endpoint, _)| *endpoint == of).unwrap();
        take(&servers, &nodes[..count], requests, load, extent.seconds)
    };
    repeated(Endpoint::Info, nodes.len(), Load::Closed);

    let once = |endpoint, load| take_once(&servers, &nodes[..1], endpoint, extent.links, load);
    let costs = ENDPOINTS.map(|endpoint| {
        let (mut closed, mut half) = (Vec::new(), Vec::new());
        for _ in 0..extent.rounds {
            let turn = |load| if endpoint.uses_up() { once(endpoint, load) } else { repeated(endpoint, 1, load) };
            closed.push(turn(Load::Closed));
            half.push(turn(Load::Rate(closed[closed.len() - 1].rate / 2.0)));
        }
        Cost { endpoint, closed: Us::of(&closed), half: Us::of(&half) }
    });
    println!(
        "\nCPU a request, in us: of the node, and Redis, under as much as one node answers; and under half of that"
    );
    for Cost { endpoint, closed, half } in &costs {
        let name = endpoint.name();
        println!("{name:<16} {:>7.2} {:>7.2}   {:>7.2} {:>7.2}", closed.node, closed.redis, half.node, half.redis);
    }
    println!("a first visit loads {visit} things");
    together(&asked[1..], extent, repeated);
    redis_alone(&servers);
    drop(nodes);
    servers.stop();
    Costs { each: costs, visit }
}

/// One node, two and four, each under as much as it answers.
fn together(asked: &[(Endpoint, Requests)], extent: Extent, turn: impl Fn(Endpoint, usize, Load) -> Turn) {
    println!(
        "\n{:<16} {:>5} {:>8} {:>7} {:>7}   busy: nodes, Redis (of one core); Redis alone would carry",
        "", "nodes", "req/s", "cpu", "redis"
    );
    for (endpoint, _) in asked {
        for count in NODES {
            let turns: Vec<Turn> = (0..extent.rounds).map(|_| turn(*endpoint, count, Load::Closed)).collect();
            let of = |value: fn(&Turn) -> f64| median(&mut turns.iter().map(value).collect::<Vec<f64>>());
            let (rate, server, redis) = (of(|turn| turn.rate), of(|turn| turn.server_us), of(|turn| turn.redis_us));
            println!(
                "{:<16} {count:>5} {rate:>8.0} {server:>7.2} {redis:>7.2}   {:>10.2} {:>6.2} {:>12.0} a second",
                endpoint.name(),
                rate * server / 1e6,
                rate * redis / 1e6,
                1e6 / redis
            );
        }
    }
}

/// The real scripts, pipelined, as several busy nodes send them: what Redis does with nobody to feed.
fn redis_alone(servers: &Servers) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names = runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        let people = People(&seed);
        let names = people.names(&people.candidate(State::Started).await).map(|key| key.name().to_owned());
        let client = seed.keys.limit("candidate_ip", &Id::nonce()).name().to_owned();
        seed.close().await;
        (names, client)
    });
    let ([link, otp, seat, ..], client) = names;
    let (window, apart, never) = ("600000", "60000", "1000000000");
    let nonce = "__rand_int__";
    let admit = alone(servers, ADMIT.source, &["1", &client, never, "60000", "192.0.2.***", nonce]);
    let look = alone(servers, OTP_INFO.source, &["2", &link, &otp, "5", window, apart, window, "3", "100"]);
    let seat = alone(servers, SEAT_LOOK.source, &["1", &seat]);
    println!("\nredis-benchmark, 16 at a time: Redis CPU in us a script, and how many a core does in a second");
    let request = |name: &str, us: f64| println!("{name:<34} {us:>7.2} {:>8.0}", 1e6 / us);
    request("admit", admit);
    request("otp_info", look);
    request("info = admit + otp_info", admit + look);
    request("authz/candidate = seat_look", seat);
}

/// CPU of Redis for one such script, in µs.
fn alone(servers: &Servers, source: &str, words: &[&str]) -> f64 {
    let sha = vestibule::redis::scripts::sha_of(source);
    ask(&servers.redis, &["SCRIPT", "LOAD", source]);
    let redis = servers.redis.pid().unwrap();
    let before = cpu_us(redis);
    let status = Command::new("redis-benchmark")
        .args(["-p", &servers.redis_port().to_string(), "-c", "16", "-n", &BENCHMARKED.to_string(), "-P", "16"])
        .args(["-r", "1000000000", "-q", "EVALSHA", &sha])
        .args(words)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("redis-benchmark is there").success());
    (cpu_us(redis) - before) / BENCHMARKED
}
