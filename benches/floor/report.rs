//! The table, and the marks.

use std::process::Command;

use super::turns::{Endpoint, Turn};
use super::yardstick::{ARGS, SCRIPT};
use crate::stage::Servers;
use crate::stage::cost::ask;

/// The most that the product may cost, in yardsticks.
const CPU_MAX: f64 = 1.5;
/// The least that it carries, in yardsticks.
const RATE_MIN: f64 = 0.7;
/// The longest that one of a hundred waits, each under half of what it carries, in yardsticks.
const P99_MAX: f64 = 2.0;

/// An endpoint in a round: its yardstick, and it.
pub(crate) struct Row {
    pub(crate) endpoint: Endpoint,
    pub(crate) closed: [Turn; 2],
    pub(crate) paced: [Turn; 2],
    pub(crate) allocations: [f64; 2],
}

impl Row {
    fn cpu(&self) -> f64 {
        self.closed[1].server_us / self.closed[0].server_us
    }

    fn rate(&self) -> f64 {
        self.closed[1].rate() / self.closed[0].rate()
    }

    fn p99(&self) -> f64 {
        self.paced[1].outcome.p99_us / self.paced[0].outcome.p99_us
    }
}

#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    pub(crate) fn head(&self) {
        println!(
            "\n{:<22} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} | {:>8} {:>6} {:>6} {:>6}",
            "", "req/s", "p50", "p99", "cpu", "redis", "trips", "allocs", "at half", "p50", "p99", "cpu"
        );
    }

    /// Prints it, too.
    pub(crate) fn add(&mut self, row: Row) {
        let names = [format!("  hyper, {} x fred", row.endpoint.decisions()), row.endpoint.name().to_owned()];
        for (n, name) in names.iter().enumerate() {
            let (closed, paced) = (&row.closed[n], &row.paced[n]);
            println!(
                "{name:<22} {:>8.0} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.1} | {:>8.0} {:>6.2} {:>6.2} {:>6.2}",
                closed.rate(),
                closed.outcome.p50_us / 1_000.0,
                closed.outcome.p99_us / 1_000.0,
                closed.server_us,
                closed.redis_us,
                closed.trips,
                row.allocations[n],
                paced.rate(),
                paced.outcome.p50_us / 1_000.0,
                paced.outcome.p99_us / 1_000.0,
                paced.server_us,
            );
        }
        println!("  = {:.2} x the CPU, {:.2} x the rate; at half {:.2} x the p99", row.cpu(), row.rate(), row.p99());
        self.0.push(row);
    }

    /// The most that this Redis does with such scripts.
    pub(crate) fn redis_alone(&self, servers: &Servers) {
        let sha = vestibule::redis::scripts::sha_of(SCRIPT);
        ask(&servers.redis, &["SCRIPT", "LOAD", SCRIPT]);
        for pipelined in ["1", "16"] {
            let output = Command::new("redis-benchmark")
                .args(["-p", &servers.redis_port().to_string(), "-c", "64", "-n", "200000", "-P", pipelined, "--csv"])
                .args(["EVALSHA", &sha, "1", "yardstick"])
                .args(ARGS)
                .output()
                .expect("redis-benchmark is there");
            let text = String::from_utf8_lossy(&output.stdout);
            let rate = text.lines().next_back().and_then(|line| line.split(',').nth(1)).unwrap_or(&text);
            println!(
                "redis-benchmark, the yardstick's script, {pipelined} at a time: {} a second",
                rate.trim_matches('"')
            );
        }
    }

    /// Prints how the worst round stands with each mark, and tells how many are missed.
    pub(crate) fn marks(&self) -> usize {
        let mut missed = 0;
        println!(
            "\nworst of all rounds    cpu (at most {CPU_MAX})   rate (at least {RATE_MIN})   p99 at half (below {P99_MAX})"
        );
        for endpoint in Endpoint::ALL {
            let worst = |of: fn(&Row) -> f64, than: fn(f64, f64) -> f64| {
                self.0.iter().filter(|row| row.endpoint == endpoint).map(of).reduce(than)
            };
            let (Some(cpu), Some(rate), Some(p99)) =
                (worst(Row::cpu, f64::max), worst(Row::rate, f64::min), worst(Row::p99, f64::max))
            else {
                continue;
            };
            let mut mark = |value: f64, reached: bool| {
                missed += usize::from(!reached);
                format!("{value:.2} {}", if reached { "ok" } else { "MISSED" })
            };
            println!(
                "{:<22} {:<20} {:<22} {}",
                endpoint.name(),
                mark(cpu, cpu <= CPU_MAX),
                mark(rate, rate >= RATE_MIN),
                mark(p99, p99 < P99_MAX)
            );
        }
        missed
    }
}
