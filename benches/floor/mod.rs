//! What does a request cost, against what hyper and Redis cost by themselves?
//!
//! ```sh
//! cargo bench --bench node floor          # some six minutes, after a release build; or `make bench`
//! cargo bench --bench node floor info     # one endpoint
//! ```
//!
//! It starts the program with a Redis and a Postgres of its own, puts candidates and members there, and sends each
//! endpoint what it answers well, with wrk: as fast as it is answered, and then at half that rate. Before each turn the
//! yardstick has one: a server of the same build and layout that does nothing but as many decisions of a trivial
//! script, through fred. Both write over TCP, and have one worker: wrk, Redis and the server are to fit on two cores.
//!
//! - `cpu`: CPU of the server, all its threads, in µs a request. The log goes into a file, at its shipped level.
//! - `redis`: CPU of Redis in µs a request. `trips`: scripts a request.
//! - `allocs`: allocations a request, counted in a turn of their own.
//! - `p50`, `p99`: in ms; with half the load that each can take, `at half`.
//!
//! Read the ratios, not the times: those are of this machine, and change with its load, which the yardstick of the same
//! round has felt as well. The marks at the end are of the worst round. A server whose scripts take Redis longer finds
//! less to do each time that it wakes, and pays for more wake-ups a request.
mod report;
mod turns;
pub(crate) mod yardstick;

use self::report::{Report, Row};
use self::turns::{Endpoint, Turns};
use crate::stage::Servers;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    seconds: u32,
    /// That a turn may use up.
    links: usize,
}

const MEASURED: Extent = Extent { rounds: 3, seconds: 3, links: 180_000 };
/// Does it work?
const TRIED: Extent = Extent { rounds: 1, seconds: 1, links: if cfg!(debug_assertions) { 10_000 } else { 60_000 } };

/// Marks that were missed, among the endpoints whose names contain one of `wanted`, or all.
pub(crate) fn run(measured: bool, wanted: &[String]) -> usize {
    let extent = if measured { MEASURED } else { TRIED };
    let is_wanted = |one: &Endpoint| wanted.is_empty() || wanted.iter().any(|word| one.name().contains(word.as_str()));
    let endpoints: Vec<Endpoint> = Endpoint::ALL.into_iter().filter(is_wanted).collect();

    let mut report = Report::default();
    for round in 1..=extent.rounds {
        let servers = Servers::start("floor");
        println!("round {round} of {}: {} links", extent.rounds, 2 * extent.links);
        let turns = Turns::prepare(&servers, &endpoints, extent);
        report.head();
        for endpoint in &endpoints {
            report.add(turns.measure(*endpoint));
        }
        if round == 1 {
            report.redis_alone(&servers);
        }
        drop(turns);
        servers.stop();
    }
    report.marks()
}
