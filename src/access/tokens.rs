//! The two tokens of a session.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::jwt::{self, Jwt, Kind};
use crate::keyring::Keyring;
use crate::users::UserId;

/// The claims of an access token.
#[derive(Deserialize, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The user.
    sub: String,
    /// The session.
    sid: String,
    jti: String,
    iat: u64,
    exp: u64,
}

/// Signs an access token that is good for `life` from now, by this node's clock.
pub(super) fn sign(jwt: &Jwt, user: UserId, session: &Id, life: Duration) -> String {
    let now = jwt::now();
    let claims = Claims {
        iss: jwt.issuer().to_owned(),
        aud: Kind::Access.audience().to_owned(),
        sub: user.to_string(),
        sid: session.to_string(),
        jti: Id::nonce().to_string(),
        iat: now,
        exp: now + life.as_secs(),
    };
    jwt.sign(Kind::Access, &claims)
}

/// The user and the session of a good access token.
pub(super) fn verify(jwt: &Jwt, token: &str) -> Option<(UserId, Id)> {
    let claims: Claims = jwt.verify(Kind::Access, token)?;
    Some((UserId::parse(&claims.sub)?, Id::parse(&claims.sid)?))
}

/// 16 of the user, 16 of the session, 4 of the generation, 32 of the MAC.
const BYTES: usize = 68;
/// Base64url without padding.
const CHARACTERS: usize = (BYTES * 4).div_ceil(3);

/// A refresh token. Who it belongs to can be read from it, whether it is ours only with
/// the salt of the session. It cannot be printed.
pub struct RefreshToken {
    pub(super) user: UserId,
    pub(super) session: Id,
    pub(super) generation: u32,
    mac: [u8; 32],
}

impl RefreshToken {
    /// Reads the text of a token; `None` for anything that does not look like one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARACTERS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (user, rest) = bytes.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        Some(Self {
            user: UserId::from_bytes(*user),
            session: Id::first_of(session),
            generation: u32::from_be_bytes(*generation),
            mac: rest.try_into().ok()?,
        })
    }

    /// The token of a generation. It can be made again, as long as the session lives.
    pub(super) fn make(
        keyring: &Keyring,
        key: &str,
        salt: &str,
        user: UserId,
        session: Id,
        generation: u32,
    ) -> Option<Self> {
        let mut token = Self { user, session, generation, mac: [0; 32] };
        token.mac = keyring.refresh_mac(key, &token.parts(salt).each_ref().map(Vec::as_slice))?;
        Some(token)
    }

    /// Whether we made it, for the session of this salt, with any of our root keys.
    pub(super) fn is_ours(&self, keyring: &Keyring, salt: &str) -> bool {
        keyring.is_refresh_mac(&self.parts(salt).each_ref().map(Vec::as_slice), &self.mac)
    }

    fn parts(&self, salt: &str) -> [Vec<u8>; 4] {
        let Self { user, session, generation, .. } = self;
        [user.as_bytes().to_vec(), session.as_bytes().to_vec(), generation.to_be_bytes().to_vec(), salt.into()]
    }

    /// The text of the token, for its holder.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(self.user.as_bytes());
        bytes.extend_from_slice(self.session.as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}
