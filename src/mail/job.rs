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

/// All of a mail with a reset link.
#[derive(Deserialize, Serialize)]
#[expect(missing_debug_implementations, reason = "holds a link that lets its bearer set the password")]
pub struct ResetJob {
    /// The recipient's address.
    pub to: String,
    /// The user's.
    pub username: String,
    /// Holds the token, in its fragment.
    pub url: String,
    /// How long it works.
    pub minutes: u64,
}

/// All of a mail about a changed password.
#[derive(Deserialize, Serialize)]
#[expect(missing_debug_implementations, reason = "holds an address")]
pub struct NoticeJob {
    /// The recipient's address.
    pub to: String,
    /// The user's.
    pub username: String,
    /// Unix seconds.
    pub changed: i64,
    /// The page where a reset is asked for.
    pub forgot_url: String,
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

impl ResetJob {
    /// Seals it for the user.
    #[must_use]
    pub fn seal(&self, keyring: &Keyring, user: &Id) -> String {
        seal(keyring, Sealed::Reset, user, self)
    }

    pub(super) fn open(keyring: &Keyring, user: &Id, sealed: &str) -> Option<Self> {
        open(keyring, Sealed::Reset, user, sealed)
    }
}

impl NoticeJob {
    /// Seals it for the user.
    #[must_use]
    pub fn seal(&self, keyring: &Keyring, user: &Id) -> String {
        seal(keyring, Sealed::Notice, user, self)
    }

    pub(super) fn open(keyring: &Keyring, user: &Id, sealed: &str) -> Option<Self> {
        open(keyring, Sealed::Notice, user, sealed)
    }
}

fn seal(keyring: &Keyring, what: Sealed, owner: &Id, job: &impl Serialize) -> String {
    let json = Zeroizing::new(serde_json::to_vec(job).expect("structs of ours are JSON"));
    keyring.seal(what, owner, &json)
}

fn open<J: DeserializeOwned>(keyring: &Keyring, what: Sealed, owner: &Id, sealed: &str) -> Option<J> {
    serde_json::from_slice(&keyring.open(what, owner, sealed)?).ok()
}
