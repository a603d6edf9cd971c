//! `vestibule hash --calibrate`: what hashing passwords costs on this machine.

use std::time::Duration;

use clap::Args;

use super::{Failure, say};
use crate::config::{Accounts, HASH_ITERATIONS_MAX, HASH_MEMORY_MAX, HASH_MEMORY_PER_LANE_MIN};
use crate::password::{Cost, Measured, implementation, measure, threads};

/// OWASP's Password Storage Cheat Sheet: a hash is computed in less than this.
const LONGEST: Duration = Duration::from_secs(1);
/// And costs as much as one of these, which are worth the same: KiB and iterations, on one lane or more.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

#[derive(Debug, Args)]
pub(super) struct Hash {
    /// Measure the configured cost and its neighbours, and say whether to keep it; needs no Redis, no Postgres and no
    /// other configuration
    #[arg(long, required = true)]
    calibrate: bool,
}

impl Hash {
    pub(super) fn run(&self, settings: &Accounts) -> Result<(), Failure> {
        // There is nothing else to do yet, and clap asks for the flag.
        debug_assert!(self.calibrate);
        let (configured, threads) = (Cost::configured(settings), threads(settings));
        let how = implementation();
        say(format_args!("Argon2id ({how}) on {threads} of this machine's threads (accounts.hash_threads):\n"))?;
        say(format_args!("memory (KiB)  iterations  lanes  ms a hash  hashes/s"))?;
        let mut here = None;
        for cost in around(configured) {
            let measured = measure(cost, threads);
            let Cost { memory, iterations, lanes } = cost;
            let (ms, per_second) = (measured.one.as_secs_f64() * 1_000.0, measured.per_second);
            let mark = if cost == configured { "  configured" } else { "" };
            say(format_args!("{memory:>12}{iterations:>12}{lanes:>7}{ms:>11.1}{per_second:>10.0}{mark}"))?;
            if cost == configured {
                here = Some(measured);
            }
        }
        let here = here.ok_or_else(|| Failure::unavailable("the configured cost was not measured"))?;
        say(format_args!("\n{}", advice(settings, here)))
    }
}

/// The configured cost among what one would try next, from the cheapest.
fn around(configured: Cost) -> Vec<Cost> {
    let Cost { memory, iterations, lanes } = configured;
    let least = HASH_MEMORY_PER_LANE_MIN * lanes;
    let mut costs = vec![configured];
    for (memory, iterations) in [
        (memory / 2, iterations),
        (memory, iterations + 1),
        (memory.saturating_mul(2), iterations),
        (memory.saturating_mul(4), iterations),
    ] {
        if (least..=HASH_MEMORY_MAX).contains(&memory) && iterations <= HASH_ITERATIONS_MAX {
            costs.push(Cost { memory, iterations, lanes });
        }
    }
    costs.sort_by_key(|cost| u64::from(cost.memory) * u64::from(cost.iterations));
    costs
}

fn advice(settings: &Accounts, here: Measured) -> String {
    let Accounts { hash_memory: memory, hash_iterations: iterations, .. } = *settings;
    let ms = here.one.as_millis();
    if here.one >= LONGEST {
        return format!(
            "Recommendation: lower accounts.hash_memory or hash_iterations; OWASP wants a hash below 1 s, and this is {ms} ms."
        );
    }
    if !OWASP.iter().any(|least| memory >= least.0 && iterations >= least.1) {
        return format!(
            "Recommendation: raise accounts.hash_memory; {memory} KiB and {iterations} iterations are less than OWASP's \
             minimum, as 19456 KiB and 2."
        );
    }
    let wait = here.one * u32::try_from(settings.hash_queue_max).unwrap_or(u32::MAX);
    if wait >= settings.hash_timeout {
        return format!(
            "Recommendation: lower accounts.hash_queue_max; {} that wait take {} ms, and accounts.hash_timeout is {} ms.",
            settings.hash_queue_max,
            wait.as_millis(),
            settings.hash_timeout.as_millis()
        );
    }
    let alone = 1.0 / here.one.as_secs_f64();
    format!(
        "Recommendation: keep it; at {ms} ms it is below OWASP's 1 s and no less than its minimum. One thread does \
         {alone:.0} log-ins a second; with more room, take a dearer row."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn advice_is_by_owasp_and_by_the_queue() {
        let defaults = Config::load_accounts(None, &mut std::iter::empty()).unwrap();
        let advice = |memory, iterations, ms| {
            let settings = Accounts { hash_memory: memory, hash_iterations: iterations, ..defaults.clone() };
            advice(&settings, Measured { one: Duration::from_millis(ms), per_second: 1.0 })
        };
        for (memory, iterations, ms, words) in [
            (19_456, 2, 16, "keep it; at 16 ms"),
            (19_456, 2, 16, "does 62 log-ins a second"),
            (7_168, 5, 16, "keep it"),
            (7_168, 4, 16, "raise accounts.hash_memory; 7168 KiB and 4"),
            (19_455, 2, 16, "raise"),
            (65_536, 3, 75, "40 that wait take 3000 ms, and accounts.hash_timeout is 3000 ms"),
            (262_144, 16, 1_000, "lower accounts.hash_memory"),
        ] {
            let said = advice(memory, iterations, ms);
            assert!(said.contains(words), "{words:?} is not in {said:?}");
        }
    }

    #[test]
    fn neighbours_are_what_the_configuration_takes() {
        let costs = |memory, iterations, lanes| {
            let around = around(Cost { memory, iterations, lanes }).into_iter();
            around.map(|cost| (cost.memory, cost.iterations)).collect::<Vec<_>>()
        };
        assert_eq!(costs(64, 2, 1), [(32, 2), (64, 2), (64, 3), (128, 2), (256, 2)]);
        assert_eq!(costs(32, 1, 4), [(32, 1), (32, 2), (64, 1), (128, 1)]);
        assert_eq!(costs(262_144, 16, 1), [(131_072, 16), (262_144, 16)]);
    }
}
