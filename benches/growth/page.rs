//! What a fleet carries, derived from what was measured: `config/capacity.md` and its plot.

use std::fs;
use std::path::Path;

use super::bytes::{Kept, Taken};
use super::fleet::{Costs, Us};
use super::people::State;
use super::plot::{self, Line, Panel, thousands};
use super::turn::Endpoint;

/// What is planned with, of each core.
const SHARE: f64 = 0.6;
/// Of Redis, as `redis.partitions` has it by default.
const PARTITIONS: u32 = 16;
const WORKERS: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// One Redis, and the smallest Cluster, and the next.
const PRIMARIES: [u32; 3] = [1, 3, 6];
const MILLION: f64 = 1e6;

impl Us {
    /// Of such things, how many a second.
    fn carried(self, workers: u32, primaries: u32) -> f64 {
        let (node, redis) = (f64::from(workers) / self.node, f64::from(primaries) / self.redis);
        node.min(redis) * SHARE * 1e6
    }

    /// How many workers one Redis has enough for.
    fn feeds(self) -> f64 {
        self.node / self.redis
    }
}

/// Everything that the page tells.
pub(crate) struct Measured<'a> {
    pub(crate) rounds: usize,
    pub(crate) costs: &'a Costs,
    pub(crate) bytes: &'a [Taken],
    /// A table, as Markdown.
    pub(crate) growth: &'a str,
}

/// Writes both, beside the runbook.
pub(crate) fn write(measured: &Measured<'_>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let (way, authz) = (way(measured.costs), of(measured.costs, Endpoint::AuthzCandidate));
    fs::write(folder.join("capacity.md"), page(measured, way, authz)).unwrap();
    fs::write(folder.join("capacity.svg"), drawing(way, authz)).unwrap();
    println!("wrote config/capacity.md and config/capacity.svg");
}

/// What a candidate asks for, and how often.
fn calls(endpoint: Endpoint, visit: usize) -> f64 {
    match endpoint {
        #[expect(clippy::cast_precision_loss, reason = "a dozen")]
        Endpoint::Page => visit as f64,
        // When the page opens, and for each time that it is looked at again.
        Endpoint::Info => 3.0,
        Endpoint::RequestOtp => 1.0,
        // One in four slips.
        Endpoint::VerifyOtp => 1.25,
        // And a rejoin.
        Endpoint::Start => 2.0,
        Endpoint::AuthzCandidate => 0.0,
    }
}

fn way(costs: &Costs) -> Us {
    costs.each.iter().fold(Us::default(), |sum, cost| {
        let times = calls(cost.endpoint, costs.visit);
        Us { node: sum.node + times * cost.half.node, redis: sum.redis + times * cost.half.redis }
    })
}

fn of(costs: &Costs, endpoint: Endpoint) -> Us {
    costs.each.iter().find(|cost| cost.endpoint == endpoint).unwrap().half
}

fn page(measured: &Measured<'_>, way: Us, authz: Us) -> String {
    let pages = measured.costs.each.iter().filter(|cost| cost.endpoint == Endpoint::Page);
    let visited = pages.map(|cost| calls(Endpoint::Page, measured.costs.visit) * cost.half.node).sum::<f64>();
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let costs = measured.costs.each.iter().map(|cost| {
        let us = [cost.half.node, cost.half.redis, cost.closed.node, cost.closed.redis].map(|us| format!("{us:.1}"));
        row(&[&[cost.endpoint.name().to_owned()], &us[..]].concat())
    });
    let calls = measured.costs.each.iter();
    let calls = calls.map(|cost| (self::calls(cost.endpoint, measured.costs.visit), cost.endpoint.name()));
    let calls: Vec<String> = calls.filter(|(n, _)| *n > 0.0).map(|(n, name)| format!("{n} × {name}")).collect();
    let fleet = WORKERS.map(|workers| {
        let [way_1, way_3] = [1, 3].map(|primaries| thousands(way.carried(workers, primaries) * 60.0));
        let [authz_1, authz_3] = [1, 3].map(|primaries| thousands(authz.carried(workers, primaries)));
        let full = |us: Us| if f64::from(workers) < us.feeds() { "nodes" } else { "Redis" };
        let first = match (full(way), full(authz)) {
            (one, other) if one == other => one.to_owned(),
            (one, other) => format!("{one}; of forward auth {other}"),
        };
        row(&[workers.to_string(), way_1, way_3, authz_1, authz_3, first])
    });
    let bytes = measured
        .bytes
        .iter()
        .map(|one| row(&[one.kept.name(), format!("{:.0}", one.plain), format!("{:.0}", one.shipped)]));
    let million = |state: State| {
        let found = measured.bytes.iter().find(|one| matches!(one.kept, Kept::Told(of) if of == state)).unwrap();
        format!("{:.1} GB", found.shipped * MILLION / 1e9)
    };
    let words = [
        ("{rounds}", measured.rounds.to_string()),
        ("{costs}", costs.collect()),
        ("{way}", calls.join(", ")),
        ("{way_node}", format!("{:.0}", way.node)),
        ("{pages_node}", format!("{visited:.0}")),
        ("{way_redis}", format!("{:.0}", way.redis)),
        ("{growth}", measured.growth.to_owned()),
        ("{share}", format!("{:.0}", SHARE * 100.0)),
        ("{partitions}", PARTITIONS.to_string()),
        ("{fleet}", fleet.concat()),
        ("{feeds_way}", format!("{:.1}", way.feeds())),
        ("{feeds_authz}", format!("{:.1}", authz.feeds())),
        ("{ceiling_way}", thousands(SHARE * 60e6 / way.redis)),
        ("{ceiling_authz}", thousands(SHARE * 1e6 / authz.redis)),
        ("{million_invited}", million(State::Invited)),
        ("{million_started}", million(State::Started)),
        ("{bytes}", bytes.collect()),
    ];
    words.iter().fold(include_str!("capacity.md").to_owned(), |page, (word, value)| page.replace(word, value))
}

fn drawing(way: Us, authz: Us) -> String {
    let panel = |title: &str, us: Us, times: f64| Panel {
        title: title.to_owned(),
        across: "workers, each a core of a node".to_owned(),
        lines: PRIMARIES.iter().map(|primaries| line(*primaries, us, times)).collect(),
    };
    plot::svg(&[panel("candidates a minute", way, 60.0), panel("forward auth a second", authz, 1.0)])
}

fn line(primaries: u32, us: Us, times: f64) -> Line {
    let name = if primaries == 1 { "one Redis".to_owned() } else { format!("{primaries} primaries") };
    let most = WORKERS[WORKERS.len() - 1];
    let points = (1..=most).map(|workers| (f64::from(workers), us.carried(workers, primaries) * times));
    Line { name, points: points.collect() }
}
