//! HS256 tokens (RFC 7515, 7519): signed with the first key, verified with the one whose header they bear.
//!
//! A header of ours is one of a few texts: a token's is compared with those, and parsed only where it was written
//! otherwise. A library parsed it twice, and the claims as often; the tests hold this against one.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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
    hmac: hmac::Key,
    /// What tokens of each kind begin with, as far as the first dot.
    candidate: String,
    access: String,
}

/// Of a MAC.
const TAG_BYTES: usize = 32;
/// In base64url without padding, and room for the bits that its last character has too many.
const TAG_ROOM: usize = TAG_BYTES + 1;

/// The claims that every token of ours has, beside those that its kind has.
#[derive(Deserialize)]
struct Registered {
    iss: String,
    aud: String,
    #[serde(rename = "sub")]
    _sub: String,
    exp: u64,
}

impl Jwt {
    /// `keys` is not empty: the configuration has checked it. `leeway` is for the clocks
    /// of a fleet.
    #[must_use]
    pub fn new(keys: &[NamedKey], issuer: &str, leeway: Duration) -> Self {
        let keys = keys.iter().map(|key| Key {
            id: key.id.clone(),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &key.bytes),
            candidate: header(Kind::Candidate, &key.id),
            access: header(Kind::Access, &key.id),
        });
        Self { keys: keys.collect(), issuer: issuer.to_owned(), leeway }
    }

    /// The `iss` claim.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs `claims` with the first key.
    ///
    /// # Panics
    /// Where `claims` is no JSON, which claims of ours always are.
    #[must_use]
    pub fn sign(&self, kind: Kind, claims: &impl Serialize) -> String {
        let key = &self.keys[0];
        let claims = serde_json::to_vec(claims).expect("claims of ours are JSON");
        let mut token = format!("{}.", key.header(kind));
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let tag = hmac::sign(&key.hmac, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut token);
        token
    }

    /// The key of a header that says the same in other words.
    fn named(&self, kind: Kind, header: &str) -> Option<&Key> {
        let text = URL_SAFE_NO_PAD.decode(header).ok()?;
        let Header { typ, alg, kid } = serde_json::from_slice(&text).ok()?;
        let is_ours = alg == "HS256" && typ == kind.typ();
        self.keys.iter().find(|key| is_ours && key.id == kid)
    }

    /// The claims of a token of this kind that we made and that has not expired.
    ///
    /// No `nbf`: the clocks of a fleet differ.
    #[must_use]
    pub fn verify<C: DeserializeOwned>(&self, kind: Kind, token: &str) -> Option<C> {
        let (message, tag) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let key = self.keys.iter().find(|key| key.header(kind) == header).or_else(|| self.named(kind, header))?;
        let mut room = [0; TAG_ROOM];
        let length = URL_SAFE_NO_PAD.decode_slice(tag, &mut room).ok()?;
        // In constant time; a tag of another length is none.
        hmac::verify(&key.hmac, message.as_bytes(), &room[..length]).ok()?;

        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let told: Registered = serde_json::from_slice(&claims).ok()?;
        let lives = told.exp.saturating_add(self.leeway.as_secs()) >= now();
        let is_ours = told.iss == self.issuer && told.aud == kind.audience();
        if lives && is_ours { serde_json::from_slice(&claims).ok() } else { None }
    }
}

impl Key {
    fn header(&self, kind: Kind) -> &str {
        match kind {
            Kind::Candidate => &self.candidate,
            Kind::Access => &self.access,
        }
    }
}

/// All that a header of ours says.
#[derive(Deserialize, Serialize)]
struct Header<'a> {
    #[serde(borrow)]
    typ: Cow<'a, str>,
    alg: Cow<'a, str>,
    kid: Cow<'a, str>,
}

fn header(kind: Kind, kid: &str) -> String {
    let header = Header { typ: kind.typ().into(), alg: "HS256".into(), kid: kid.into() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).expect("three texts are JSON"))
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

#[cfg(test)]
mod tests {
    use std::sync::Once;

    use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
    use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
    use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
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
    fn a_library_reads_what_we_sign_and_writes_what_we_read() {
        install_ring();
        let (jwt, claims) = (jwt(&[("a", 1)]), claims(&[]));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&["https://x.example"]);
        validation.set_audience(&["vestibule:candidate"]);
        let ours = jwt.sign(Kind::Candidate, &claims);
        let read = jsonwebtoken::decode::<Value>(&ours, &DecodingKey::from_secret(&[1; 32]), &validation).unwrap();
        assert_eq!((read.header.kid.as_deref(), read.header.typ.as_deref()), (Some("a"), Some("candidate+jwt")));
        assert_eq!(read.claims, claims);

        let header = Header { typ: Some("candidate+jwt".to_owned()), kid: Some("a".to_owned()), ..Header::default() };
        let theirs = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&[1; 32])).unwrap();
        assert_eq!(jwt.verify::<Value>(Kind::Candidate, &theirs), Some(claims), "also what older nodes have signed");
    }

    #[test]
    fn no_other_text_is_a_token() {
        let jwt = jwt(&[("a", 1)]);
        let token = jwt.sign(Kind::Candidate, &claims(&[]));
        assert!(jwt.verify::<Value>(Kind::Candidate, &token).is_some());
        for at in 0..token.len() {
            for other in ["", "A", "-", "=", ".", "\0"] {
                let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                if changed != token {
                    assert!(jwt.verify::<Value>(Kind::Candidate, &changed).is_none(), "{other:?} at {at}");
                }
            }
        }
        let tag = token.rsplit_once('.').unwrap().1;
        for text in ["", ".", "..", "...", tag, &format!("{token}A"), &format!("{token}."), &format!(".{token}")] {
            assert!(jwt.verify::<Value>(Kind::Candidate, text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_clocks_of_a_fleet_may_differ_by_the_leeway() {
        let jwt = jwt(&[("a", 1)]);
        let is_good = |exp: u64| {
            let token = jwt.sign(Kind::Candidate, &claims(&[("exp", json!(exp))]));
            jwt.verify::<Value>(Kind::Candidate, &token).is_some()
        };
        // Of the 30 s; five are for a machine that stands still meanwhile.
        assert!(is_good(u64::MAX) && is_good(now() - 25));
        assert!(!is_good(now() - 31));
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

    /// Gives the library ring's HMAC.
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
}
