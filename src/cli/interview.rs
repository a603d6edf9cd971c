//! `vestibule invite` and `vestibule interview`.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::{Failure, say};
use crate::audit::{Entry, Event, Writer};
use crate::config::Config;
use crate::http::rfc3339;
use crate::id::Id;
use crate::interviews::{HOURS, Interviews, Issued, Killer, MINUTES, NewInterview, Reach, invite, text};
use crate::jobs::Jobs;
use crate::keyring::Keyring;
use crate::mail::EmailAddress;
use crate::metrics::Metrics;
use crate::postgres::{Postgres, unix_ms};
use crate::redis::{Facts, Gate, Keys, Redis};
use crate::telemetry;
use crate::test_recipients::TestRecipients;

#[derive(Args, Debug)]
pub(super) struct Invite {
    /// Name of the candidate
    #[arg(long, value_parser = text)]
    name: String,
    /// Address of the candidate, to which codes are sent
    #[arg(long, value_parser = address)]
    email: EmailAddress,
    /// What the interview is for
    #[arg(long, value_parser = text)]
    position: String,
    /// Length of the interview, in minutes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i32).range(MINUTES))]
    minutes: i32,
    #[command(flatten)]
    link: LinkOptions,
}

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct LinkOptions {
    /// How long the link works, in hours [default: candidate.link_life, a week]
    #[arg(long, value_parser = clap::value_parser!(u32).range(HOURS))]
    expires_hours: Option<u32>,
    /// Print one line of JSON: {id, joinUrl, token, expiresAt}
    #[arg(long)]
    json: bool,
    /// Mail the link to the candidate too
    #[arg(long)]
    mail: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Interview {
    /// Print a new link; the old one, its code and its session are dead at once on every node
    Reissue {
        /// Id of the interview
        id: Uuid,
        #[command(flatten)]
        link: LinkOptions,
    },
    /// Take the link away: it, its code and its session are dead at once on every node
    Revoke {
        /// Id of the interview
        id: Uuid,
    },
}

fn address(value: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(value).ok_or_else(|| "write one e-mail address, as ada@example.com".to_owned())
}

impl Invite {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let interviews = Interviews::new(postgres(config));
        let tests = TestRecipients::new(config.test_recipients.as_ref(), Arc::new(Metrics::new()));
        let link = tests.link(self.email.as_str());
        let issued = interviews
            .create(
                NewInterview {
                    candidate_name: self.name,
                    candidate_email: self.email.as_str().to_owned(),
                    position: self.position,
                    duration_minutes: self.minutes,
                },
                link,
                None,
                self.link.life(config),
            )
            .await?;
        self.link.hand_out(config, &issued).await
    }
}

impl Interview {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        telemetry::start(&config.log);
        let interviews = Interviews::new(postgres(config));
        match self {
            Self::Reissue { id, link } => {
                let issued = interviews.reissue(Reach::All, id, link.life(config)).await?.ok_or_else(|| unknown(id))?;
                // Postgres has decided: it is so, whether or not Redis can be told.
                let killed = kill(config, interviews, &noted(Event::LinkReissued, id)).await;
                link.hand_out(config, &issued).await?;
                killed
            }
            Self::Revoke { id } => {
                if !interviews.revoke(Reach::All, id).await? {
                    return Err(unknown(id));
                }
                kill(config, interviews, &noted(Event::LinkRevoked, id)).await?;
                say(format_args!("Revoked: the link, its code and its session are dead on every node."))?;
                Ok(())
            }
        }
    }
}

impl LinkOptions {
    fn life(self, config: &Config) -> Duration {
        self.expires_hours.map_or(config.candidate.link_life, |hours| Duration::from_secs(u64::from(hours) * 3_600))
    }

    /// Tells the link, which is kept nowhere, before anything else can fail.
    async fn hand_out(self, config: &Config, issued: &Issued) -> Result<(), Failure> {
        let token = issued.link.expose();
        let join_url = issued.join_url(config.public_url.as_str());
        let interview = &issued.interview;
        let expires_ms = unix_ms(interview.expires);
        if self.json {
            let line = json!({
                "id": interview.id.to_string(), "joinUrl": join_url, "token": *token, "expiresAt": rfc3339(expires_ms),
            });
            say(format_args!("{line}"))?;
        } else {
            say(format_args!("{join_url}"))?;
            eprintln!("Interview {}; the link works until {}.", interview.id, rfc3339(expires_ms));
        }
        if self.mail {
            queue_invitation(config, issued).await?;
            if !self.json {
                eprintln!("Queued for the mail relay.");
            }
        }
        Ok(())
    }
}

fn unknown(id: Uuid) -> Failure {
    Failure::usage(format!("there is no interview {id}"))
}

pub(super) fn postgres(config: &Config) -> Postgres {
    Postgres::new(&config.postgres, Arc::new(Metrics::new()))
}

pub(super) async fn redis(config: &Config) -> Result<(Redis, Keys, Facts), Failure> {
    let settings = &config.redis;
    let gate = Arc::new(Gate::new(settings.in_flight_max, settings.waiting_max, settings.wait_max));
    let redis = Redis::connect(settings, gate, Arc::new(Metrics::new())).await?;
    let keys = Keys::new(&settings.prefix, settings.partitions);
    // With another number of partitions, the keys would be looked for in the wrong places.
    let facts = redis.probe(&keys).await?.map_err(|unfit| Failure::unavailable(format!("redis: {unfit}")))?;
    Ok((redis, keys, facts))
}

/// In the log, whether or not Redis can be told.
fn noted(event: Event, id: Uuid) -> Entry<'static> {
    let entry = Entry::new(event, Id::first_of(id.as_bytes()), id.to_string());
    entry.log();
    entry
}

async fn kill(config: &Config, interviews: Interviews, entry: &Entry<'_>) -> Result<(), Failure> {
    let told = async {
        let (redis, keys, _) = redis(config).await?;
        Killer::new(interviews, redis.clone(), keys.clone()).kill_noted().await?;
        Writer::new(redis, keys, config.audit).write(std::slice::from_ref(entry)).await;
        Ok(())
    };
    told.await.map_err(|failure: Failure| {
        let words = "Postgres knows that the old link is dead, but Redis could not be told";
        Failure::unavailable(format!("{words} ({}). The nodes will tell it; run this again to be sure.", failure.words))
    })
}

async fn queue_invitation(config: &Config, issued: &Issued) -> Result<(), Failure> {
    let (redis, keys, _) = redis(config).await?;
    let (jobs, keyring) = (Jobs::new(redis, keys), Keyring::new(&config.secrets.root_keys));
    let queued = invite(&jobs, &keyring, config.public_url.as_str(), issued, config.mail.waiting_max).await;
    queued.map(drop).map_err(|fault| Failure::unavailable(format!("the link works, but is not mailed: {fault}")))
}
