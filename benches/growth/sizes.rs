//! A platform of a thousand links, of a hundred thousand and of a million: does a request cost the same?

use std::time::Duration;

use vestibule::id::Id;
use vestibule::redis::scripts;

use super::people::{Candidate, People, State, many};
use super::plot::thousands;
use super::turn::{ADDRESSES, Endpoint, Turn, requests, take, take_once};
use super::{Extent, bytes, median};
use crate::stage::cost::info;
use crate::stage::seed::Seed;
use crate::stage::wrk::{Load, Requests};
use crate::stage::{Served, Servers};

/// The most that a request may cost with the most links, in its cost with the fewest.
const GROWTH_MAX: f64 = 1.15;
/// The same of the p99 at half the load, which says more of the machine than of us: it is shown, and is no mark.
const P99_GROWTH_MAX: f64 = 1.5;
const ENDPOINTS: [Endpoint; 4] = [Endpoint::Info, Endpoint::RequestOtp, Endpoint::VerifyOtp, Endpoint::AuthzCandidate];
/// Client addresses that have been seen, one for so many links.
const LINKS_PER_ADDRESS: usize = 10;

/// A platform of its own: Redis, Postgres and a node.
struct Platform {
    links: usize,
    servers: Servers,
    node: [Served; 1],
    info: Requests,
    authz: Requests,
}

/// An endpoint on a platform, in a round: as fast as it is answered, and at half of that.
struct Row {
    endpoint: Endpoint,
    links: usize,
    closed: Turn,
    half: Turn,
}

/// What came of it.
pub(crate) struct Growth {
    /// Marks.
    pub(crate) missed: usize,
    /// The medians, as Markdown.
    pub(crate) table: String,
}

/// Measures all, and prints it.
pub(crate) fn measure(extent: Extent) -> Growth {
    let platforms: Vec<Platform> = extent.sizes.iter().map(|links| Platform::fill(*links, extent)).collect();
    let mut rows = Vec::new();
    for round in 0..extent.rounds {
        for endpoint in ENDPOINTS {
            // Half of what the smallest carries is offered to all.
            let mut offered = None;
            for platform in &platforms {
                let closed = platform.take(endpoint, Load::Closed, extent);
                let rate = *offered.get_or_insert(closed.rate / 2.0);
                let half = platform.take(endpoint, Load::Rate(rate), extent);
                rows.push(Row { endpoint, links: platform.links, closed, half });
            }
        }
        println!("round {} of {} is over", round + 1, extent.rounds);
    }
    for platform in platforms {
        drop(platform.node);
        platform.servers.stop();
    }
    let table = print(&rows, extent);
    Growth { missed: marks(&rows, extent), table }
}

impl Platform {
    fn fill(links: usize, extent: Extent) -> Self {
        let servers = Servers::start(&format!("growth-{links}"));
        bytes::use_setting(&servers, bytes::shipped());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (visited, seated) = runtime.block_on(async {
            let seed = Seed::connect(&servers.config()).await;
            let people = People(&seed);
            let visited = populate(&people, links).await;
            let seated = many(extent.seats.min(links), |_| people.candidate(State::Seated)).await;
            seed.close().await;
            // Its tables grow step by step, a hundredth of the time.
            tokio::time::sleep(extent.rest).await;
            (visited, seated)
        });
        let node = [Served::node(&servers, &[])];
        let (info, authz) =
            (requests(&servers, Endpoint::Info, &visited), requests(&servers, Endpoint::AuthzCandidate, &seated));
        let platform = Self { links, servers, node, info, authz };
        for endpoint in [Endpoint::Info, Endpoint::AuthzCandidate] {
            platform.take(endpoint, Load::Closed, extent);
        }
        println!("{} links live in {}", thousands(of(links)), memory(&platform.servers));
        platform
    }

    fn take(&self, endpoint: Endpoint, load: Load, extent: Extent) -> Turn {
        match endpoint {
            Endpoint::Info => take(&self.servers, &self.node, &self.info, load, extent.seconds),
            Endpoint::AuthzCandidate => take(&self.servers, &self.node, &self.authz, load, extent.seconds),
            _ => take_once(&self.servers, &self.node, endpoint, extent.links, load),
        }
    }
}

/// Links in the states of a platform at work, and their clients; some of them, from everywhere.
async fn populate(people: &People<'_>, links: usize) -> Vec<Candidate> {
    let (mut visited, kept) = (Vec::new(), links.div_ceil(ADDRESSES));
    let some = 100_000;
    for first in (0..links).step_by(some) {
        let here = some.min(links - first);
        let made = many(here, |n| people.candidate(State::of(first + n))).await;
        visited.extend(made.into_iter().step_by(kept));
        many(here / LINKS_PER_ADDRESS, async |_| client(people).await).await;
    }
    visited
}

/// Of a client, for as long as this takes.
async fn client(people: &People<'_>) {
    let key = people.0.keys.limit("candidate_ip", &Id::nonce());
    let args = [120_u64.into(), Duration::from_secs(3_600).into(), "192.0.2.***".into(), Id::nonce().into()];
    people.decide(&scripts::ADMIT, [&key], args, "admitted").await;
}

fn memory(servers: &Servers) -> String {
    let memory = info(&servers.redis, "memory");
    memory["used_memory_human"].clone()
}

fn print(rows: &[Row], extent: Extent) -> String {
    let mut table = String::from(
        "| Request | Links | Node, us | Redis, us | At half: p50, ms | p99, ms | node, us | Redis, us |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for endpoint in ENDPOINTS {
        for links in extent.sizes {
            let of = |value: fn(&Row) -> f64| {
                let rows = rows.iter().filter(|row| row.endpoint == endpoint && row.links == links);
                median(&mut rows.map(value).collect::<Vec<f64>>())
            };
            table += &format!(
                "| {:<15} | {:>9} | {:>5.2} | {:>5.2} | {:>5.2} | {:>5.2} | {:>5.2} | {:>5.2} |\n",
                endpoint.name(),
                thousands(self::of(links)),
                of(|row| row.closed.server_us),
                of(|row| row.closed.redis_us),
                of(|row| row.half.p50_us / 1_000.0),
                of(|row| row.half.p99_us / 1_000.0),
                of(|row| row.half.server_us),
                of(|row| row.half.redis_us),
            );
        }
    }
    println!("\nmedians of {} rounds\n{table}", extent.rounds);
    table
}

/// How much dearer the largest is than the smallest of the same round; the median of the rounds.
fn marks(rows: &[Row], extent: Extent) -> usize {
    let [smallest, _, largest] = extent.sizes;
    let mut missed = 0;
    println!(
        "\nlargest against smallest   cpu (at most {GROWTH_MAX})   redis (at most {GROWTH_MAX})   p99 at half (shown: {P99_GROWTH_MAX})"
    );
    for endpoint in ENDPOINTS {
        let growth = |value: fn(&Row) -> f64| {
            let of = |links| rows.iter().filter(move |row| row.endpoint == endpoint && row.links == links).map(value);
            median(&mut of(largest).zip(of(smallest)).map(|(large, small)| large / small).collect::<Vec<f64>>())
        };
        let mut mark = |value: f64| {
            let reached = value <= GROWTH_MAX;
            missed += usize::from(!reached);
            format!("{value:.2} {}", if reached { "ok" } else { "MISSED" })
        };
        println!(
            "{:<26} {:<20} {:<22} {:.2}",
            endpoint.name(),
            mark(growth(|row| row.closed.server_us)),
            mark(growth(|row| row.closed.redis_us)),
            growth(|row| row.half.p99_us)
        );
    }
    missed
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn of(count: usize) -> f64 {
    count as f64
}
