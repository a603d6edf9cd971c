//! JSON Web Tokens, taken apart and forged.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;

/// What stands behind [`JWT_KEY`](super::app::JWT_KEY).
pub(crate) const SECRET: [u8; 32] = [b'j'; 32];

/// Header and claims of a token, unverified.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let [header, claims, _] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token} is no JWT") };
    (read(header), read(claims))
}

/// A token over these parts, signed with this key.
pub(crate) fn forge(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    signed(&format!("{}.{}", part(header), part(claims)), secret)
}

/// Header and claims as they are written, and their signature by this key.
pub(crate) fn signed(message: &str, secret: &[u8]) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// `object` with one member otherwise.
pub(crate) fn with(object: &Value, member: &str, value: &Value) -> Value {
    let mut changed = object.clone();
    changed[member] = value.clone();
    changed
}

/// Unix seconds of the nodes' clock.
pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
