//! The token of a reset link.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::id::Id;
use crate::keyring::Keyring;
use crate::users::UserId;

/// 16 of the user, 32 that nobody can guess.
const BYTES: usize = 48;
/// Four characters of base64url for three bytes.
const CHARACTERS: usize = BYTES / 3 * 4;

/// A token out of a mail, in the clear. It cannot be printed; what is kept of it is its
/// digest.
pub(super) struct ResetToken {
    pub(super) user: UserId,
    secret: Zeroizing<[u8; 32]>,
}

impl ResetToken {
    /// Of a request for a reset, and of the password that it may replace: a job that is
    /// delivered twice mails the same one.
    pub(super) fn of_request(keyring: &Keyring, user: UserId, request: &str, password_version: i64) -> Self {
        let parts = [&user.as_bytes()[..], request.as_bytes(), &password_version.to_be_bytes()];
        Self { user, secret: keyring.reset_secret(&parts) }
    }

    /// Of a test recipient.
    pub(super) fn computed(user: UserId, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { user, secret }
    }

    /// Reads the text of a token; `None` for anything that does not look like one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        URL_SAFE_NO_PAD.decode_slice(text, &mut bytes[..]).ok()?;
        let (user, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { user: UserId::from_bytes(*user), secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    /// The text of the token, for the link.
    pub(super) fn expose(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes[..16].copy_from_slice(self.user.as_bytes());
        bytes[16..].copy_from_slice(&self.secret[..]);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]))
    }

    /// The first half of its SHA-256. Plain, for it needs no key: nobody guesses 256 bits.
    pub(super) fn digest(&self) -> Id {
        Id::first_of(digest(&SHA256, &self.secret[..]).as_ref())
    }
}

impl fmt::Debug for ResetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetToken(..)")
    }
}
