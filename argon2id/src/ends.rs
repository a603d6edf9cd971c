//! The two ends of a hash, which Blake2b makes: RFC 9106, sections 3.2 and 3.3.

use argon2::{Algorithm, Block, Params, Version};
use blake2::digest::array::Array;
use blake2::digest::block_api::{UpdateCore as _, VariableOutputCore as _};
use blake2::digest::block_buffer::LazyBuffer;
use blake2::{Blake2b512, Blake2bVarCore, Digest as _};
use zeroize::Zeroize as _;

use super::Input;

/// What a digest leaves of itself in a block, before it is hashed again.
const HALF: usize = 32;

/// Hashes what there is into the first two blocks of each lane.
pub(super) fn begin(memory: &mut [Block], params: &Params, input: Input<'_>, hash_bytes: usize) {
    let Input { secret, password, salt } = input;
    let mut first = Blake2b512::new();
    for number in [params.p_cost(), length(hash_bytes), params.m_cost(), params.t_cost()] {
        first.update(number.to_le_bytes());
    }
    for number in [Version::V0x13 as u32, Algorithm::Argon2id as u32] {
        first.update(number.to_le_bytes());
    }
    for text in [password, salt, secret, params.data()] {
        first.update(length(text.len()).to_le_bytes());
        first.update(text);
    }
    let mut first = first.finalize();
    let width = memory.len() / params.p_cost() as usize;
    for (lane, blocks) in (0_u32..).zip(memory.chunks_exact_mut(width)) {
        for (column, block) in (0_u32..).zip(&mut blocks[..2]) {
            lengthen(&[&first, &column.to_le_bytes(), &lane.to_le_bytes()], block);
        }
    }
    first.zeroize();
}

/// Hashes the last block of each lane into the hash, which has at most 64 bytes.
pub(super) fn finish(memory: &[Block], params: &Params, hash: &mut [u8]) {
    let width = memory.len() / params.p_cost() as usize;
    let mut last = Block::new();
    for lane in memory.chunks_exact(width) {
        last ^= &lane[width - 1];
    }
    let mut digest = Blake2bVarCore::new(hash.len()).expect("a hash is as long as a digest, at most");
    let mut waiting = LazyBuffer::new(&length(hash.len()).to_le_bytes());
    for word in last.as_ref() {
        waiting.digest_blocks(&word.to_le_bytes(), |blocks| digest.update_blocks(blocks));
    }
    let mut whole = Array::default();
    digest.finalize_variable_core(&mut waiting, &mut whole);
    hash.copy_from_slice(&whole[..hash.len()]);
    last.zeroize();
}

/// `H'` of so many bytes as a block has: half of each digest, and the whole of the last.
fn lengthen(texts: &[&[u8]], block: &mut Block) {
    let mut digest = Blake2b512::new();
    digest.update(length(Block::SIZE).to_le_bytes());
    for text in texts {
        digest.update(text);
    }
    let mut digest = digest.finalize();
    let mut bytes = [0; Block::SIZE];
    for start in (0..Block::SIZE - digest.len()).step_by(HALF) {
        bytes[start..start + HALF].copy_from_slice(&digest[..HALF]);
        digest = Blake2b512::digest(digest);
    }
    bytes[Block::SIZE - digest.len()..].copy_from_slice(&digest);
    for (word, bytes) in block.as_mut().iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    bytes.zeroize();
    digest.zeroize();
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("nothing that is hashed has 4 GiB")
}
