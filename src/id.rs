//! A 128-bit id: of a link, of a client, of one decision.

use std::fmt;

use crate::random;

/// 128 bits, written as 32 hex digits.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Id([u8; 16]);

impl Id {
    /// The first 128 bits of a digest or MAC, which has at least that many.
    #[must_use]
    pub fn first_of(digest: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }

    /// A nonce, which names one decision.
    #[must_use]
    pub fn nonce() -> Self {
        Self(random::name())
    }

    /// Reads 32 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !plain {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|bits| Self(bits.to_be_bytes()))
    }

    /// Its text, in room that the caller has.
    #[must_use]
    pub fn write<'a>(&self, room: &'a mut [u8; 32]) -> &'a str {
        hex(&self.0, room)
    }

    /// The bits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Two lower-case hex digits for each byte, in as much room.
pub(crate) fn hex<'a>(bytes: &[u8], room: &'a mut [u8]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (digits, byte) in room.chunks_exact_mut(2).zip(bytes) {
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    str::from_utf8(room).expect("hex digits are text")
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; 32]))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
