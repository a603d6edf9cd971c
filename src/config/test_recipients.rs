//! Recipients that nobody is, for load tests: until a moment, and never without one.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::parse::{self, DAY, Wrong};
use super::reader::{Key, Reader};

const DOMAIN: Key =
    Key::optional("test_recipients.domain", "load.test", "a domain under .test whose addresses are test recipients");
const UNTIL: Key = Key::optional(
    "test_recipients.until",
    "2026-11-22T18:00:00Z",
    "when there are test recipients no more; at most a day ahead",
);
const KEY: Key = Key::optional(
    "test_recipients.key",
    "32 characters or more, by chance",
    "what a load test computes codes and reset tokens with",
)
.secret();

/// A soak runs for a night. What is to be on for longer is forgotten, and then it is on for ever.
const AHEAD_MAX: Duration = DAY;
/// 128 bits in hex, the shortest that a careful person makes.
const KEY_CHARS_MIN: usize = 32;
/// An environment variable is no place for more.
const KEY_CHARS_MAX: usize = 256;

/// Who is a test recipient, and until when.
#[derive(Clone, Debug)]
pub struct TestRecipients {
    /// In small letters; ends in `.test`, which RFC 2606 keeps from being anybody's.
    pub domain: String,
    /// May be past: then nobody is one.
    pub until: OffsetDateTime,
    /// Shared with the load test.
    pub key: TestKey,
}

/// What a load test computes codes and reset tokens with.
#[derive(Clone)]
pub struct TestKey(pub Zeroizing<String>);

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestKey(..)")
    }
}

impl TestRecipients {
    /// All of it or nothing.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let given = (reader.optional(&DOMAIN, domain), reader.optional(&UNTIL, until), reader.optional(&KEY, key));
        if let (Some(domain), Some(until), Some(key)) = given {
            return Some(Self { domain, until, key });
        }
        let missing = [(&DOMAIN, given.0.is_none()), (&UNTIL, given.1.is_none()), (&KEY, given.2.is_none())];
        let set = missing.iter().find(|(_, missing)| !missing).map(|(key, _)| *key)?;
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            let wrong = Wrong::new(
                format!("is nowhere set, and {} is", set.name),
                "write all three of domain, until and key, or none: no deployment has test recipients by accident",
            );
            reader.check(key, set, false, wrong);
        }
        None
    }
}

fn domain(text: &str) -> Result<String, Wrong> {
    let label = |label: &str| {
        let takes = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(takes)
    };
    let right = "write a name under .test in small letters, as \"load.test\"";
    match text.strip_suffix(".test") {
        Some(name) if name.split('.').all(label) => Ok(text.to_owned()),
        Some(_) => Err(Wrong::new("is not a domain", right)),
        None => Err(Wrong::new("may be somebody's: RFC 2606 keeps .test from that, and nothing else here", right)),
    }
}

/// A moment that is past is taken: a node that starts again after it must not stay away for that.
fn until(text: &str) -> Result<OffsetDateTime, Wrong> {
    let right =
        || format!("write a moment within {:?} from now, as \"2026-11-22T18:00:00Z\"", parse::written(AHEAD_MAX));
    let Ok(until) = OffsetDateTime::parse(text, &Rfc3339) else {
        return Err(Wrong::new("is not a moment", right()));
    };
    match until <= OffsetDateTime::now_utc() + AHEAD_MAX {
        true => Ok(until),
        false => Err(Wrong::new("is too far ahead", right())),
    }
}

fn key(text: &str) -> Result<TestKey, Wrong> {
    match (KEY_CHARS_MIN..=KEY_CHARS_MAX).contains(&text.chars().count()) {
        true => Ok(TestKey(Zeroizing::new(text.to_owned()))),
        false => Err(Wrong::new(
            format!("has not {KEY_CHARS_MIN} to {KEY_CHARS_MAX} characters"),
            "write what `openssl rand -hex 32` prints",
        )),
    }
}
