//! What one request costs beside Redis, in instructions: a number that no other process on the machine moves.
//!
//! ```sh
//! make counts            # counts, and keeps the new counts in counts.toml; `make test` holds them to 5 %
//! ```
//!
//! The modules are the product's own files, under the names that they have there. An [`Entry`] prepares
//! its input, then does its work again and again: what is counted is a later time, when whatever is done
//! once is done.
//!
//! `benches/gungraun.rs` shows more of the same entries: caches, estimated cycles, two branches side by side.
//! It takes gungraun's runner, which takes longer to build than all of this.

pub mod access;
pub mod candidate;
pub mod config;
#[path = "../../../src/fault.rs"]
pub mod fault;
pub mod http;
#[path = "../../../src/id.rs"]
pub mod id;
#[path = "../../../src/jwt.rs"]
pub mod jwt;
#[path = "../../../src/keyring.rs"]
pub mod keyring;
#[path = "../../../src/link.rs"]
pub mod link;
#[path = "../../../src/random.rs"]
pub mod random;
#[path = "../../../src/trace.rs"]
pub mod trace;
pub mod users;

use std::hint::black_box;

/// Something to count.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// As `counts.toml` names it.
    pub name: &'static str,
    /// Makes what the work needs, which is not counted.
    pub prepare: fn() -> Work,
}

/// Can be done again.
pub type Work = Box<dyn FnMut()>;

/// Everything that is counted, in the order of `counts.toml`.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    [http::parts::ENTRIES, http::exchange::ENTRIES, access::ENTRIES, candidate::ENTRIES].into_iter().flatten()
}

/// Does it, keeping the compiler from doing it beforehand, or not at all.
fn work<I: 'static, O>(input: I, mut does: impl FnMut(&I) -> O + 'static) -> Work {
    Box::new(move || drop(black_box(does(black_box(&input)))))
}
