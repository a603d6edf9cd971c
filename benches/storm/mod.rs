//! What do candidates feel of more log-ins than Argon2 can do, and how soon are those told that are too many?
//!
//! ```sh
//! cargo bench --bench node storm # two minutes, after a release build; or `make bench`
//! ```
//!
//! It starts the program with a Redis and a Postgres of its own. Candidates look at their links, ask for codes and type
//! them, in turn, at a quarter of the rate that the node can do: calm, then in a storm, and again. The storm is four
//! times the log-ins that Argon2 alone can do here, from as many names and addresses that no limit answers for it; every
//! second one has the right password.
//!
//! - `p50`, `p99`: of the candidates' requests, in ms; the median of the round's turns.
//! - `log-ins`: how many a second were offered; let in; wrong; and answered with 503, with the p99 of those in ms.
//!
//! Read the ratio of the two p99. The marks at the end are of the worst round.

mod candidates;
mod crowd;

use vestibule::config::Config;
use vestibule::password::{Cost, measure, threads};

use self::candidates::Candidates;
use self::crowd::{Crowd, Told};
use crate::stage::wrk::{Load, Outcome};
use crate::stage::{Served, Servers};

/// The longest that one of a hundred candidates' requests takes in a storm, in as many as in the calm.
const P99_MAX: f64 = 2.0;
/// The longest that one of a hundred log-ins waits to be told that it is too many, in ms.
const SHED_MAX_MS: f64 = 50.0;
/// Log-ins that are offered, in what Argon2 alone can do.
const STORM: f64 = 4.0;
/// Of what the node can do, the candidates want so much.
const SHARE: f64 = 0.25;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    /// Of calm, and of storm.
    turns: usize,
    seconds: u32,
    /// That a round may use up.
    links: usize,
}

const MEASURED: Extent = Extent { rounds: 3, turns: 4, seconds: 3, links: 120_000 };
/// Does it work?
const TRIED: Extent = Extent { rounds: 1, turns: 1, seconds: 1, links: 5_000 };

/// What a round came to.
struct Round {
    p99: f64,
    shed_ms: f64,
}

/// Marks that were missed.
pub(crate) fn run(measured: bool) -> usize {
    let extent = if measured { MEASURED } else { TRIED };
    let all: Vec<Round> = (1..=extent.rounds).map(|number| round(number, extent)).collect();
    let worst = |of: fn(&Round) -> f64| all.iter().map(of).fold(0.0, f64::max);
    let (p99, shed_ms) = (worst(|round| round.p99), worst(|round| round.shed_ms));
    println!(
        "\nworst of all rounds: {p99:.2} x the p99 of calm (at most {P99_MAX}), 503s within {shed_ms:.1} ms (at most {SHED_MAX_MS})"
    );
    usize::from(p99 > P99_MAX) + usize::from(shed_ms > SHED_MAX_MS)
}

fn round(number: usize, extent: Extent) -> Round {
    let settings = Config::load_accounts(None, &mut std::iter::empty()).unwrap();
    let offered = STORM * measure(Cost::configured(&settings), threads(&settings)).per_second;
    let servers = Servers::start("storm");
    let node = Served::node(&servers, &[]);
    let mut candidates = Candidates::prepare(&servers, extent.links);
    // Those that wait for a hash do not keep others from trying.
    let mut crowd = Crowd::sign_up(&node.public, threads(&settings) * settings.hash_queue_max + 32);

    let most = candidates.ask(&node, Load::Closed, 1);
    let pace = Load::Rate(SHARE * most.requests / most.seconds);
    let (mut calm, mut storm, mut told) = (Vec::new(), Vec::new(), Told::default());
    for _ in 0..extent.turns {
        calm.push(candidates.ask(&node, pace, extent.seconds));
        storm.push(crowd.storm(&mut told, offered, || candidates.ask(&node, pace, extent.seconds)));
    }
    drop(crowd);
    drop(node);
    servers.stop();

    let [calm, storm] = [calm, storm].map(|turns| Felt::of(&turns));
    let (p99, shed_ms) = (storm.p99_ms / calm.p99_ms, told.shed_p99_ms());
    println!("round {number}: candidates, {:.0} a second", calm.rate);
    println!("  calm   p50 {:>6.2}  p99 {:>6.2}", calm.p50_ms, calm.p99_ms);
    println!("  storm  p50 {:>6.2}  p99 {:>6.2}  = {p99:.2} x the p99", storm.p50_ms, storm.p99_ms);
    println!("  log-ins: {offered:.0} a second wanted, {told}");
    Round { p99, shed_ms }
}

/// What candidates felt, at the median of some turns.
struct Felt {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Felt {
    fn of(turns: &[Outcome]) -> Self {
        let median = |of: fn(&Outcome) -> f64| {
            let mut all: Vec<f64> = turns.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Self {
            rate: median(|turn| turn.requests / turn.seconds),
            p50_ms: median(|turn| turn.p50_us) / 1_000.0,
            p99_ms: median(|turn| turn.p99_us) / 1_000.0,
        }
    }
}
