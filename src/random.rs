//! The operating system's CSPRNG.

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
