//! Limits on a client's address and on a name that is typed, and the permission that they give.

mod login;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

pub use self::login::{Tried, Try};

use crate::config;
use crate::fault::Fault;
use crate::id::Id;
use crate::keyring::Keyring;
use crate::redis::{Key, Keys, Redis, Script, scripts};
use crate::users::{Login, UserId};

/// The limits that are counted for a client. The enum is the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// All candidate endpoints together.
    CandidateIp,
    /// Wrong tries to log in.
    LoginIp,
    /// Accounts that are made.
    SignupIp,
    /// Requests for a reset.
    ForgotIp,
    /// Resets.
    ResetIp,
}

impl Limit {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::CandidateIp, Self::LoginIp, Self::SignupIp, Self::ForgotIp, Self::ResetIp];

    /// Its name in the contract, the configuration, the headers and the keyspace.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CandidateIp => "candidate_ip",
            Self::LoginIp => "login_ip",
            Self::SignupIp => "signup_ip",
            Self::ForgotIp => "forgot_ip",
            Self::ResetIp => "reset_ip",
        }
    }
}

/// The limit on a name that is typed at log-in, known or not.
pub const LOGIN_ACCOUNT: &str = "login_account";
/// The limit on an address that a reset is asked for, known or not.
pub const FORGOT_EMAIL: &str = "forgot_email";
/// The limit on invitations that a user has mailed.
pub const INVITE_USER: &str = "invite_user";
/// The limit on codes that a link is sent.
pub const OTP_REQUEST: &str = "otp_request";
/// The limit on wrong codes of a link.
pub const OTP_ATTEMPT: &str = "otp_attempt";

/// A client, as limits see it: its address, or its /64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// What is counted. Never stored: the key holds an HMAC of it.
    pub exact: String,
    /// What the engineer may read beside the counters.
    pub masked: String,
}

impl Subject {
    /// An IPv4 address, or the /64 of an IPv6 one, which is what a single customer is given.
    #[must_use]
    pub fn of(client: IpAddr) -> Self {
        match client {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self { exact: address.to_string(), masked: format!("{a}.{b}.{c}.*") }
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                let network = |d| Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
                Self { exact: format!("{}/64", network(d)), masked: format!("{}/48", network(0)) }
            }
        }
    }
}

/// Proof that the client's limit was asked. Only [`Limits::admit`] makes one; what costs
/// something asks for it.
#[derive(Debug)]
pub struct Permit {
    key: Key,
    nonce: Id,
}

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
    /// Not before the reset; whether that is news, for limits that are counted exactly.
    Refused(Standing, bool),
}

/// Counts in Redis.
#[derive(Clone, Debug)]
pub struct Limits {
    redis: Redis,
    keys: Keys,
    keyring: Arc<Keyring>,
    settings: config::Limits,
}

impl Limits {
    /// Limits of these settings, counted through this client.
    #[must_use]
    pub fn new(redis: Redis, keys: Keys, keyring: Arc<Keyring>, settings: config::Limits) -> Self {
        let others = [LOGIN_ACCOUNT, FORGOT_EMAIL, INVITE_USER, OTP_REQUEST, OTP_ATTEMPT];
        redis.metrics().may_refuse(Limit::ALL.map(Limit::name).into_iter().chain(others));
        Self { redis, keys, keyring, settings }
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
            Limit::LoginIp => self.settings.login_ip,
            Limit::SignupIp => self.settings.signup_ip,
            Limit::ForgotIp => self.settings.forgot_ip,
            Limit::ResetIp => self.settings.reset_ip,
        }
    }

    /// Counts one request of `subject`.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say: the request is then refused, never let through.
    pub async fn admit(&self, limit: Limit, subject: &Subject) -> Result<Admission, Fault> {
        let id = self.keyring.subject(limit.name(), &subject.exact);
        // A page polls, and is counted in sub-windows; what is rare is counted to the millisecond.
        let script = match limit {
            Limit::CandidateIp => &scripts::ADMIT,
            Limit::LoginIp | Limit::SignupIp | Limit::ForgotIp | Limit::ResetIp => &scripts::ADMIT_EXACT,
        };
        self.count(script, limit.name(), self.rate(limit), &id, &subject.masked).await
    }

    /// Counts one invitation that `user` has mailed.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn admit_invitation(&self, user: UserId) -> Result<Admission, Fault> {
        let rate = self.settings.invite_user;
        self.count(&scripts::ADMIT, INVITE_USER, rate, &user.id(), &user.to_string()).await
    }

    /// The limit on invitations, as the headers tell it.
    #[must_use]
    pub fn invitation_policy(&self) -> Policy {
        let rate = self.settings.invite_user;
        Policy { name: INVITE_USER, max: u64::from(rate.max), window: Some(rate.window) }
    }

    async fn count(
        &self,
        script: &'static Script<1, 4>,
        name: &'static str,
        rate: config::Rate,
        subject: &Id,
        who: &str,
    ) -> Result<Admission, Fault> {
        let (key, nonce) = (self.keys.limit(name, subject), Id::nonce());
        let args = [rate.max.into(), rate.window.into(), who.into(), nonce.into()];
        let reply = self.redis.decide(script, [&key], args).await?;
        let standing = Standing { name, remaining: reply.number(0)?, reset: Duration::from_millis(reply.number(1)?) };
        match reply.word() {
            "admitted" => Ok(Admission::Admitted(Permit { key, nonce }, standing)),
            "refused" => {
                self.redis.metrics().refused(name);
                Ok(Admission::Refused(standing, reply.number(2).is_ok_and(|first| first == 1)))
            }
            _ => Err(reply.surprise()),
        }
    }

    /// The id of a name that is typed at log-in, known or not.
    #[must_use]
    pub fn name(&self, login: &Login) -> Id {
        self.keyring.subject(LOGIN_ACCOUNT, login.key())
    }

    /// Gives back what was admitted, where it turns out to be none of what is limited: a
    /// log-in that was no wrong one. For limits that are counted exactly.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then it may still be counted.
    pub async fn give_back(&self, permit: Permit) -> Result<(), Fault> {
        self.redis.decide(&scripts::ADMIT_UNDO, [&permit.key], [permit.nonce.into()]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_address_or_a_64() {
        let of = |text: &str| Subject::of(text.parse().unwrap());
        assert_eq!(of("203.0.113.9"), Subject { exact: "203.0.113.9".into(), masked: "203.0.113.*".into() });
        assert_eq!(
            of("2001:db8:1:2::3"),
            Subject { exact: "2001:db8:1:2::/64".into(), masked: "2001:db8:1::/48".into() }
        );
        assert_eq!(of("2001:db8:1:2:ffff::3").exact, of("2001:db8:1:2::3").exact);
    }
}
