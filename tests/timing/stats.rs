//! Two kinds of times, compared as in "Dude, is my code constant time?" (Reparaz, Balasch,
//! Verbauwhede, 2017): what is late is tamed, then Welch's t.
//!
//! What else a machine does makes answers late, never early, and for seconds at a time. So of
//! each few neighbours all that is later than their fastest quarter is set to that quartile,
//! and they are scaled to a mean of 0 and a variance of 1. The rule does not look at the kinds:
//! where they do not differ, it gives neither an advantage. It was chosen, among four, for how
//! small a delay it shows on a busy machine.

use std::fmt;
use std::time::Duration;

/// Past it, |t| is by chance once in 140,000 times.
pub(super) const THRESHOLD: f64 = 4.5;
/// A second of log-ins.
const NEIGHBOURS: usize = 50;

/// Times in microseconds in their order, and whether they are of the one kind or the other.
#[derive(Clone, Default)]
pub(super) struct Times(Vec<(bool, f64)>);

impl Times {
    pub(super) fn add(&mut self, known: bool, took: Duration) {
        self.0.push((known, took.as_secs_f64() * 1e6));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Welch's t: positive where the known ones are slower.
    pub(super) fn t(&self) -> f64 {
        let tamed: Vec<(bool, f64)> = self.0.chunks_exact(NEIGHBOURS).flat_map(tame).collect();
        let of = |which: bool| tamed.iter().filter(move |(known, _)| *known == which).map(|(_, time)| *time);
        let ((known, known_error2), (unknown, unknown_error2)) = (mean(of(true)), mean(of(false)));
        (known - unknown) / (known_error2 + unknown_error2).sqrt()
    }

    /// The same times, but each known one later by this part of the mean.
    pub(super) fn delayed(&self, part: f64) -> Self {
        let delay = part * mean(self.0.iter().map(|(_, time)| *time)).0;
        let later = |&(known, time): &(bool, f64)| (known, if known { time + delay } else { time });
        Self(self.0.iter().map(later).collect())
    }

    /// How far such a delay moves t, whatever t is.
    pub(super) fn resolution(&self, part: f64) -> f64 {
        (self.delayed(part).t() - self.delayed(-part).t()) / 2.0
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quartile = |which: bool| {
            let mut times: Vec<f64> =
                self.0.iter().filter(|(known, _)| *known == which).map(|(_, time)| *time).collect();
            times.sort_unstable_by(f64::total_cmp);
            times.get(times.len() / 4).copied().unwrap_or_default()
        };
        let (all, known, unknown) = (self.len(), quartile(true), quartile(false));
        write!(f, "{all} requests, lower quartiles {known:.1} us (known) and {unknown:.1} us (unknown)")
    }
}

fn tame(neighbours: &[(bool, f64)]) -> Vec<(bool, f64)> {
    let mut sorted: Vec<f64> = neighbours.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let late = sorted[sorted.len() / 4];
    let (mean, error2) = mean(sorted.iter().map(|time| time.min(late)));
    let spread = (error2 * sorted.len() as f64).sqrt();
    neighbours.iter().map(|(known, time)| (*known, (time.min(late) - mean) / spread)).collect()
}

/// And the square of its standard error.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

/// Each other one is of the one kind, and later by so much; noise repeats after 1,000 times.
#[cfg(test)]
fn noisy(late: f64) -> Times {
    let time = |n: i32| (n % 2 == 0, 10_000.0 + f64::from(n / 2 * 7_919 % 1_000) + if n % 2 == 0 { late } else { 0.0 });
    Times((0..8_000).map(time).collect())
}

#[test]
fn a_delay_moves_t() {
    let same = noisy(0.0);
    assert!(same.t().abs() < 1e-9, "{}", same.t());
    assert!(noisy(100.0).t() > THRESHOLD && noisy(-100.0).t() < -THRESHOLD);
    assert!(same.delayed(0.01).t() > THRESHOLD && same.resolution(0.01) > 2.0 * THRESHOLD);
}

#[test]
fn stragglers_and_bad_weather_do_not_move_it() {
    let mut times = noisy(0.0);
    times.0[0].1 = 1e9;
    times.0[3_000..6_000].iter_mut().for_each(|(_, time)| *time *= 3.0);
    assert!(times.t().abs() < 0.5, "{}", times.t());
    assert!(times.resolution(0.01) > THRESHOLD);
}

#[test]
fn t_is_that_of_welch() {
    let (mean, error2) = mean([1.0, 2.0, 3.0].into_iter());
    assert_eq!((mean, error2), (2.0, 1.0 / 3.0));
    // Of 50, the 13th is the quartile: twelve are earlier, and of the one kind. By hand, they are -1.762 and 0.556.
    let block = (0..50).map(|n| (n < 25, if n < 12 { 1.0 } else { 2.0 + f64::from(n) }));
    let times = Times(block.collect());
    assert!((times.t() + 4.7068).abs() < 1e-3, "{}", times.t());
}
