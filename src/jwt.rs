//! HS256 tokens: signed with the first key, verified with the one that their `kid` names.

use std::fmt;
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::NamedKey;

/// The kinds of token. One never passes for another: `typ` and `aud` both tell.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// What verify-otp gives a candidate.
    Candidate,
    /// What a log-in gives a member (RFC 9068).
    Access,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Candidate => "candidate+jwt",
            Self::Access => "at+jwt",
        }
    }

    /// The `aud` claim.
    #[must_use]
    pub fn audience(self) -> &'static str {
        match self {
            Self::Candidate => "vestibule:candidate",
            Self::Access => "vestibule:api",
        }
    }
}

/// Signs and verifies.
pub struct Jwt {
    keys: Vec<Key>,
    issuer: String,
    leeway: Duration,
}

struct Key {
    id: String,
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Jwt {
    /// `keys` is not empty: the configuration has checked it. `leeway` is for the clocks
    /// of a fleet.
    #[must_use]
    pub fn new(keys: &[NamedKey], issuer: &str, leeway: Duration) -> Self {
        install_ring();
        let keys = keys
            .iter()
            .map(|key| Key {
                id: key.id.clone(),
                sign: EncodingKey::from_secret(&key.bytes),
                verify: DecodingKey::from_secret(&key.bytes),
            })
            .collect();
        Self { keys, issuer: issuer.to_owned(), leeway }
    }

    /// The `iss` claim.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs `claims` with the first key.
    #[must_use]
    pub fn sign(&self, kind: Kind, claims: &impl Serialize) -> String {
        let key = &self.keys[0];
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(kind.typ().to_owned());
        header.kid = Some(key.id.clone());
        jsonwebtoken::encode(&header, claims, &key.sign).expect("claims of ours are JSON, and HMAC does not fail")
    }

    /// The claims of a token of this kind that we made and that has not expired.
    #[must_use]
    pub fn verify<C: DeserializeOwned>(&self, kind: Kind, token: &str) -> Option<C> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.as_deref() != Some(kind.typ()) {
            return None;
        }
        let kid = header.kid?;
        let key = self.keys.iter().find(|key| key.id == kid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = self.leeway.as_secs();
        // No `nbf`: the clocks of a fleet differ.
        validation.validate_nbf = false;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[kind.audience()]);
        jsonwebtoken::decode(token, &key.verify, &validation).ok().map(|data| data.claims)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// Unix seconds by this node's clock, which tokens follow as every verifier of a JWT does; all
/// else follows Redis'.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Gives the JWT library ring's HMAC: one TLS and crypto provider for the whole program,
/// and none of the algorithms that nobody may choose.
fn install_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| match algorithm {
            Algorithm::HS256 => Ok(Box::new(Hs256::new(key.as_bytes())) as Box<dyn JwtSigner>),
            _ => refuse(),
        },
        verifier_factory: |algorithm, key| match algorithm {
            Algorithm::HS256 => Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)) as Box<dyn JwtVerifier>),
            _ => refuse(),
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| PROVIDER.install_default().expect("nobody else installs a provider"));
}

fn refuse<T>() -> JwtResult<T> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    use super::*;

    const LATER: u64 = 4_000_000_000;

    fn jwt(ids: &[(&str, u8)]) -> Jwt {
        let keys: Vec<NamedKey> = ids
            .iter()
            .map(|(id, byte)| NamedKey { id: (*id).to_owned(), bytes: Zeroizing::new(vec![*byte; 32]) })
            .collect();
        Jwt::new(&keys, "https://x.example", Duration::from_secs(30))
    }

    fn claims(change: &[(&str, Value)]) -> Value {
        let mut claims = json!({"iss": "https://x.example", "aud": "vestibule:candidate", "sub": "s", "exp": LATER});
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        claims
    }

    #[test]
    fn keys_rotate_and_strangers_are_refused() {
        let old = jwt(&[("a", 1)]);
        let token = old.sign(Kind::Candidate, &claims(&[]));
        assert!(jwt(&[("b", 2), ("a", 1)]).verify::<Value>(Kind::Candidate, &token).is_some());
        assert!(jwt(&[("b", 1)]).verify::<Value>(Kind::Candidate, &token).is_none(), "unknown kid");
        assert!(jwt(&[("a", 2)]).verify::<Value>(Kind::Candidate, &token).is_none(), "another key");
    }

    #[test]
    fn one_kind_does_not_pass_for_another() {
        let jwt = jwt(&[("a", 1)]);
        for (kind, other) in [(Kind::Candidate, Kind::Access), (Kind::Access, Kind::Candidate)] {
            for audience in [kind.audience(), other.audience()] {
                let token = jwt.sign(kind, &claims(&[("aud", json!(audience))]));
                assert!(jwt.verify::<Value>(other, &token).is_none(), "{kind:?} with {audience}");
            }
        }
    }

    #[test]
    fn a_claim_that_is_wrong_or_missing_is_refused() {
        let jwt = jwt(&[("a", 1)]);
        for change in [
            ("aud", json!("vestibule:api")),
            ("iss", json!("https://y.example")),
            ("exp", json!(1)),
            ("exp", Value::Null),
            ("sub", Value::Null),
            ("aud", Value::Null),
        ] {
            let token = jwt.sign(Kind::Candidate, &claims(std::slice::from_ref(&change)));
            assert!(jwt.verify::<Value>(Kind::Candidate, &token).is_none(), "{change:?}");
        }
    }

    #[test]
    fn another_header_over_the_same_claims_is_refused() {
        let jwt = jwt(&[("a", 1)]);
        let claims = claims(&[]);
        for header in [
            json!({"alg": "none", "typ": "candidate+jwt", "kid": "a"}),
            json!({"alg": "HS512", "typ": "candidate+jwt", "kid": "a"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "a"}),
            json!({"alg": "HS256", "kid": "a"}),
            json!({"alg": "HS256", "typ": "candidate+jwt"}),
        ] {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(&header), part(&claims));
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));
            assert!(jwt.verify::<Value>(Kind::Candidate, &token).is_none(), "{header}");
        }
    }
}
