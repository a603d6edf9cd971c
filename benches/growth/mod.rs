//! How does the cost grow: with the links that live, with their states, with the nodes of a fleet?
//!
//! ```sh
//! cargo bench --bench node growth          # a quarter of an hour, after a release build; or `make capacity`
//! cargo bench --bench node growth bytes    # a part: sizes, bytes or fleet; rounds=2 is less
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
mod bytes;
mod fleet;
mod page;
mod people;
mod plot;
mod sizes;
mod turn;

use std::time::Duration;

use self::page::Measured;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
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

/// Marks that were missed, among the parts that are named in `words`, or all.
pub(crate) fn run(measured: bool, words: &[String]) -> usize {
    let mut extent = if measured { MEASURED } else { TRIED };
    if let Some(rounds) = words.iter().find_map(|word| word.strip_prefix("rounds=")) {
        extent.rounds = rounds.parse().unwrap();
    }
    let parts: Vec<&String> = words.iter().filter(|word| !word.contains('=')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);

    let bytes = is_wanted("bytes").then(|| bytes::measure(extent));
    let costs = is_wanted("fleet").then(|| fleet::measure(extent));
    let growth = is_wanted("sizes").then(|| sizes::measure(extent));
    if let (Some(bytes), Some(costs), Some(growth)) = (&bytes, &costs, &growth)
        && measured
    {
        page::write(&Measured { rounds: extent.rounds, costs, bytes, growth: &growth.table });
    }
    growth.map_or(0, |growth| growth.missed)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
