//! The operating system's CSPRNG.

use std::cell::RefCell;

use ring::rand::{SecureRandom as _, SystemRandom};

/// Bytes that nobody can foretell.
///
/// # Panics
/// Where the operating system gives no randomness: nothing safe can be done then.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Bytes that nobody can foretell, and that are no secret once they are used: names of decisions, requests and steps of
/// a trace, nonces of seals. They are drawn ahead, many at a time: a system call for each cost a request as much as its MACs.
///
/// # Panics
/// As [`bytes`].
#[must_use]
pub fn name<const N: usize>() -> [u8; N] {
    AHEAD.with_borrow_mut(|ahead| {
        let mut name = [0; N];
        for byte in &mut name {
            if ahead.used == AHEAD_BYTES {
                *ahead = Ahead { bytes: bytes(), used: 0 };
            }
            *byte = ahead.bytes[ahead.used];
            ahead.used += 1;
        }
        name
    })
}

/// 32 ids. More would save little: the call is then 1 in 32.
const AHEAD_BYTES: usize = 512;

struct Ahead {
    bytes: [u8; AHEAD_BYTES],
    used: usize,
}

thread_local! {
    // Of each thread its own: no two draw the same bytes, and nobody waits.
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; AHEAD_BYTES], used: AHEAD_BYTES }) };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_comes_twice_on_any_thread() {
        let names = || (0..1_000).map(|_| name::<16>()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(names)).collect();
        let all: HashSet<[u8; 16]> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.len(), 4_000);
        let odd: HashSet<[u8; 7]> = (0..1_000).map(|_| name()).collect();
        assert_eq!(odd.len(), 1_000, "also across the end of what was drawn");
    }
}
