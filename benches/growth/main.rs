//! How does the cost grow: with the links that live, with their states, with the nodes of a fleet?
//!
//! ```sh
//! cargo bench --bench growth            # a quarter of an hour, after a release build; or `make capacity`
//! cargo bench --bench growth -- bytes   # a part: sizes, bytes or fleet; rounds=2 is less
//! cargo test --benches                  # does it still work?
//! ```
//!
//! - `sizes`: three platforms, of a thousand links, a hundred thousand and a million, each with a Redis, a Postgres and
//!   a node of its own, take turns on each endpoint: as fast as it is answered, and at half the rate of the smallest.
//!   Links are in all states, and visited alike. What can be asked only once is asked of links that are there for this
//!   turn alone, beside the others. CPU must be flat; p99 is of a shared machine, and is shown.
//! - `bytes`: `used_memory` before and after 10,000 of each, divided, with hashes as Redis comes and as
//!   `config/redis.conf` has them.
//! - `fleet`: what a request costs a node and Redis, and what one, two and four nodes make of one Redis.
//!
//! A run of all three writes `config/capacity.md` and `config/capacity.svg`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is for a terminal, and may panic")]
#![expect(unreachable_pub, missing_debug_implementations, reason = "nobody else reads a bench, or prints it")]

mod bytes;
mod fleet;
mod page;
mod people;
mod plot;
mod sizes;
mod turn;

#[path = "../stage/mod.rs"]
#[expect(dead_code, reason = "each bench needs its part of the stage")]
mod stage;

use std::time::Duration;

use self::page::Measured;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Extent {
    rounds: usize,
    /// Of a turn.
    seconds: u32,
    /// That live on each platform.
    sizes: [usize; 3],
    /// That a turn of a second may use up.
    links: usize,
    /// Candidates whom a proxy asks about.
    seats: usize,
    /// Of whom the bytes are counted.
    subjects: usize,
    /// Of Redis, once it is full.
    rest: Duration,
}

const MEASURED: Extent = Extent {
    rounds: 5,
    seconds: 2,
    sizes: [1_000, 100_000, 1_000_000],
    links: 45_000,
    seats: 20_000,
    subjects: 10_000,
    rest: Duration::from_secs(5),
};
/// Does it work?
const TRIED: Extent = Extent {
    rounds: 1,
    seconds: 1,
    sizes: [100, 1_000, 2_000],
    links: 10_000,
    seats: 50,
    subjects: 300,
    rest: Duration::ZERO,
};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says so where it measures; else it asks whether the bench works.
    let measured = words.iter().any(|word| word == "--bench");
    let mut extent = if measured { MEASURED } else { TRIED };
    if let Some(rounds) = words.iter().find_map(|word| word.strip_prefix("rounds=")) {
        extent.rounds = rounds.parse().unwrap();
    }
    let parts = ["bytes", "fleet", "sizes"];
    let is_wanted =
        |part: &str| words.iter().any(|word| word == part) || !words.iter().any(|word| parts.contains(&&**word));

    let bytes = is_wanted("bytes").then(|| bytes::measure(extent));
    let costs = is_wanted("fleet").then(|| fleet::measure(extent));
    let growth = is_wanted("sizes").then(|| sizes::measure(extent));
    if let (Some(bytes), Some(costs), Some(growth)) = (&bytes, &costs, &growth)
        && measured
    {
        page::write(&Measured { rounds: extent.rounds, costs, bytes, growth: &growth.table });
    }
    let missed = growth.map_or(0, |growth| growth.missed);
    // A turn of a second on a build that is not optimised says nothing.
    assert!(!measured || missed == 0, "{missed} marks were missed");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
