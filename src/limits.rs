//! Limits on a client's address, and the permission that they give.

use std::time::Duration;

use crate::config;
use crate::fault::Fault;
use crate::id::Id;
use crate::keyring::Keyring;
use crate::redis::{Keys, Redis, scripts};

/// The limits that are counted for a client. The enum is the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// All candidate endpoints together.
    CandidateIp,
}

impl Limit {
    /// Every one of them.
    pub const ALL: [Self; 1] = [Self::CandidateIp];

    /// Its name in the contract, the configuration, the headers and the keyspace.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CandidateIp => "candidate_ip",
        }
    }
}

/// A client, as limits see it: its address, or its /64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// What is counted. Never stored: the key holds an HMAC of it.
    pub exact: String,
    /// What the engineer may read beside the counters.
    pub masked: String,
}

/// Proof that the client's limit was asked. Only [`Limits::admit`] makes one; what costs
/// something asks for it.
#[derive(Debug)]
pub struct Permit(());

/// A limit that applies to an endpoint, for the `RateLimit-Policy` header.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Name of the limit.
    pub name: &'static str,
    /// Requests in any window.
    pub max: u64,
    /// The window, where the limit has one.
    pub window: Option<Duration>,
}

/// Where a caller stands with a limit, for the `RateLimit` header.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Name of the limit.
    pub name: &'static str,
    /// Requests left now.
    pub remaining: u64,
    /// Until more are left.
    pub reset: Duration,
}

/// What a limit says.
#[derive(Debug)]
pub enum Admission {
    /// Go on.
    Admitted(Permit, Standing),
    /// Not before the reset.
    Refused(Standing),
}

/// Counts clients in Redis.
#[derive(Debug)]
pub struct Limits {
    redis: Redis,
    keys: Keys,
    settings: config::Limits,
}

impl Limits {
    /// Limits of these settings, counted through this client.
    #[must_use]
    pub fn new(redis: Redis, keys: Keys, settings: config::Limits) -> Self {
        Self { redis, keys, settings }
    }

    /// The limit, as the headers tell it.
    #[must_use]
    pub fn policy(&self, limit: Limit) -> Policy {
        let rate = self.rate(limit);
        Policy { name: limit.name(), max: u64::from(rate.max), window: Some(rate.window) }
    }

    fn rate(&self, limit: Limit) -> config::Rate {
        match limit {
            Limit::CandidateIp => self.settings.candidate_ip,
        }
    }

    /// Counts one request of `subject`.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say: the request is then refused, never let through.
    pub async fn admit(&self, limit: Limit, keyring: &Keyring, subject: &Subject) -> Result<Admission, Fault> {
        let window = self.rate(limit);
        let key = self.keys.client(limit.name(), &keyring.subject(limit.name(), &subject.exact));
        let args = [window.max.into(), window.window.into(), subject.masked.as_str().into(), Id::nonce().into()];
        let reply = self.redis.decide(&scripts::ADMIT, [&key], args).await?;
        let standing = Standing {
            name: limit.name(),
            remaining: reply.number(0)?,
            reset: Duration::from_millis(reply.number(1)?),
        };
        match reply.word() {
            "admitted" => Ok(Admission::Admitted(Permit(()), standing)),
            "refused" => Ok(Admission::Refused(standing)),
            _ => Err(reply.surprise()),
        }
    }
}
