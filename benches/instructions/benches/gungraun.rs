//! The same entries for people who look closer: caches, estimated cycles, two branches side by side.
//!
//! ```sh
//! cargo install --locked gungraun-runner@0.20.0
//! export CARGO_TARGET_DIR=$PWD/target/instructions
//! cargo bench --manifest-path benches/instructions/Cargo.toml -- --save-baseline=main    # later --baseline=main
//! ```
#![expect(missing_docs, clippy::disallowed_methods, reason = "the macros make public items, and end the process")]

use gungraun::{library_benchmark, library_benchmark_group, main};
use instructions::{Work, entries};

/// Warm, as where they are held.
fn prepared(at: usize) -> Work {
    let entry = entries().nth(at).expect("an entry");
    let mut work = (entry.prepare)();
    (0..3).for_each(|_| work());
    work
}

#[library_benchmark]
#[benches::in_the_order_of_counts(iter = 0..entries().count(), setup = prepared)]
fn counted(mut work: Work) -> Work {
    work();
    work
}

library_benchmark_group!(name = in_turn, benchmarks = counted);
main!(library_benchmark_groups = in_turn);
