//! What does a request cost, against what hyper and Redis cost by themselves?
//!
//! ```sh
//! cargo bench --bench floor             # some six minutes, after a release build; or `make bench`
//! cargo bench --bench floor -- info     # one endpoint
//! cargo test --benches                  # does it still work?
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
//! - `p50`, `p99`: in ms; with half the load that the product can take, `at half`.
//!
//! Read the ratios, not the times: those are of this machine, and change with its load, which the yardstick of the same
//! round has felt as well. The marks at the end are of the worst round.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is for a terminal, and may panic")]

mod report;
mod turns;
mod yardstick;

#[path = "../stage/mod.rs"]
mod stage;

use self::report::{Report, Row};
use self::stage::Servers;
use self::turns::{Endpoint, Turns};

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    seconds: u32,
    /// That a turn may use up.
    links: usize,
}

const MEASURED: Extent = Extent { rounds: 3, seconds: 3, links: 120_000 };
/// Does it work?
const TRIED: Extent = Extent { rounds: 1, seconds: 1, links: 10_000 };

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, decisions, redis] = &words[..]
        && first == "yardstick"
    {
        return yardstick::serve(decisions.parse().unwrap(), redis);
    }
    // Cargo says so where it measures; else it asks whether the bench works.
    let measured = words.iter().any(|word| word == "--bench");
    let extent = if measured { MEASURED } else { TRIED };
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let endpoints: Vec<Endpoint> = Endpoint::ALL
        .into_iter()
        .filter(|one| wanted.is_empty() || wanted.iter().any(|word| one.name().contains(*word)))
        .collect();

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
    let missed = report.marks();
    // A turn of a second on a build that is not optimised says nothing.
    assert!(!measured || missed == 0, "{missed} marks were missed");
}
