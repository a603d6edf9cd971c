//! What the root keys are for: MACs of codes, sealed values, ids of guessable subjects.
//!
//! Every use has a key of its own, derived from a root key by HKDF (RFC 5869). The first
//! root key makes, all are tried on reading, so that keys rotate without losing anything
//! that still lives.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{self, Aad, LessSafeKey, UnboundKey};
use ring::hkdf::{self, HKDF_SHA256, Salt};
use ring::hmac;
use zeroize::Zeroizing;

use crate::config::NamedKey;
use crate::id::Id;
use crate::random;

/// The keys derived from `secrets.root_keys`.
pub struct Keyring {
    roots: Vec<Root>,
    subject: hmac::Key,
}

struct Root {
    id: String,
    code: hmac::Key,
    refresh: hmac::Key,
    reset: hmac::Key,
    seal: LessSafeKey,
}

/// What a sealed value is, bound to it as associated data: one cannot be passed for another.
#[derive(Clone, Copy, Debug)]
pub enum Sealed {
    /// The address of a candidate, in the record of the link.
    Recipient,
    /// A one-time code, in the job that mails it.
    Code,
    /// An invitation, in the job that mails it.
    Invitation,
    /// A reset link, in the job that mails it.
    Reset,
    /// What a user is told of a changed password, in the job that mails it.
    Notice,
    /// The address that was typed, in the job that decides whether a reset link is mailed.
    Forgot,
}

impl Keyring {
    /// Derives all keys. `keys` is not empty: the configuration has checked it.
    #[must_use]
    pub fn new(keys: &[NamedKey]) -> Self {
        let roots: Vec<Root> = keys.iter().map(Root::derive).collect();
        let subject = hmac::Key::new(hmac::HMAC_SHA256, &derive(&keys[0].bytes, b"vestibule subject v1")[..]);
        Self { roots, subject }
    }

    /// MAC of a code, under the first root key, as it is stored: `key:hex`.
    #[must_use]
    pub fn code_mac(&self, link: &Id, code: &str) -> String {
        self.roots[0].code_mac(link, code)
    }

    /// MACs of a code that is presented, one for each root key, separated by spaces.
    #[must_use]
    pub fn code_macs(&self, link: &Id, code: &str) -> String {
        let macs: Vec<String> = self.roots.iter().map(|root| root.code_mac(link, code)).collect();
        macs.join(" ")
    }

    /// Id of the root key that makes.
    #[must_use]
    pub fn first(&self) -> &str {
        &self.roots[0].id
    }

    /// Whether we have the root key of this id.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.roots.iter().any(|root| root.id == key)
    }

    /// MAC of a refresh token under the root key of this id; `None` where we lack that.
    #[must_use]
    pub fn refresh_mac(&self, key: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let root = self.roots.iter().find(|root| root.id == key)?;
        Some(mac(&root.refresh, parts))
    }

    /// Whether it is the MAC of a refresh token under any root key, told in constant time.
    #[must_use]
    pub fn is_refresh_mac(&self, parts: &[&[u8]], presented: &[u8]) -> bool {
        let message = message(parts);
        self.roots.iter().any(|root| hmac::verify(&root.refresh, &message, presented).is_ok())
    }

    /// The secret of a reset token: whoever makes it again from the same parts makes the
    /// same.
    #[must_use]
    pub fn reset_secret(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(&self.roots[0].reset, parts))
    }

    /// Id of a subject that could be guessed (an address, a name): an HMAC, so that the
    /// keyspace does not tell it. Rotating the first root key forgets what was counted.
    #[must_use]
    pub fn subject(&self, kind: &str, subject: &str) -> Id {
        let mut context = hmac::Context::with_key(&self.subject);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(subject.as_bytes());
        Id::first_of(context.sign().as_ref())
    }

    /// Seals `plain` (ChaCha20-Poly1305, RFC 8439) for `owner`: `key:base64url(nonce, box)`.
    #[must_use]
    pub fn seal(&self, what: Sealed, owner: &Id, plain: &[u8]) -> String {
        let root = &self.roots[0];
        let nonce: [u8; aead::NONCE_LEN] = random::name();
        let mut sealed = plain.to_vec();
        let nonce_value = aead::Nonce::assume_unique_for_key(nonce);
        root.seal
            .seal_in_place_append_tag(nonce_value, associated(what, owner), &mut sealed)
            .expect("a short message can be sealed");
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        format!("{}:{}", root.id, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens what [`Self::seal`] made for the same use and owner; `None` where it was not.
    #[must_use]
    pub fn open(&self, what: Sealed, owner: &Id, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (id, text) = sealed.split_once(':')?;
        let root = self.roots.iter().find(|root| root.id == id)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, boxed) = bytes.split_at_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut boxed = Zeroizing::new(boxed.to_vec());
        let length = root.seal.open_in_place(nonce, associated(what, owner), &mut boxed).ok()?.len();
        boxed.truncate(length);
        Some(boxed)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.roots.iter().map(|root| &root.id)).finish()
    }
}

impl Root {
    fn derive(key: &NamedKey) -> Self {
        let seal = UnboundKey::new(&aead::CHACHA20_POLY1305, &derive(&key.bytes, b"vestibule seal v1")[..])
            .expect("a derived key has the length of the algorithm");
        Self {
            id: key.id.clone(),
            code: mac_key(key, b"vestibule code v1"),
            refresh: mac_key(key, b"vestibule refresh v1"),
            reset: mac_key(key, b"vestibule reset v1"),
            seal: LessSafeKey::new(seal),
        }
    }

    /// 128 bits are kept: a MAC that nobody can compute needs no more, and a hash stays small.
    fn code_mac(&self, link: &Id, code: &str) -> String {
        let mut context = hmac::Context::with_key(&self.code);
        context.update(link.as_bytes());
        context.update(code.as_bytes());
        format!("{}:{}", self.id, Id::first_of(context.sign().as_ref()))
    }
}

fn associated(what: Sealed, owner: &Id) -> Aad<Vec<u8>> {
    let purpose = match what {
        Sealed::Recipient => 1,
        Sealed::Code => 2,
        Sealed::Invitation => 3,
        Sealed::Reset => 4,
        Sealed::Notice => 5,
        Sealed::Forgot => 6,
    };
    let mut bytes = vec![purpose];
    bytes.extend_from_slice(owner.as_bytes());
    Aad::from(bytes)
}

fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hmac::sign(key, &message(parts)).as_ref());
    bytes
}

/// Each part with its length before it: no two lists of parts are the same message.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes()[..], part].concat()).collect()
}

fn mac_key(root: &NamedKey, purpose: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &derive(&root.bytes, purpose)[..])
}

fn derive(root: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [purpose];
    Salt::new(HKDF_SHA256, b"vestibule")
        .extract(root)
        .expand(&info, HKDF_SHA256)
        .and_then(|okm: hkdf::Okm<'_, hkdf::Algorithm>| okm.fill(&mut key[..]))
        .expect("HKDF-SHA256 gives 32 bytes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> NamedKey {
        NamedKey { id: id.to_owned(), bytes: Zeroizing::new(vec![byte; 32]) }
    }

    #[test]
    fn a_sealed_value_opens_for_its_use_and_owner_alone() {
        let keyring = Keyring::new(&[key("a", 1)]);
        let (mine, other) = (Id::first_of(&[1; 16]), Id::first_of(&[2; 16]));
        let sealed = keyring.seal(Sealed::Code, &mine, b"123456");
        assert_eq!(keyring.open(Sealed::Code, &mine, &sealed).unwrap()[..], b"123456"[..]);
        assert!(keyring.open(Sealed::Code, &other, &sealed).is_none());
        let others = [Sealed::Recipient, Sealed::Invitation, Sealed::Reset, Sealed::Notice, Sealed::Forgot];
        assert!(others.iter().all(|other| keyring.open(*other, &mine, &sealed).is_none()));
        assert!(keyring.open(Sealed::Code, &mine, "a:AAAA").is_none());
    }

    #[test]
    fn an_older_root_key_still_reads_and_the_first_one_makes() {
        let id = Id::first_of(&[7; 16]);
        let old = Keyring::new(&[key("a", 1)]);
        let new = Keyring::new(&[key("b", 2), key("a", 1)]);
        let sealed = old.seal(Sealed::Code, &id, b"x");
        assert!(new.open(Sealed::Code, &id, &sealed).is_some());
        assert!(new.code_macs(&id, "000000").split(' ').any(|mac| mac == old.code_mac(&id, "000000")));
        assert!(new.code_mac(&id, "000000").starts_with("b:"));
    }
}
