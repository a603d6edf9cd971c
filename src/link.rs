//! The invitation token: the credential that is a candidate's link.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::id::Id;
use crate::random;

/// How long what Redis knows of a link outlives it.
pub const KEEP: Duration = Duration::from_secs(24 * 3_600);

/// 192 bits: more than the 128 that are promised, and 32 characters without padding.
const BYTES: usize = 24;
/// Four characters of base64url for three bytes.
const CHARACTERS: usize = BYTES / 3 * 4;

/// A token out of a link, in the clear. It cannot be printed or compared; what is kept
/// of it is its [`LinkToken::digest`].
#[derive(Clone)]
pub struct LinkToken(Zeroizing<[u8; BYTES]>);

impl LinkToken {
    /// How many it has.
    pub(crate) const BYTES: usize = BYTES;

    /// A new one, from the CSPRNG.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// Reads the text of a token; `None` for anything that was never issued.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        URL_SAFE_NO_PAD.decode_slice(text, &mut bytes[..]).ok()?;
        Some(Self(bytes))
    }

    /// Of bytes that are random enough.
    pub(crate) fn of(bytes: [u8; BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What its text is made of.
    pub(crate) fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// The text of the token, for the link that is mailed.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&self.0[..]))
    }

    /// SHA-256 of the token's text. Plain, for it needs no key: nobody guesses 192 bits.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.expose().as_bytes()).as_ref());
        bytes
    }

    /// The id of the link in Redis: the first half of its digest.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::first_of(&self.digest())
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let token = LinkToken::fresh();
        let again = LinkToken::parse(&token.expose()).unwrap();
        assert_eq!(token.digest(), again.digest());
        assert_eq!(format!("{token:?}"), "LinkToken(..)");
    }

    #[test]
    fn what_was_never_issued_does_not_parse() {
        for text in ["", "short", &"=".repeat(32), &"A".repeat(33), &"é".repeat(16), &"A%2f".repeat(8)] {
            assert!(LinkToken::parse(text).is_none(), "{text:?}");
        }
    }
}
