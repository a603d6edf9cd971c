//! The session token: what verify-otp gives, and start asks for.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::jwt::{Jwt, Kind};

/// The claims of a candidate's token.
#[derive(Deserialize, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The interview.
    sub: String,
    /// Id of the link: the first half of its digest, which is public in the keyspace.
    lnk: String,
    jti: String,
    iat: u64,
    exp: u64,
}

/// What a token proves.
#[derive(Debug)]
pub(super) struct Session {
    /// The link that it was given for.
    pub(super) link: Id,
    /// Unix seconds.
    pub(super) expires: u64,
}

/// Signs a token for `link`, good for `seconds` from `now` (unix seconds of this node).
pub(super) fn sign(jwt: &Jwt, interview: String, link: &Id, nonce: &Id, now: u64, seconds: u64) -> String {
    let claims = Claims {
        iss: jwt.issuer().to_owned(),
        aud: Kind::Candidate.audience().to_owned(),
        sub: interview,
        lnk: link.to_string(),
        jti: nonce.to_string(),
        iat: now,
        exp: now + seconds,
    };
    jwt.sign(Kind::Candidate, &claims)
}

/// Reads a token; `None` where it is not a good one of ours.
pub(super) fn verify(jwt: &Jwt, token: &str) -> Option<Session> {
    let claims: Claims = jwt.verify(Kind::Candidate, token)?;
    Some(Session { link: Id::parse(&claims.lnk)?, expires: claims.exp })
}
