//! `vestibule keys`: from what an engineer has been given to the keys in Redis.

use std::io::Read as _;
use std::net::IpAddr;

use clap::Subcommand;

use super::{Failure, say};
use crate::config::Config;
use crate::http::subject;
use crate::id::Id;
use crate::jobs::{JobId, JobKind};
use crate::keyring::Keyring;
use crate::limits::{FORGOT_EMAIL, LOGIN_ACCOUNT, Limit};
use crate::link::LinkToken;
use crate::redis::Keys;
use crate::users::Login;

#[derive(Debug, Subcommand)]
pub(super) enum KeysOf {
    /// The keys of a candidate's link
    Link {
        /// The join link or its token; where it is left out, it is read from standard input, which keeps it out of
        /// the shell's history
        link: Option<String>,
        /// The id of the link, where that is what one has: 32 hex digits, out of a key or of a token's `lnk` claim
        #[arg(long, conflicts_with = "link")]
        id: Option<String>,
    },
    /// The keys of a name that somebody logs in with, or asks a reset for
    Login {
        /// Username or e-mail address, as it is typed
        login: String,
    },
    /// The keys of a client's address
    Client {
        /// As the log has it
        address: IpAddr,
    },
}

impl KeysOf {
    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        let keys = Keys::new(&config.redis.prefix, config.redis.partitions);
        let redis_cli = config.redis.url.redis_cli();
        let (link, id) = match self {
            Self::Link { link, id } => (link, id),
            Self::Login { login } => return limits(config, &keys, &redis_cli, &of_login(&Login::of(&login))),
            Self::Client { address } => return limits(config, &keys, &redis_cli, &of_client(address)),
        };
        let id = match (link, id) {
            (_, Some(id)) => Id::parse(&id).ok_or_else(|| Failure::usage("an id of a link is 32 hex digits"))?,
            (Some(link), None) => token(&link)?,
            (None, None) => token(&standard_input()?)?,
        };
        print(&id, &keys, &redis_cli)
    }
}

/// A limit, what is counted, and what the engineer reads there.
type Counted = (&'static str, String, &'static str);

fn of_login(login: &Login) -> Vec<Counted> {
    let (wrong, asked) = ("wrong tries: wrong, until (waits, unix ms)", "resets asked for: log (unix ms)");
    vec![(LOGIN_ACCOUNT, login.key().to_owned(), wrong), (FORGOT_EMAIL, login.key().to_owned(), asked)]
}

fn of_client(address: IpAddr) -> Vec<Counted> {
    let subject = subject(address.to_canonical());
    Limit::ALL.map(|limit| (limit.name(), subject.exact.clone(), "requests, by unix ms")).to_vec()
}

/// Looks, and what lifts each limit.
fn limits(config: &Config, keys: &Keys, redis_cli: &str, counted: &[Counted]) -> Result<(), Failure> {
    let keyring = Keyring::new(&config.secrets.root_keys);
    for (limit, subject, what) in counted {
        let key = keys.limit(limit, &keyring.subject(limit, subject));
        say(format_args!("# {limit}: {what}\n{redis_cli} HGETALL '{}'", key.name()))?;
        say(format_args!("# lift it\n{redis_cli} DEL '{}'", key.name()))?;
    }
    Ok(())
}

fn standard_input() -> Result<String, Failure> {
    /// Far longer than any link.
    const BYTES_MAX: u64 = 4_096;
    let mut text = String::new();
    let read = std::io::stdin().take(BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("the link cannot be read from standard input: {error}")))?;
    Ok(text)
}

fn token(link: &str) -> Result<Id, Failure> {
    let last = link.trim().rsplit('/').next().unwrap_or_default();
    let token = last.split(['?', '#']).next().unwrap_or_default();
    let words = "this is no link of ours: give the URL out of the invitation, or its last part";
    LinkToken::parse(token).map(|token| token.id()).ok_or_else(|| Failure::usage(words))
}

fn print(id: &Id, keys: &Keys, redis_cli: &str) -> Result<(), Failure> {
    let job = |kind| keys.job(&JobId { kind, subject: *id });
    let partition = keys.partition(id);
    let otp = keys.otp(id);
    say(format_args!("link {id}\n"))?;
    for (key, what) in [
        (keys.link(id), "the record: live or dead, whose, until when, started"),
        (otp.clone(), "code and counters: wrong, locks, until (locked, unix ms), total, asked"),
        (keys.seat(id), "there while the candidate's session lives"),
        (keys.mailed(id), "what became of its newest mails: accepted or refused, when (unix ms), the relay's words"),
        (job(JobKind::Code), "code mail that waits: tries, why"),
        (job(JobKind::Invitation), "invitation that waits: tries, why"),
        (job(JobKind::Start), "start that Postgres is not told of yet: tries, why"),
    ] {
        say(format_args!("# {what}\n{redis_cli} HGETALL '{}'", key.name()))?;
    }
    for (queue, what) in [
        (JobKind::Code.queue(), "mails of the partition by due time, unix ms"),
        (JobKind::Start.queue(), "starts of the partition by due time, unix ms"),
    ] {
        say(format_args!("# {what}\n{redis_cli} ZRANGE '{}' 0 19 WITHSCORES", keys.queue(queue, partition).name()))?;
    }
    say(format_args!(
        "# mails of the partition that the relay refused\n{redis_cli} LRANGE '{}' 0 19",
        keys.refused(partition).name()
    ))?;
    say(format_args!(
        "\n# end a lock, and give three attempts back\n{redis_cli} --eval lua/ops/unlock.lua '{}'",
        otp.name()
    ))
}
