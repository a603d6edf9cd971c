//! One-time codes and their marks.

use std::fmt;

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::id::Id;
use crate::random;

/// Six digits, in the clear. It cannot be printed or compared; Redis holds its MAC.
pub struct OtpCode(Zeroizing<String>);

impl OtpCode {
    /// A fresh one, uniform over 000000 to 999999.
    #[must_use]
    pub fn fresh() -> Self {
        /// The largest multiple of a million that 32 bits hold: what lies above would
        /// make low codes likelier, and is drawn again.
        const FAIR: u32 = u32::MAX / 1_000_000 * 1_000_000;
        loop {
            let number = u32::from_be_bytes(random::bytes());
            if number < FAIR {
                return Self(Zeroizing::new(format!("{:06}", number % 1_000_000)));
            }
        }
    }

    /// Reads exactly six ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let six = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        six.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The digits, for the MAC and the mail.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(..)")
    }
}

/// The public mark of a code, "K7Q": the mail repeats it, so that a person with several
/// mails knows which one to read.
#[derive(Clone, Debug)]
pub struct Reference(String);

impl Reference {
    /// The mark of the code that the decision `nonce` makes. It tells nothing of the code.
    #[must_use]
    pub fn of(nonce: &Id) -> Self {
        /// No vowels, so that no words come up; no 0, 1, I, L, O, which look alike.
        const ALPHABET: &[u8; 27] = b"BCDFGHJKMNPQRSTVWXZ23456789";
        let hash = digest(&SHA256, nonce.as_bytes());
        let mark = hash.as_ref()[..3].iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        Self(mark.collect())
    }

    /// Its three characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_ascii_digits_are_a_code_and_nothing_else_is() {
        for text in ["000000", "123456", "999999"] {
            assert_eq!(OtpCode::parse(text).unwrap().expose(), text);
        }
        for text in ["", "12345", "1234567", " 12345", "12345a", "-12345", "١٢٣٤٥٦", "１２３４５６", "12345\u{0}"]
        {
            assert!(OtpCode::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn fresh_codes_are_spread_evenly_over_the_first_digit() {
        // 1,000 each are expected, with a standard deviation of 30: 300 away is 10 of them.
        let mut seen = [0; 10];
        for _ in 0..10_000 {
            let code = OtpCode::fresh();
            assert!(OtpCode::parse(code.expose()).is_some());
            seen[usize::from(code.expose().as_bytes()[0] - b'0')] += 1;
        }
        assert!(seen.iter().all(|count| (700..1_300).contains(count)), "{seen:?}");
    }
}
