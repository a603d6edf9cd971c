//! How a hash is stored: the PHC string format, as far as Argon2id goes.

use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::config::{Accounts, HASH_ITERATIONS_MAX, HASH_LANES_MAX, HASH_MEMORY_MAX};

/// RFC 9106, section 3.1.
pub(super) const SALT_BYTES: usize = 16;
/// What we read: salts of the 8 bytes that RFC 9106 demands to the 64 that the PHC string format allows, hashes of 128
/// to 512 bits.
const SALT_BYTES_READ: std::ops::RangeInclusive<usize> = 8..=64;
const HASH_BYTES_READ: std::ops::RangeInclusive<usize> = 16..=64;

/// What one hash costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// KiB.
    pub memory: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Parts of it that could be computed side by side.
    pub lanes: u32,
}

/// A hash with all that is needed to compute it again, but the password and the pepper.
pub(super) struct Stored {
    pub(super) cost: Cost,
    /// The pepper's id.
    pub(super) keyid: Option<String>,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Cost {
    /// As configured.
    #[must_use]
    pub fn configured(settings: &Accounts) -> Self {
        Self { memory: settings.hash_memory, iterations: settings.hash_iterations, lanes: settings.hash_lanes }
    }

    pub(super) fn params(self, hash_bytes: usize) -> Params {
        Params::new(self.memory, self.iterations, self.lanes, Some(hash_bytes)).expect("the cost was checked")
    }
}

impl Stored {
    pub(super) fn params(&self) -> Params {
        self.cost.params(self.hash.len())
    }

    /// `$argon2id$v=19$m=19456,t=2,p=1,keyid=<base64>$<salt>$<hash>`
    pub(super) fn written(&self) -> String {
        let Cost { memory, iterations, lanes } = self.cost;
        let (name, version) = (Algorithm::Argon2id.as_str(), Version::V0x13 as u32);
        let keyid = self.keyid.as_ref().map(|id| format!(",keyid={}", BASE64.encode(id))).unwrap_or_default();
        let (salt, hash) = (BASE64.encode(&self.salt), BASE64.encode(&self.hash));
        format!("${name}$v={version}$m={memory},t={iterations},p={lanes}{keyid}${salt}${hash}")
    }

    /// The other way round. Costs are bounded, since a hash is computed before anybody knows whether it is right.
    ///
    /// # Errors
    /// Why not, as `is not Argon2id`; never what is stored.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "argon2id", "v=19", parameters, salt, hash] = parts[..] else {
            return Err("is not Argon2id, version 19, in the PHC string format");
        };
        let (cost, keyid) = Self::parameters(parameters).ok_or("has parameters that are not m, t, p and keyid")?;
        let bounded = cost.memory <= HASH_MEMORY_MAX
            && (1..=HASH_ITERATIONS_MAX).contains(&cost.iterations)
            && (1..=HASH_LANES_MAX).contains(&cost.lanes);
        if !bounded || Params::new(cost.memory, cost.iterations, cost.lanes, None).is_err() {
            return Err("has a cost that is out of bounds");
        }
        let bytes = |text: &str, range: std::ops::RangeInclusive<usize>| {
            let bytes = BASE64.decode(text).ok()?;
            range.contains(&bytes.len()).then_some(bytes)
        };
        let salt = bytes(salt, SALT_BYTES_READ).ok_or("has a bad salt")?;
        let hash = bytes(hash, HASH_BYTES_READ).ok_or("has a bad end")?;
        Ok(Self { cost, keyid, salt, hash })
    }

    fn parameters(text: &str) -> Option<(Cost, Option<String>)> {
        let mut parts = text.split(',');
        let mut number = |name: &str| {
            let digits = parts.next()?.strip_prefix(name)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok())?
        };
        let cost = Cost { memory: number("m=")?, iterations: number("t=")?, lanes: number("p=")? };
        let keyid = match parts.next() {
            None => None,
            Some(part) => {
                let id = BASE64.decode(part.strip_prefix("keyid=")?).ok()?;
                Some(String::from_utf8(id).ok()?)
            }
        };
        parts.next().is_none().then_some((cost, keyid))
    }
}
