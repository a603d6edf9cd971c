//! What a queued mail carries: sealed, for a queue is readable to whoever can read Redis.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::Id;
use crate::keyring::{Keyring, Sealed};

/// The secret half of a code mail; address, name and position stand beside it.
#[derive(Deserialize, Serialize)]
#[expect(missing_debug_implementations, reason = "holds a code")]
pub struct CodeJob<T = String> {
    /// The code.
    pub code: T,
    /// How long it works.
    pub minutes: u64,
}

/// All of an invitation.
#[derive(Deserialize, Serialize)]
#[expect(missing_debug_implementations, reason = "holds a link")]
pub struct InvitationJob {
    /// The recipient's address.
    pub to: String,
    /// The candidate's.
    pub name: String,
    /// What the interview is for.
    pub position: String,
    /// Length of the interview.
    pub minutes: u64,
    /// Holds the link's token.
    pub join_url: String,
    /// Unix seconds.
    pub expires: i64,
}

impl<T: Serialize> CodeJob<T> {
    /// Seals it for the link.
    #[must_use]
    pub fn seal(&self, keyring: &Keyring, link: &Id) -> String {
        seal(keyring, Sealed::Code, link, self)
    }
}

impl CodeJob {
    pub(super) fn open(keyring: &Keyring, link: &Id, sealed: &str) -> Option<Self> {
        open(keyring, Sealed::Code, link, sealed)
    }
}

impl InvitationJob {
    /// Seals it for the link.
    #[must_use]
    pub fn seal(&self, keyring: &Keyring, link: &Id) -> String {
        seal(keyring, Sealed::Invitation, link, self)
    }

    pub(super) fn open(keyring: &Keyring, link: &Id, sealed: &str) -> Option<Self> {
        open(keyring, Sealed::Invitation, link, sealed)
    }
}

fn seal(keyring: &Keyring, what: Sealed, link: &Id, job: &impl Serialize) -> String {
    let json = Zeroizing::new(serde_json::to_vec(job).expect("structs of ours are JSON"));
    keyring.seal(what, link, &json)
}

fn open<J: DeserializeOwned>(keyring: &Keyring, what: Sealed, link: &Id, sealed: &str) -> Option<J> {
    serde_json::from_slice(&keyring.open(what, link, sealed)?).ok()
}
