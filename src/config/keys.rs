//! The keys that everything secret hangs on, and the tokens that one of them signs.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::parse::{self, MINUTE, Wrong};
use super::reader::{Key, Reader};

// The examples do not decode, on purpose: a key that stands in the source is nobody's.
const ROOT_KEYS: Key = Key::required(
    "secrets.root_keys",
    "k1:BASE64",
    "the keys that codes, tokens and sealed mail hang on, the newest first",
)
.secret();
const JWT_KEYS: Key =
    Key::required("secrets.jwt_keys", "j1:BASE64", "the keys that sign session tokens, the newest first").secret();
const PEPPER_KEYS: Key = Key::optional(
    "secrets.pepper_keys",
    "p1:BASE64",
    "the keys without which a stolen password hash is worth nothing, the newest first",
)
.secret();
/// The clocks of a fleet under NTP are within a second; one that lost it for a day drifts by some seconds.
const LEEWAY: Key = Key::new("jwt.leeway", "30s", "how far the fleet's clocks may be apart");

/// 32 bytes: the output of SHA-256, below which an HMAC key weakens it.
const KEY_BYTES_MIN: usize = 32;
/// Each wrong code costs a MAC per root key; a rotation needs two.
const KEYS_MAX: usize = 8;
const ID_MAX: usize = 16;
/// A password's hash names its pepper in `keyid`, which the PHC string format gives 8 bytes.
const PEPPER_ID_MAX: usize = 8;

/// Standard alphabet; the URL-safe one is translated to it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that a fleet shares.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The first derives, all are tried on reading; never empty.
    pub root_keys: Vec<NamedKey>,
    /// The first signs, all verify; never empty.
    pub jwt_keys: Vec<NamedKey>,
    /// The first makes, all verify; may be empty.
    pub pepper_keys: Vec<NamedKey>,
}

/// A key with the name that says which one was used.
#[derive(Clone)]
pub struct NamedKey {
    /// Public: it stands in tokens and beside MACs.
    pub id: String,
    /// 32 or more.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Session tokens.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// How far the fleet's clocks may be apart.
    pub leeway: Duration,
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Jwt {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { leeway: reader.text(&LEEWAY, parse::duration(Duration::ZERO..=5 * MINUTE)) }
    }
}

impl Secrets {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let secrets = Self {
            root_keys: keys(reader, &ROOT_KEYS, ID_MAX),
            jwt_keys: keys(reader, &JWT_KEYS, ID_MAX),
            pepper_keys: keys(reader, &PEPPER_KEYS, PEPPER_ID_MAX),
        };
        let mut apart = |here: (&Key, &[NamedKey]), there: (&Key, &[NamedKey])| {
            let stands_there = |key: &NamedKey| there.1.iter().any(|other| other.bytes == key.bytes);
            let wrong = Wrong::new(
                format!("a key of {} stands here, too", there.0.name),
                "one key, one use: make another with `vestibule keygen`",
            );
            reader.check(here.0, there.0, !here.1.iter().any(stands_there), wrong);
        };
        let root = (&ROOT_KEYS, &secrets.root_keys[..]);
        let jwt = (&JWT_KEYS, &secrets.jwt_keys[..]);
        let pepper = (&PEPPER_KEYS, &secrets.pepper_keys[..]);
        apart(jwt, root);
        apart(pepper, root);
        apart(pepper, jwt);
        secrets
    }
}

fn keys(reader: &mut Reader, key: &Key, id_max: usize) -> Vec<NamedKey> {
    let keys = reader.list(key, |text| named_key(text, id_max));
    if keys.len() > KEYS_MAX {
        let right = format!("keep {KEYS_MAX} at most, the newest");
        reader.refuse(key, format!("has {} keys", keys.len()), right);
    }
    let mut ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < keys.len() {
        let right = "give every key an id of its own".to_owned();
        reader.refuse(key, "has two keys of the same id".to_owned(), right);
    }
    keys
}

fn named_key(text: &str, id_max: usize) -> Result<NamedKey, Wrong> {
    let right = "write id:base64, as `vestibule keygen` prints it";
    let Some((id, base64)) = text.split_once(':') else {
        return Err(Wrong::new("has no id", right));
    };
    let takes = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !(1..=id_max).contains(&id.len()) || !id.bytes().all(takes) {
        return Err(Wrong::new(format!("has an id that is not 1 to {id_max} of A-Z, a-z, 0-9, _ and -"), right));
    }
    let standard = base64.chars().map(|c| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    });
    let standard: Zeroizing<String> = Zeroizing::new(standard.collect());
    let Ok(bytes) = BASE64.decode(standard.as_bytes()).map(Zeroizing::new) else {
        return Err(Wrong::new("is not base64", right));
    };
    if bytes.len() < KEY_BYTES_MIN {
        return Err(Wrong::new(format!("has fewer than {KEY_BYTES_MIN} bytes"), right));
    }
    Ok(NamedKey { id: id.to_owned(), bytes })
}
