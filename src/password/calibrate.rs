//! What a hash costs on this machine.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Block, Params};
use vestibule_argon2id::{Argon2id, Input};

use super::phc::Cost;

/// Long enough to be past the noise of one time slice, short enough to wait for a table.
const LONG_ENOUGH: Duration = Duration::from_millis(250);
/// At least and at most so many hashes are averaged, however long one takes.
const HASHES: (u32, u32) = (2, 1_000);

/// What hashes took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// One hash, on one thread.
    pub one: Duration,
    /// Hashes a second, on all threads at once: they share caches and memory.
    pub per_second: f64,
}

/// Computes hashes of this cost, on one thread and on `threads`, for about half a second.
#[must_use]
pub fn measure(cost: Cost, threads: usize) -> Measured {
    // The first one also pays for fresh memory, which is kept afterwards.
    let mut memory = Vec::new();
    let first = series(cost, &mut memory, 1);
    let count = LONG_ENOUGH.as_nanos() / first.as_nanos().max(1);
    let count = u32::try_from(count).map_or(HASHES.1, |count| count.clamp(HASHES.0, HASHES.1));
    let one = series(cost, &mut memory, count) / count;
    drop(memory);
    let together = Barrier::new(threads);
    let of_thread = || {
        let mut memory = Vec::new();
        series(cost, &mut memory, 1);
        together.wait();
        f64::from(count) / series(cost, &mut memory, count).as_secs_f64()
    };
    let per_second = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(of_thread)).collect();
        all.into_iter().map(|one| one.join().expect("a hash is computed")).sum()
    });
    Measured { one, per_second }
}

fn series(cost: Cost, memory: &mut Vec<Block>, count: u32) -> Duration {
    let params = cost.params(Params::DEFAULT_OUTPUT_LEN);
    let input = Input { secret: &[], password: b"correct horse battery staple", salt: &[0; 16] };
    let argon2id = Argon2id::fastest();
    let begun = Instant::now();
    for _ in 0..count {
        std::hint::black_box(argon2id.hash(memory, &params, input));
    }
    begun.elapsed()
}
