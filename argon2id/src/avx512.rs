//! With AVX-512: a row of a block is two registers.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_alignr_epi8, _mm512_mul_epu32, _mm512_permutex_epi64, _mm512_ror_epi64,
    _mm512_shuffle_i64x2, _mm512_xor_si512,
};

use argon2::Block;
use fearless_simd::{SimdFrom as _, SimdInto as _, u64x8};

use super::segment::{Segment, WORDS};
use super::wide::{columns, fill, gb};

/// x + y + 2 * low(x) * low(y)
#[target_feature(enable = "avx512f")]
#[inline]
fn multiply_add(x: __m512i, y: __m512i) -> __m512i {
    let product = _mm512_mul_epu32(x, y);
    _mm512_add_epi64(_mm512_add_epi64(x, y), _mm512_add_epi64(product, product))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn rotate<const RIGHT: i32>(x: __m512i) -> __m512i {
    _mm512_ror_epi64::<RIGHT>(x)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn xor(x: __m512i, y: __m512i) -> __m512i {
    _mm512_xor_si512(x, y)
}

/// The second word of each pair of the one, and the first of the other's.
#[target_feature(enable = "avx512bw")]
#[inline]
fn join(x: __m512i, y: __m512i) -> __m512i {
    _mm512_alignr_epi8::<8>(y, x)
}

/// `P` on all rows, two of them to a set: their halves are put together for it.
macro_rules! rows {
    ($block:ident) => {
        rows!($block, 0);
        rows!($block, 8);
    };
    ($block:ident, $first:literal) => {{
        let at = |i: usize, part: usize| $first + 4 * i + part;
        let low = |i, part| _mm512_shuffle_i64x2::<0x44>($block[at(i, part)], $block[at(i, part + 2)]);
        let high = |i, part| _mm512_shuffle_i64x2::<0xEE>($block[at(i, part)], $block[at(i, part + 2)]);
        let (mut a, mut b) = ([low(0, 0), low(1, 0)], [high(0, 0), high(1, 0)]);
        let (mut c, mut d) = ([low(0, 1), low(1, 1)], [high(0, 1), high(1, 1)]);
        gb!(a, b, c, d);
        b = b.map(|b| _mm512_permutex_epi64::<0x39>(b));
        c = c.map(|c| _mm512_permutex_epi64::<0x4E>(c));
        d = d.map(|d| _mm512_permutex_epi64::<0x93>(d));
        gb!(a, b, c, d);
        b = b.map(|b| _mm512_permutex_epi64::<0x93>(b));
        c = c.map(|c| _mm512_permutex_epi64::<0x4E>(c));
        d = d.map(|d| _mm512_permutex_epi64::<0x39>(d));
        for i in 0..2 {
            $block[at(i, 0)] = _mm512_shuffle_i64x2::<0x44>(a[i], b[i]);
            $block[at(i, 1)] = _mm512_shuffle_i64x2::<0x44>(c[i], d[i]);
            $block[at(i, 2)] = _mm512_shuffle_i64x2::<0xEE>(a[i], b[i]);
            $block[at(i, 3)] = _mm512_shuffle_i64x2::<0xEE>(c[i], d[i]);
        }
    }};
}

fill!(Avx512, u64x8, __m512i, parts 0, 1);
