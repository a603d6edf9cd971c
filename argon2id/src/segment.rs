//! Which block is made of which: RFC 9106, sections 3.2 to 3.4.

use argon2::{Algorithm, Block, Params};

/// Each lane is filled in so many steps, after which the lanes may see each other's.
const SLICES: usize = 4;
/// An index needs one word, and a block has so many.
pub(super) const WORDS: usize = Block::SIZE / 8;

/// What one lane computes of one slice, in one pass: looking at nothing that changes meanwhile but itself.
pub(super) struct Segment {
    pub(super) pass: usize,
    slice: usize,
    lane: usize,
    lanes: usize,
    passes: usize,
    /// Blocks of a lane.
    width: usize,
    /// Blocks of a segment.
    pub(super) length: usize,
}

impl Segment {
    /// All that a hash is made of, in order.
    pub(super) fn all(params: &Params) -> impl Iterator<Item = Self> {
        let [passes, lanes] = [params.t_cost(), params.p_cost()].map(|number| number as usize);
        let width = params.block_count() / lanes;
        let length = width / SLICES;
        let of_pass = move |pass| (0..SLICES).map(move |slice| (pass, slice));
        (0..passes).flat_map(of_pass).flat_map(move |(pass, slice)| {
            (0..lanes).map(move |lane| Self { pass, slice, lane, lanes, passes, width, length })
        })
    }

    /// Where it lies in memory.
    pub(super) fn start(&self) -> usize {
        self.lane * self.width + self.slice * self.length
    }

    /// How many of its blocks are there already: those that the password was hashed into.
    pub(super) fn filled(&self) -> usize {
        if (self.pass, self.slice) == (0, 0) { 2 } else { 0 }
    }

    /// The block that precedes its `filled`-th.
    pub(super) fn previous(&self) -> usize {
        let wrapped = self.slice == 0 && self.filled() == 0;
        if wrapped { self.start() + self.width - 1 } else { self.start() + self.filled() - 1 }
    }

    /// Whether it looks at blocks that the password has no part in choosing: the "i" of Argon2id.
    pub(super) fn is_independent(&self) -> bool {
        self.pass == 0 && self.slice < SLICES / 2
    }

    /// What the choice is made from then; word 6 counts the blocks that were made of it.
    pub(super) fn choice(&self) -> [u64; WORDS] {
        let total = self.lanes * self.width;
        let numbers = [self.pass, self.lane, self.slice, total, self.passes, Algorithm::Argon2id as usize];
        let mut words = [0; WORDS];
        words[..numbers.len()].copy_from_slice(&numbers.map(|number| number as u64));
        words
    }

    /// The block that the `index`-th is mixed with, of those that there are and that nobody is writing; section 3.4.2.
    #[inline]
    pub(super) fn reference(&self, random: u64, index: usize) -> usize {
        let (low, high) = (random & u64::from(u32::MAX), (random >> 32) as usize);
        let alone = self.lanes == 1 || (self.pass, self.slice) == (0, 0);
        let lane = if alone { self.lane } else { high % self.lanes };
        let finished = if self.pass == 0 { self.slice * self.length } else { self.width - self.length };
        let seen = if lane == self.lane { finished + index - 1 } else { finished - usize::from(index == 0) };
        // Late blocks more often than early ones.
        let back = (seen as u64 * ((low * low) >> 32)) >> 32;
        let oldest = if self.pass == 0 { 0 } else { (self.slice + 1) % SLICES * self.length };
        let place = oldest + seen - 1 - back as usize;
        lane * self.width + if place < self.width { place } else { place - self.width }
    }
}
