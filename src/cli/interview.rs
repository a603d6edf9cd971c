//! `vestibule invite` and `vestibule interview`.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::{Failure, say};
use crate::audit::{self, Event};
use crate::config::Config;
use crate::http::rfc3339;
use crate::interviews::{Created, Interviews, Killer, NewInterview};
use crate::jobs::{JobId, JobKind, Jobs, NewMail};
use crate::keyring::Keyring;
use crate::mail::{EmailAddress, InvitationJob};
use crate::metrics::Metrics;
use crate::postgres::Postgres;
use crate::redis::{Facts, Gate, Keys, Redis};
use crate::telemetry;

/// A name and a position have to fit a mail and a page.
const TEXT_MAX: usize = 200;

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
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i32).range(1..=1_440))]
    minutes: i32,
    #[command(flatten)]
    link: LinkOptions,
}

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct LinkOptions {
    /// How long the link works, in hours [default: candidate.link_life, a week]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=8_760))]
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

fn text(value: &str) -> Result<String, String> {
    let value = value.trim();
    let length = value.chars().count();
    if length == 0 || length > TEXT_MAX || value.chars().any(char::is_control) {
        return Err(format!("write 1 to {TEXT_MAX} characters, none of them control characters"));
    }
    Ok(value.to_owned())
}

fn address(value: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(value).ok_or_else(|| "write one e-mail address, as ada@example.com".to_owned())
}

impl Invite {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let interviews = Interviews::new(postgres(config));
        let created = interviews
            .create(
                NewInterview {
                    candidate_name: self.name,
                    candidate_email: self.email.as_str().to_owned(),
                    position: self.position,
                    duration_minutes: self.minutes,
                },
                self.link.life(config),
            )
            .await?;
        self.link.hand_out(config, &created).await
    }
}

impl Interview {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        telemetry::start(&config.log);
        let interviews = Interviews::new(postgres(config));
        match self {
            Self::Reissue { id, link } => {
                let created = interviews.reissue(id, link.life(config)).await?.ok_or_else(|| unknown(id))?;
                // Postgres has decided: it is so, whether or not Redis can be told.
                audit::record(Event::LinkReissued, &id.to_string(), None, "");
                let killed = kill(config, interviews).await;
                link.hand_out(config, &created).await?;
                killed
            }
            Self::Revoke { id } => {
                if !interviews.revoke(id).await? {
                    return Err(unknown(id));
                }
                audit::record(Event::LinkRevoked, &id.to_string(), None, "");
                kill(config, interviews).await?;
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
    async fn hand_out(self, config: &Config, created: &Created) -> Result<(), Failure> {
        let token = created.link.expose();
        let join_url = join_url(config, created);
        let expires_ms = u64::try_from(created.expires.unix_timestamp()).unwrap_or(0) * 1_000;
        if self.json {
            let line = json!({
                "id": created.id.to_string(), "joinUrl": join_url, "token": *token, "expiresAt": rfc3339(expires_ms),
            });
            say(format_args!("{line}"))?;
        } else {
            say(format_args!("{join_url}"))?;
            eprintln!("Interview {}; the link works until {}.", created.id, rfc3339(expires_ms));
        }
        if self.mail {
            queue_invitation(config, created, join_url).await?;
            if !self.json {
                eprintln!("Queued for the mail relay.");
            }
        }
        Ok(())
    }
}

/// `<public_url>/interview/join/{token}`.
fn join_url(config: &Config, created: &Created) -> String {
    format!("{}/interview/join/{}", config.public_url.as_str(), *created.link.expose())
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

async fn kill(config: &Config, interviews: Interviews) -> Result<(), Failure> {
    let told = async {
        let (redis, keys, _) = redis(config).await?;
        Killer::new(interviews, redis, keys).kill_noted().await?;
        Ok(())
    };
    told.await.map_err(|failure: Failure| {
        let words = "Postgres knows that the old link is dead, but Redis could not be told";
        Failure::unavailable(format!("{words} ({}). The nodes will tell it; run this again to be sure.", failure.words))
    })
}

async fn queue_invitation(config: &Config, created: &Created, join_url: String) -> Result<(), Failure> {
    let (redis, keys, _) = redis(config).await?;
    let keyring = Keyring::new(&config.secrets.root_keys);
    let interview = &created.interview;
    let link = created.link.id();
    let expires = created.expires.unix_timestamp();
    let invitation = InvitationJob {
        to: interview.candidate_email.clone(),
        name: interview.candidate_name.clone(),
        position: interview.position.clone(),
        minutes: u64::try_from(interview.duration_minutes).unwrap_or(0),
        join_url,
        expires,
    };
    let masked = EmailAddress::parse(&interview.candidate_email).map_or_else(String::new, |email| email.masked());
    let mail = NewMail {
        id: JobId { kind: JobKind::Invitation, subject: link },
        masked: &masked,
        sealed: &invitation.seal(&keyring, &link),
        expires: expires * 1_000,
    };
    match Jobs::new(redis, keys).add(&mail, config.mail.waiting_max).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::unavailable("the link works, but is not mailed: too many mails wait")),
        Err(fault) => Err(Failure::unavailable(format!("the link works, but is not mailed: {fault}"))),
    }
}
