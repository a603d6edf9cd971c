//! From a queued job to the relay's answer.

use std::sync::Arc;
use std::time::Instant;

use lettre::message::Mailbox;
use time::OffsetDateTime;

use super::capture::Capture;
use super::compose::{self, CodeMail, InvitationMail, Letter, NoticeMail, ResetMail};
use super::job::{CodeJob, InvitationJob, NoticeJob, ResetJob};
use super::smtp::{Relay, RelayOptions, Sent};
use crate::config::{Config, MailUrl};
use crate::fault::{Dependency, Fault};
use crate::jobs::{Job, JobKind, Outcome};
use crate::keyring::{Keyring, Sealed};
use crate::metrics::Metrics;
use crate::test_recipients::{TestRecipients, Way};

/// Where letters go.
#[derive(Clone, Debug)]
pub enum Post {
    /// To the relay of `mail.url`.
    Relay(Relay),
    /// Into the mailbox of development mode.
    Capture(Capture),
}

impl Post {
    /// As `mail.url` says.
    ///
    /// # Errors
    /// What is wrong with the URL or the certificates.
    pub fn new(config: &Config) -> Result<Self, String> {
        match &config.mail.url {
            MailUrl::Capture(None) => Ok(Self::Capture(Capture::new())),
            MailUrl::Capture(Some(folder)) => Capture::shared(folder.clone())
                .map(Self::Capture)
                .map_err(|error| format!("mail.url: {}: {error}", folder.display())),
            MailUrl::Relay(url) => {
                let extra_roots_pem = match &config.mail.ca_file {
                    Some(path) => Some(
                        std::fs::read_to_string(path)
                            .map_err(|error| format!("mail.ca_file {}: {error}", path.display()))?,
                    ),
                    None => None,
                };
                let options = RelayOptions { timeout: config.mail.send_timeout, extra_roots_pem };
                Ok(Self::Relay(Relay::new(url, &options)?))
            }
        }
    }

    /// What the relay last objected to, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<Fault> {
        match self {
            Self::Relay(relay) => {
                let why = relay.trouble()?;
                Some(Fault::new(Dependency::Mail, format!("the relay did not take the last mail, {why}")))
            }
            Self::Capture(_) => None,
        }
    }

    async fn send(&self, letter: &Letter, from: &Mailbox, message_id: &str) -> Sent {
        match self {
            Self::Relay(relay) => relay.send(letter, from, message_id).await,
            Self::Capture(capture) => match capture.keep(letter) {
                Ok(()) => Sent::Accepted,
                Err(error) => Sent::Deferred(format!("captured mail cannot be kept: {error}")),
            },
        }
    }
}

/// Carries mail jobs out.
#[derive(Debug)]
pub struct Deliver {
    post: Post,
    from: Mailbox,
    organisation: String,
    host: String,
    keyring: Arc<Keyring>,
    tests: TestRecipients,
    metrics: Arc<Metrics>,
}

impl Deliver {
    /// Through `post`, as the configured sender.
    #[must_use]
    pub fn new(
        post: Post,
        config: &Config,
        keyring: Arc<Keyring>,
        tests: TestRecipients,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            post,
            from: config.mail.from.clone(),
            organisation: config.organisation.clone(),
            host: config.public_url.host().to_owned(),
            keyring,
            tests,
            metrics,
        }
    }

    /// Writes the letter of `job` and hands it over.
    pub async fn deliver(&self, job: &Job) -> Outcome {
        let Some(letter) = self.compose(job) else {
            // Another node may have the key, while keys rotate; a job has a life of its own.
            return Outcome::Defer("it cannot be opened: its root key is not in secrets.root_keys here".to_owned());
        };
        match self.tests.way(&letter.to) {
            Way::Out => {}
            Way::Dropped => return Outcome::Done,
            Way::Late => return Outcome::Refuse("its reader was a test recipient, and their time is over".to_owned()),
        }
        // Made from the job and its version: a second delivery of the same mail is told by it.
        let message_id = format!("{}.{}@{}", job.id.kind.name(), job.version, self.host);
        let started = Instant::now();
        let sent = self.post.send(&letter, &self.from, &message_id).await;
        self.metrics.mail_tried(started.elapsed());
        match sent {
            Sent::Accepted => Outcome::Done,
            Sent::Deferred(why) => Outcome::Defer(why),
            Sent::Refused(why) => Outcome::Refuse(why),
        }
    }

    fn compose(&self, job: &Job) -> Option<Letter> {
        let (owner, keyring) = (&job.id.subject, &self.keyring);
        match job.id.kind {
            JobKind::Code => {
                let to = keyring.open(Sealed::Recipient, owner, job.field("to"))?;
                let body = CodeJob::open(keyring, owner, job.field("sealed"))?;
                Some(compose::code(&CodeMail {
                    organisation: &self.organisation,
                    to: std::str::from_utf8(&to).ok()?,
                    name: job.field("name"),
                    position: job.field("position"),
                    code: &body.code,
                    reference: job.field("ref"),
                    minutes_valid: body.minutes,
                }))
            }
            JobKind::Invitation => {
                let body = InvitationJob::open(keyring, owner, job.field("sealed"))?;
                Some(compose::invitation(&InvitationMail {
                    organisation: &self.organisation,
                    to: &body.to,
                    name: &body.name,
                    position: &body.position,
                    duration_minutes: body.minutes,
                    join_url: &body.join_url,
                    expires_at: OffsetDateTime::from_unix_timestamp(body.expires).ok()?,
                }))
            }
            JobKind::Reset => {
                let body = ResetJob::open(keyring, owner, job.field("sealed"))?;
                Some(compose::reset(&ResetMail {
                    organisation: &self.organisation,
                    to: &body.to,
                    username: &body.username,
                    url: &body.url,
                    minutes_valid: body.minutes,
                }))
            }
            JobKind::Notice => {
                let body = NoticeJob::open(keyring, owner, job.field("sealed"))?;
                Some(compose::notice(&NoticeMail {
                    organisation: &self.organisation,
                    to: &body.to,
                    username: &body.username,
                    changed_at: OffsetDateTime::from_unix_timestamp(body.changed).ok()?,
                    forgot_url: &body.forgot_url,
                }))
            }
            JobKind::Start | JobKind::Forgot => None,
        }
    }
}
