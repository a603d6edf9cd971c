//! With AVX2: a row of a block is four registers.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_alignr_epi8, _mm256_mul_epu32, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_srli_epi64, _mm256_xor_si256,
};

use argon2::Block;
use fearless_simd::{SimdFrom as _, SimdInto as _, u64x4};

use super::segment::{Segment, WORDS};
use super::wide::{columns, fill, gb};

/// x + y + 2 * low(x) * low(y)
#[target_feature(enable = "avx2")]
#[inline]
fn multiply_add(x: __m256i, y: __m256i) -> __m256i {
    let product = _mm256_mul_epu32(x, y);
    _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(product, product))
}

/// There is no instruction for it: whole bytes are shuffled.
#[target_feature(enable = "avx2")]
#[inline]
fn rotate<const RIGHT: i32>(x: __m256i) -> __m256i {
    #[rustfmt::skip]
    let (by_24, by_16) = (
        _mm256_setr_epi8(
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
        ),
        _mm256_setr_epi8(
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
        ),
    );
    match RIGHT {
        32 => _mm256_shuffle_epi32::<0xB1>(x),
        24 => _mm256_shuffle_epi8(x, by_24),
        16 => _mm256_shuffle_epi8(x, by_16),
        63 => _mm256_or_si256(_mm256_add_epi64(x, x), _mm256_srli_epi64::<63>(x)),
        _ => unreachable!("Argon2 rotates by 32, 24, 16 and 63"),
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor(x: __m256i, y: __m256i) -> __m256i {
    _mm256_xor_si256(x, y)
}

/// The second word of each pair of the one, and the first of the other's.
#[target_feature(enable = "avx2")]
#[inline]
fn join(x: __m256i, y: __m256i) -> __m256i {
    _mm256_alignr_epi8::<8>(y, x)
}

/// `P` on all rows, each of which is a set as it lies there.
macro_rules! rows {
    ($block:ident) => {
        rows!($block, 0);
        rows!($block, 8);
        rows!($block, 16);
        rows!($block, 24);
    };
    ($block:ident, $first:literal) => {{
        let pair = |i: usize| [$block[$first + i], $block[$first + 4 + i]];
        let (mut a, mut b, mut c, mut d) = (pair(0), pair(1), pair(2), pair(3));
        gb!(a, b, c, d);
        b = b.map(|b| _mm256_permute4x64_epi64::<0x39>(b));
        c = c.map(|c| _mm256_permute4x64_epi64::<0x4E>(c));
        d = d.map(|d| _mm256_permute4x64_epi64::<0x93>(d));
        gb!(a, b, c, d);
        b = b.map(|b| _mm256_permute4x64_epi64::<0x93>(b));
        c = c.map(|c| _mm256_permute4x64_epi64::<0x4E>(c));
        d = d.map(|d| _mm256_permute4x64_epi64::<0x39>(d));
        for (i, [x, y]) in [a, b, c, d].into_iter().enumerate() {
            ($block[$first + i], $block[$first + 4 + i]) = (x, y);
        }
    }};
}

fill!(Avx2, u64x4, __m256i, parts 0, 1, 2, 3);
