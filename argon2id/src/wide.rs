//! What AVX2 and AVX-512 have in common. Macros, since a function would have to be inlined to be worth it, and the
//! compiler promises that for none that needs a feature of the processor.

/// `GB` of RFC 9106, section 3.6, on two sets of registers: what one waits for, the other's work fills.
macro_rules! gb {
    ($a:ident, $b:ident, $c:ident, $d:ident) => {
        gb!($a, $b, $c, $d, 32, 24);
        gb!($a, $b, $c, $d, 16, 63);
    };
    ($a:ident, $b:ident, $c:ident, $d:ident, $first:literal, $second:literal) => {
        for i in 0..2 {
            $a[i] = multiply_add($a[i], $b[i]);
            $d[i] = rotate::<$first>(xor($d[i], $a[i]));
        }
        for i in 0..2 {
            $c[i] = multiply_add($c[i], $d[i]);
            $b[i] = rotate::<$second>(xor($b[i], $c[i]));
        }
    };
}

/// `P` on the columns that register `$part` of each row has a piece of: two words of each column, so that a column is
/// spread over eight registers, and its diagonals are found by joining halves.
macro_rules! columns {
    ($block:ident, $part:expr) => {{
        let row = |n: usize| n * PARTS + $part;
        let mut a = [$block[row(0)], $block[row(1)]];
        let mut b = [$block[row(2)], $block[row(3)]];
        let mut c = [$block[row(4)], $block[row(5)]];
        let mut d = [$block[row(6)], $block[row(7)]];
        gb!(a, b, c, d);
        b = [join(b[0], b[1]), join(b[1], b[0])];
        c = [c[1], c[0]];
        d = [join(d[1], d[0]), join(d[0], d[1])];
        gb!(a, b, c, d);
        [$block[row(0)], $block[row(1)]] = a;
        [$block[row(2)], $block[row(3)]] = [join(b[1], b[0]), join(b[0], b[1])];
        [$block[row(4)], $block[row(5)]] = [c[1], c[0]];
        [$block[row(6)], $block[row(7)]] = [join(d[0], d[1]), join(d[1], d[0])];
    }};
}

/// `fill`, which computes a segment, for a processor with `$token`. A block is `$register`s, `PARTS` to a row.
macro_rules! fill {
    ($token:ident, $vector:ident, $register:ident, parts 0, $($part:literal),+) => {
        const PARTS: usize = [0, $($part),+].len();
        const REGISTERS: usize = 8 * PARTS;
        const LANES: usize = WORDS / REGISTERS;

        fn words(block: &Block) -> &[[u64; LANES]] {
            block.as_ref().as_chunks().0
        }

        fn words_mut(block: &mut Block) -> &mut [[u64; LANES]] {
            block.as_mut().as_chunks_mut().0
        }

        fearless_simd::kernel!(
            /// What the next blocks of a segment refer to.
            fn choose(simd: $token, choice: &mut [u64; WORDS], chosen: &mut Block) {
                choice[6] += 1;
                chosen.as_mut().copy_from_slice(choice);
                for _ in 0..2 {
                    let mut block: [$register; REGISTERS] =
                        std::array::from_fn(|i| $vector::simd_from(simd, words(chosen)[i]).into());
                    let before = block;
                    rows!(block);
                    columns!(block, 0);
                    $(columns!(block, $part);)+
                    for i in 0..REGISTERS {
                        let word: $vector<_> = xor(block[i], before[i]).simd_into(simd);
                        words_mut(chosen)[i] = word.into();
                    }
                }
            }
        );

        fearless_simd::kernel!(
            /// Computes a segment. The block stays in registers from one to the next, mixed with what that refers to.
            pub(super) fn fill(simd: $token, memory: &mut [Block], segment: &Segment) {
                // Of 8 blocks in a lane, the first two are all of its first segment.
                if segment.filled() == segment.length {
                    return;
                }
                let (independent, again) = (segment.is_independent(), segment.pass > 0);
                let (mut choice, mut chosen) = (segment.choice(), Block::new());
                if independent {
                    choose(simd, &mut choice, &mut chosen);
                }
                let (start, filled) = (segment.start(), segment.filled());
                let previous = &memory[segment.previous()];
                let random = if independent { chosen.as_ref()[filled] } else { previous.as_ref()[0] };
                let mixed = &memory[segment.reference(random, filled)];
                let mut block: [$register; REGISTERS] = std::array::from_fn(|i| {
                    let [left, right] = [previous, mixed].map(|block| $vector::simd_from(simd, words(block)[i]).into());
                    xor(left, right)
                });

                for index in filled..segment.length {
                    let current = start + index;
                    let before = block;
                    macro_rules! finish {
                        ($each:expr) => {
                            columns!(block, $each);
                            let words = words_mut(&mut memory[current]);
                            for i in (0..8).map(|row| row * PARTS + $each) {
                                block[i] = xor(block[i], before[i]);
                                if again {
                                    block[i] = xor(block[i], $vector::simd_from(simd, words[i]).into());
                                }
                                let word: $vector<_> = block[i].simd_into(simd);
                                words[i] = word.into();
                            }
                        };
                    }
                    macro_rules! mix {
                        ($each:expr, $reference:ident) => {
                            let words = words(&memory[$reference]);
                            for i in (0..8).map(|row| row * PARTS + $each) {
                                block[i] = xor(block[i], $vector::simd_from(simd, words[i]).into());
                            }
                        };
                    }
                    rows!(block);
                    // The first word is in the first part. It says what the next block refers to, which is far away:
                    // while it is fetched, there are the other parts to compute.
                    finish!(0);
                    let next = index + 1;
                    let reference = if next == segment.length {
                        current
                    } else if independent {
                        if next % WORDS == 0 {
                            choose(simd, &mut choice, &mut chosen);
                        }
                        segment.reference(chosen.as_ref()[next % WORDS], next)
                    } else {
                        segment.reference(memory[current].as_ref()[0], next)
                    };
                    mix!(0, reference);
                    $(
                        finish!($part);
                        mix!($part, reference);
                    )+
                }
            }
        );
    };
}

pub(super) use {columns, fill, gb};
