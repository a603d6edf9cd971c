//! Argon2id (RFC 9106) with what the processor has.
//!
//! The `argon2` crate has a portable one, of which the compiler makes the most with AVX2. Registers put to use by hand
//! take less than half of its time. It is done here, in safe code: the libraries that are as fast are in C, or hold much
//! `unsafe` that nobody has audited, while what a hash must be can be tested against the crate, byte for byte.
//!
//! A package of its own, for the development profile to optimise it: else a hash takes seconds there.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod ends;
#[cfg(target_arch = "x86_64")]
mod segment;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod wide;

use argon2::{Algorithm, Argon2, Block, Params, Version};
#[cfg(target_arch = "x86_64")]
use fearless_simd::{Avx2, Avx512, Level};
use zeroize::Zeroizing;

#[cfg(target_arch = "x86_64")]
use self::segment::Segment;

/// How Argon2id is computed; the hash is the same.
#[derive(Clone, Copy, Debug)]
pub enum Argon2id {
    /// With AVX-512, as processors have it since Ice Lake and Zen 4: the first ones slowed down for it.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// With AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// By the `argon2` crate.
    Portable,
}

/// What goes into a hash, beside its cost.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it is what nobody may print")]
pub struct Input<'a> {
    /// The pepper; may be empty.
    pub secret: &'a [u8],
    /// As it was typed.
    pub password: &'a [u8],
    /// 8 bytes or more.
    pub salt: &'a [u8],
}

impl Argon2id {
    /// The fastest that this processor has.
    #[must_use]
    pub fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let level = Level::new();
            let avx2 = || level.as_avx2().map(Self::Avx2);
            level.as_avx512().map(Self::Avx512).or_else(avx2).unwrap_or(Self::Portable)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::Portable
    }

    /// As the log has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable => "portable",
        }
    }

    /// A hash, in memory that grows to what it needs, and need not be empty. Never the crate's own verifier: it takes
    /// fresh memory for each hash.
    ///
    /// # Panics
    /// On a salt below 8 bytes, or a hash above 64.
    pub fn hash(self, memory: &mut Vec<Block>, params: &Params, input: Input<'_>) -> Zeroizing<Vec<u8>> {
        let blocks = params.block_count();
        if memory.len() < blocks {
            memory.reserve_exact(blocks - memory.len());
            memory.resize(blocks, Block::new());
        }
        let memory = &mut memory[..blocks];
        let mut hash = Zeroizing::new(vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)]);
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => wide(memory, params, input, &mut hash, |all, part| avx512::fill(simd, all, part)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => wide(memory, params, input, &mut hash, |all, part| avx2::fill(simd, all, part)),
            Self::Portable => portable(memory, params, input, &mut hash),
        }
        hash
    }
}

#[cfg(target_arch = "x86_64")]
fn wide(
    memory: &mut [Block],
    params: &Params,
    input: Input<'_>,
    hash: &mut [u8],
    mut fill: impl FnMut(&mut [Block], &Segment),
) {
    ends::begin(memory, params, input, hash.len());
    for segment in Segment::all(params) {
        fill(memory, &segment);
    }
    ends::finish(memory, params, hash);
}

fn portable(memory: &mut [Block], params: &Params, input: Input<'_>, hash: &mut [u8]) {
    let Input { secret, password, salt } = input;
    Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params.clone())
        .and_then(|argon2| argon2.hash_password_into_with_memory(password, salt, hash, memory))
        .expect("cost, salt and lengths were checked");
}
