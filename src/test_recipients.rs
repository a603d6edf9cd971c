//! Test recipients: addresses that nobody has, for a load test of a deployment that is really one.
//!
//! Such a test has no mailbox. So the codes and reset tokens of test recipients are made out of a key that the test
//! shares, and it computes them: no endpoint hands one out, and nothing more is kept. What keeps everybody else safe:
//!
//! - their domain is under `.test` (RFC 2606), where nobody can have an address;
//! - only links that were made for one of them have such codes: a link carries a mark, made with the key, that nobody
//!   can give to another's link, be it with write access to Redis;
//! - members alone, no recruiter and no admin, have such reset tokens;
//! - it ends by itself, within a day, on every node.
//!
//! Whoever gets hold of the key gets what test recipients have. All else, limits and attempts and lives, is as for
//! everybody.

use std::fmt;
use std::sync::Arc;

use ring::hmac;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::config;
use crate::link::LinkToken;
use crate::metrics::Metrics;
use crate::random;
use crate::users::{Role, User};

/// The half of a token that nobody guesses: 128 bits, as is promised of any. The rest is the mark.
const CHANCE: usize = 16;

/// Who is a test recipient; by default nobody.
#[derive(Clone, Debug)]
pub struct TestRecipients {
    tested: Option<Arc<Tested>>,
    metrics: Arc<Metrics>,
}

struct Tested {
    domain: String,
    until: OffsetDateTime,
    key: hmac::Key,
}

/// Where a mail goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// To the relay.
    Out,
    /// Nowhere: its reader has computed what it says.
    Dropped,
    /// Nowhere: its reader is none any more.
    Late,
}

impl TestRecipients {
    /// As configured.
    #[must_use]
    pub fn new(settings: Option<&config::TestRecipients>, metrics: Arc<Metrics>) -> Self {
        let tested = settings.map(|config::TestRecipients { domain, until, key }| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.as_bytes());
            Arc::new(Tested { domain: domain.clone(), until: *until, key })
        });
        Self { tested, metrics }
    }

    /// What an engineer should know of it, where there is something.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let Tested { domain, until, .. } = &**self.tested.as_ref()?;
        let until = until.format(&Rfc3339).unwrap_or_default();
        Some(match self.living() {
            Some(_) => {
                format!("whoever has test_recipients.key knows the codes of everybody at {domain} until {until}")
            }
            None => format!("nobody at {domain} is a test recipient since {until}: take test_recipients out"),
        })
    }

    /// Whether anybody is one now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.living().is_some()
    }

    /// The token of a new link for this address, which bears the mark where it is a test recipient's.
    #[must_use]
    pub fn link(&self, address: &str) -> LinkToken {
        let Some(tested) = self.living().filter(|tested| tested.has(address)) else { return LinkToken::fresh() };
        self.metrics.tested("link");
        let mut bytes = Zeroizing::new([0; LinkToken::BYTES]);
        let (chance, mark) = bytes.split_at_mut(CHANCE);
        chance.copy_from_slice(&random::bytes::<CHANCE>());
        mark.copy_from_slice(&tested.mac("link:", chance).as_ref()[..mark.len()]);
        LinkToken::of(*bytes)
    }

    /// The digits of the code with this mark, where the link was made for a test recipient:
    /// the first 48 bits of `HMAC(key, "code:<token>:<ref>")`, modulo a million.
    #[must_use]
    pub fn code(&self, link: &LinkToken, reference: &str) -> Option<Zeroizing<String>> {
        let tested = self.living()?;
        let (chance, mark) = link.as_bytes().split_at(CHANCE);
        // Not in constant time: a mark opens nothing, for the link must be there, too.
        if tested.mac("link:", chance).as_ref()[..mark.len()] != *mark {
            return None;
        }
        self.metrics.tested("code");
        tracing::info!(link = %link.id(), "the code of a test recipient is one that its test computes");
        let mac = tested.mac("code:", format!("{}:{reference}", *link.expose()).as_bytes());
        let number = mac.as_ref()[..6].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some(Zeroizing::new(format!("{:06}", number % 1_000_000)))
    }

    /// The secret half of a reset token, where the user is a test recipient:
    /// `HMAC(key, "reset:<user id>:<version of the password>")`.
    #[must_use]
    pub fn reset_secret(&self, user: &User) -> Option<Zeroizing<[u8; 32]>> {
        let tested = self.living().filter(|tested| user.role == Role::Member && tested.has(&user.email))?;
        self.metrics.tested("reset");
        tracing::info!(user = %user.id, "the reset token of a test recipient is one that its test computes");
        let mac = tested.mac("reset:", format!("{}:{}", user.id, user.password_version).as_bytes());
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(mac.as_ref());
        Some(secret)
    }

    /// Where a mail to this address goes: where nobody can have it, not to a relay, at any time.
    #[must_use]
    pub fn way(&self, address: &str) -> Way {
        match &self.tested {
            Some(tested) if tested.has(address) && self.is_on() => {
                self.metrics.tested("mail");
                Way::Dropped
            }
            Some(tested) if tested.has(address) => Way::Late,
            _ => Way::Out,
        }
    }

    /// By the node's clock, at each use.
    fn living(&self) -> Option<&Tested> {
        self.tested.as_deref().filter(|tested| OffsetDateTime::now_utc() < tested.until)
    }
}

impl Tested {
    /// Of this domain itself: what stands below it may be another's.
    fn has(&self, address: &str) -> bool {
        address.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&self.domain))
    }

    fn mac(&self, purpose: &str, what: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, &Zeroizing::new([purpose.as_bytes(), what].concat()))
    }
}

impl fmt::Debug for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tested").field("domain", &self.domain).field("until", &self.until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::UserId;

    fn of(key: &str, ahead: time::Duration) -> TestRecipients {
        let settings = config::TestRecipients {
            domain: "load.test".to_owned(),
            until: OffsetDateTime::now_utc() + ahead,
            key: config::TestKey(Zeroizing::new(key.to_owned())),
        };
        TestRecipients::new(Some(&settings), Arc::new(Metrics::new()))
    }

    fn user(email: &str, role: Role) -> User {
        User {
            id: UserId::parse("01a2052b-7e1d-7c3a-9d54-3f0a6c1b2d4e").unwrap(),
            username: "ada".to_owned(),
            email: email.to_owned(),
            full_name: None,
            phone: None,
            years_of_experience: None,
            skills: Vec::new(),
            role,
            role_version: 1,
            password_version: 1,
            created: OffsetDateTime::UNIX_EPOCH,
            has_resume: false,
        }
    }

    const HOUR: time::Duration = time::Duration::HOUR;

    #[test]
    fn a_link_of_a_test_recipient_has_codes_that_its_key_computes_and_no_other_link_has() {
        let (ours, others) = (of(&"k".repeat(32), HOUR), of(&"o".repeat(32), HOUR));
        for (address, is_one) in [
            ("ada@load.test", true),
            ("ada@LOAD.test", true),
            ("ada@example.com", false),
            ("ada@sub.load.test", false),
            ("ada@xload.test", false),
            ("ada@load.test.example.com", false),
            ("load.test", false),
        ] {
            let link = ours.link(address);
            assert_eq!(ours.code(&link, "K7Q").is_some(), is_one, "{address}");
            assert!(others.code(&link, "K7Q").is_none(), "{address}");
            assert_eq!(ours.way(address), if is_one { Way::Dropped } else { Way::Out });
        }
        let link = ours.link("ada@load.test");
        assert_ne!(ours.code(&link, "K7Q"), ours.code(&link, "K7R"));
        assert_ne!(ours.link("ada@load.test").expose(), link.expose());
        assert!(!format!("{ours:?}").contains("kkkk"));
    }

    /// As any tool computes them: `printf %s code:$TOKEN:$REF | openssl dgst -sha256 -hmac $KEY`.
    #[test]
    fn codes_and_tokens_are_those_of_the_documentation() {
        let ours = of(&"k".repeat(32), HOUR);
        let tested = ours.tested.as_ref().unwrap();
        let chance = [7; CHANCE];
        let mut bytes = [0; LinkToken::BYTES];
        bytes[..CHANCE].copy_from_slice(&chance);
        bytes[CHANCE..].copy_from_slice(&tested.mac("link:", &chance).as_ref()[..8]);
        let link = LinkToken::of(bytes);
        assert_eq!(*link.expose(), "BwcHBwcHBwcHBwcHBwcHB6fICignLO5S");
        assert_eq!(*ours.code(&link, "K7Q").unwrap(), "059303");
        let secret = ours.reset_secret(&user("ada@load.test", Role::Member)).unwrap();
        assert_eq!(
            secret.map(|byte| format!("{byte:02x}")).concat(),
            "8e1d2c00e2747a39cefc09c7020e6ccfec3edda9fca1f7981bb3dfaf8acf0ffb"
        );
    }

    #[test]
    fn recruiters_admins_and_others_have_no_reset_token_that_somebody_computes() {
        let ours = of(&"k".repeat(32), HOUR);
        assert!(ours.reset_secret(&user("ada@Load.Test", Role::Member)).is_some());
        assert!(ours.reset_secret(&user("ada@load.test", Role::Recruiter)).is_none());
        assert!(ours.reset_secret(&user("ada@load.test", Role::Admin)).is_none());
        assert!(ours.reset_secret(&user("ada@example.com", Role::Member)).is_none());
    }

    #[test]
    fn after_its_time_there_is_none_and_their_mail_goes_nowhere_all_the_same() {
        let (before, after) = (of(&"k".repeat(32), HOUR), of(&"k".repeat(32), -time::Duration::SECOND));
        let link = before.link("ada@load.test");
        assert!(before.is_on() && !after.is_on());
        assert!(after.code(&link, "K7Q").is_none());
        assert!(before.code(&after.link("ada@load.test"), "K7Q").is_none());
        assert!(after.reset_secret(&user("ada@load.test", Role::Member)).is_none());
        assert_eq!((after.way("ada@load.test"), after.way("ada@example.com")), (Way::Late, Way::Out));
        assert!(after.words().unwrap().contains("take test_recipients out"));
    }

    #[test]
    fn by_default_there_is_none() {
        let none = TestRecipients::new(None, Arc::new(Metrics::new()));
        assert!(!none.is_on() && none.words().is_none());
        assert!(none.code(&none.link("ada@load.test"), "K7Q").is_none());
        assert_eq!(none.way("ada@load.test"), Way::Out);
    }
}
