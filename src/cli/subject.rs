//! What an engineer has been given, told apart by its shape, and its keys in Redis.

use std::io::Read as _;
use std::net::IpAddr;

use uuid::Uuid;

use super::Failure;
use crate::config::Config;
use crate::id::Id;
use crate::keyring::Keyring;
use crate::limits::{FORGOT_EMAIL, LOGIN_ACCOUNT, Limit, Subject};
use crate::link::LinkToken;
use crate::redis::{Key, Keys};
use crate::users::Login;

/// What `explain` and `unlock` are about.
pub(super) enum Asked {
    /// A join link, its token, or the id of the link.
    Link(Id),
    /// The id of an interview or of a user, as the log has it.
    Uuid(Uuid),
    /// A client, as the log has it.
    Client(IpAddr),
    /// A username or an address, as it is typed.
    Login(Login),
    /// Work that waits, of everybody.
    Outbox,
}

impl Asked {
    /// Of the argument, or of standard input where that is left out: a token then stays out of the shell's history.
    pub(super) fn read(argument: Option<String>) -> Result<Self, Failure> {
        let text = argument.map_or_else(standard_input, Ok)?;
        Self::of(text.trim()).ok_or_else(|| {
            Failure::usage(
                "give a join link or its token, the id of a link (32 hex digits), of an interview or of a user, a \
                 client's address, or a username or e-mail address",
            )
        })
    }

    fn of(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        // 32 hex digits would do for a token too, of which none in 16 million million million million is so.
        if let Some(id) = Id::parse(text) {
            return Some(Self::Link(id));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Client(address.to_canonical()));
        }
        if let Ok(id) = text.parse() {
            return Some(Self::Uuid(id));
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        let token = last.split(['?', '#']).next().unwrap_or_default();
        match LinkToken::parse(token) {
            Some(token) => Some(Self::Link(token.id())),
            // No name and no address has a slash, and none is so long.
            None if text.contains('/') || text.len() > LOGIN_BYTES_MAX => None,
            None if text == "outbox" => Some(Self::Outbox),
            None => Some(Self::Login(Login::of(text))),
        }
    }
}

/// An address has 254 at most.
const LOGIN_BYTES_MAX: usize = 254;

fn standard_input() -> Result<String, Failure> {
    /// Far longer than any link.
    const BYTES_MAX: u64 = 4_096;
    let mut text = String::new();
    let read = std::io::stdin().take(BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// The names of keys whose subjects could be guessed.
pub(super) struct Names {
    keys: Keys,
    keyring: Keyring,
}

impl Names {
    pub(super) fn new(config: &Config, keys: &Keys) -> Self {
        Self { keys: keys.clone(), keyring: Keyring::new(&config.secrets.root_keys) }
    }

    /// What is counted of a name that is typed.
    pub(super) fn of_login(&self, login: &Login) -> [Key; 2] {
        [LOGIN_ACCOUNT, FORGOT_EMAIL].map(|limit| self.keys.limit(limit, &self.keyring.subject(limit, login.key())))
    }

    /// The id by which the trail has what was tried under a name.
    pub(super) fn in_trail(&self, login: &Login) -> Id {
        self.keyring.subject(LOGIN_ACCOUNT, login.key())
    }

    /// What is counted of a client.
    pub(super) fn of_client(&self, address: IpAddr) -> [Key; 5] {
        let exact = Subject::of(address).exact;
        Limit::ALL.map(|limit| self.keys.limit(limit.name(), &self.keyring.subject(limit.name(), &exact)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_told_apart_by_its_shape() {
        let token = "KQmVvDXAM9DdloZ2MUqo8FrQZ4VvAzQa";
        let shape = |text: &str| match Asked::of(text) {
            Some(Asked::Link(_)) => "link",
            Some(Asked::Uuid(_)) => "uuid",
            Some(Asked::Client(_)) => "client",
            Some(Asked::Login(_)) => "login",
            Some(Asked::Outbox) => "outbox",
            None => "nothing",
        };
        for (text, expected) in [
            (token, "link"),
            (&format!("https://x.example/interview/join/{token}?from=mail#top"), "link"),
            ("000102030405060708090a0b0c0d0e1c", "link"),
            ("019f21e1-0000-7000-8000-000000000000", "uuid"),
            ("203.0.113.9", "client"),
            ("2001:db8::1", "client"),
            ("ada", "login"),
            ("ada@example.com", "login"),
            ("outbox", "outbox"),
            ("https://x.example/interview/join/short", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }
}
