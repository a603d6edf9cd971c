//! The relay, and the patience with it.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use super::Mode;
use super::mail_url::MailUrl;
use super::parse::{self, HOUR, MINUTE, MS, SECOND, Wrong};
use super::reader::{Key, Reader};

const URL: Key =
    Key::required("mail.url", "smtps://user:password@smtp.example.com:465", "where the relay is, and how to log in")
        .secret();
const FROM: Key = Key::required("mail.from", "Acme Interviews <interviews@example.com>", "the sender of every mail");
/// None: the system's root certificates.
const CA_FILE: Key =
    Key::optional("mail.ca_file", "/etc/ssl/relay-ca.pem", "more root certificates for the relay, PEM");
/// Relays commonly take 10 connections from one client.
const SENDS_MAX: Key = Key::new("mail.sends_max", "8", "mails being sent at a time, per node");
/// A relay that greylists or scans takes up to 20 s; a code that comes later is asked for again.
const SEND_TIMEOUT: Key = Key::new("mail.send_timeout", "30s", "how long one send may take");
/// send_timeout 30 s and half as much again, so that no second node sends what the first is still sending;
/// with the sweep, the mail of a node that died goes out within 60 s (45 + 1, and the send).
const CLAIM: Key = Key::new("mail.claim", "45s", "how long a mail belongs to the node that took it");
/// Most failures are over at once: a connection that the relay closed.
const RETRY_MIN: Key = Key::new("mail.retry_min", "1s", "the first wait after a failure; it doubles");
/// 28 s + a sweep of 1 s is below the 30 s in which every waiting mail is promised a try.
const RETRY_MAX: Key = Key::new("mail.retry_max", "28s", "the longest wait after a failure");
/// What it costs is redis.partitions calls, that is 16 a second per node.
const SWEEP_INTERVAL: Key = Key::new("mail.sweep_interval", "1s", "how often a node looks for mail that is due");
/// 16 partitions x 10,000 jobs x 1 KB is 160 MB of Redis' memory at the very worst.
const WAITING_MAX: Key = Key::new("mail.waiting_max", "10000", "mails that wait, per partition; then 503");
/// Enough to see what a relay objects to; they are sealed, and expire.
const REFUSED_KEEP: Key =
    Key::new("mail.refused_keep", "100", "mails that the relay refused for good, kept per partition for the engineer");

/// The relay, and mail that waits for it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where the relay is; may hold a password.
    pub url: MailUrl,
    /// The sender of every mail.
    pub from: Mailbox,
    /// More root certificates for the relay, PEM.
    pub ca_file: Option<PathBuf>,
    /// Mails being sent at a time, per node.
    pub sends_max: usize,
    /// Cuts one send.
    pub send_timeout: Duration,
    /// How long a mail belongs to the node that took it; longer than a send.
    pub claim: Duration,
    /// The first wait after a failure; it doubles.
    pub retry_min: Duration,
    /// The longest wait after a failure.
    pub retry_max: Duration,
    /// Between two looks for mail that is due.
    pub sweep_interval: Duration,
    /// Mails that wait, per partition; then 503.
    pub waiting_max: u32,
    /// Refused mails that are kept for the engineer, per partition.
    pub refused_keep: u32,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mode = reader.mode();
        let mail = Self {
            url: reader.text(&URL, |text| url(text, mode)),
            from: reader.text(&FROM, from),
            ca_file: reader.optional(&CA_FILE, parse::file),
            sends_max: reader.integer(&SENDS_MAX, parse::number(1..=1_000)),
            send_timeout: reader.text(&SEND_TIMEOUT, parse::duration(SECOND..=10 * MINUTE)),
            claim: reader.text(&CLAIM, parse::duration(SECOND..=HOUR)),
            retry_min: reader.text(&RETRY_MIN, parse::duration(100 * MS..=HOUR)),
            retry_max: reader.text(&RETRY_MAX, parse::duration(100 * MS..=HOUR)),
            sweep_interval: reader.text(&SWEEP_INTERVAL, parse::duration(100 * MS..=MINUTE)),
            waiting_max: reader.integer(&WAITING_MAX, parse::number(1..=1_000_000)),
            refused_keep: reader.integer(&REFUSED_KEEP, parse::number(1..=10_000)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is not longer than mail.send_timeout, {:?}",
                parse::written(mail.claim),
                parse::written(mail.send_timeout)
            ),
            "a second node would send the same mail; make it longer, or the other shorter",
        );
        reader.check(&CLAIM, &SEND_TIMEOUT, mail.claim > mail.send_timeout, wrong);
        let wrong = Wrong::new(
            format!(
                "{:?} is shorter than mail.retry_min, {:?}",
                parse::written(mail.retry_max),
                parse::written(mail.retry_min)
            ),
            "make it at least as long",
        );
        reader.check(&RETRY_MAX, &RETRY_MIN, mail.retry_max >= mail.retry_min, wrong);
        mail
    }
}

fn url(text: &str, mode: Mode) -> Result<MailUrl, Wrong> {
    let url = MailUrl::parse(text).map_err(|right| Wrong::new("is not a URL of a relay", right))?;
    if matches!(url, MailUrl::Capture(_)) && mode == Mode::Production {
        let right = "write smtps://user:password@host:465, smtp://host:587?tls=required or smtp://host:25?tls=none";
        return Err(Wrong::new("captures mail instead of sending it, which is for development mode", right));
    }
    Ok(url)
}

fn from(text: &str) -> Result<Mailbox, Wrong> {
    let wrong = || {
        Wrong::new("is not a sender", "write a name and an address, as \"Acme Interviews <interviews@example.com>\"")
    };
    match text.chars().any(char::is_control) {
        true => Err(wrong()),
        false => text.parse().map_err(|_| wrong()),
    }
}
