//! `vestibule explain` and `vestibule unlock`: `lua/ops` for those who have the binary, and what Postgres knows.

use clap::Args;

use super::interview::{postgres, redis};
use super::subject::{Asked, Names};
use super::{Failure, say};
use crate::audit::{self, Event, masked};
use crate::config::{Config, Limits};
use crate::fault::Fault;
use crate::http::rfc3339;
use crate::id::Id;
use crate::interviews::{Interviews, Reach};
use crate::jobs::Queue;
use crate::limits::Subject;
use crate::postgres::unix_ms;
use crate::redis::{Key, Keys, Redis, Reply, ops};
use crate::telemetry;
use crate::users::{Login, User, UserId, Users};

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// A join link or its token, the id of a link, an interview or a user, a client's address, a username or e-mail
    /// address; or outbox, for all work that waits. Left out, it is read from standard input, which keeps a token out
    /// of the shell's history
    subject: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Unlock {
    /// As of explain: what keeps it out is forgotten
    subject: Option<String>,
}

/// Redis and Postgres, to look at.
struct Desk<'a> {
    config: &'a Config,
    redis: Redis,
    keys: Keys,
    names: Names,
    interviews: Interviews,
    users: Users,
}

impl<'a> Desk<'a> {
    async fn open(config: &'a Config) -> Result<Self, Failure> {
        let (redis, keys, _) = redis(config).await?;
        let (names, pool) = (Names::new(config, &keys), postgres(config));
        Ok(Self { config, redis, names, keys, interviews: Interviews::new(pool.clone()), users: Users::new(pool) })
    }

    /// The keys of a link that inspect and unlock take.
    fn link(&self, id: &Id) -> Key {
        self.keys.otp(id)
    }

    /// The user of a login, where Postgres answers and knows one.
    async fn user(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.users.by_login(login).await?.user()
    }

    /// A user may have typed the other of their two names.
    fn other_name(user: &User, typed: &Login) -> Option<Login> {
        [&user.username, &user.email].into_iter().map(|name| Login::of(name)).find(|name| name != typed)
    }
}

impl Explain {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let asked = Asked::read(self.subject)?;
        let desk = Desk::open(config).await?;
        match asked {
            Asked::Link(id) => desk.explain_link(&id).await,
            Asked::Uuid(id) => {
                let interview = desk.interviews.read(Reach::All, id).await;
                if let Ok(Some(interview)) = &interview {
                    return desk.explain_link(&interview.link).await;
                }
                told(&interview.map(|_| "no interview has this id".to_owned()))?;
                let user = UserId::from_bytes(*id.as_bytes());
                let found = desk.users.load(user).await.map(|found| found.map(|(user, _)| user));
                told(&found.as_ref().map(|user| said_of(user.as_ref())).map_err(Clone::clone))?;
                if let Ok(Some(user)) = found {
                    for name in [&user.username, &user.email] {
                        desk.inspect_all(&desk.names.of_login(&Login::of(name))).await?;
                    }
                }
                desk.inspect(&desk.keys.account(&user.id())).await?;
                desk.trail(&user.id()).await
            }
            Asked::Client(address) => {
                say(format_args!("client {}", Subject::of(address).masked))?;
                for key in desk.names.of_client(address) {
                    desk.inspect(&key).await?;
                }
                Ok(())
            }
            Asked::Login(login) => desk.explain_login(&login).await,
            Asked::Outbox => desk.outbox().await,
        }
    }
}

impl Desk<'_> {
    async fn explain_link(&self, id: &Id) -> Result<(), Failure> {
        self.inspect(&self.link(id)).await?;
        let known = self.interviews.of_link(id).await;
        told(&known.map(|known| match known {
            None => "no interview has this link, now or lately".to_owned(),
            Some((id, true, state)) => format!("interview {id}, {}: this is its link", state.name()),
            Some((id, false, state)) => {
                format!(
                    "interview {id}, {}: this link of it is dead. A new one: vestibule interview reissue {id}",
                    state.name()
                )
            }
        }))?;
        self.trail(id).await
    }

    async fn explain_login(&self, login: &Login) -> Result<(), Failure> {
        let user = self.user(login).await;
        self.inspect_all(&self.names.of_login(login)).await?;
        if let Ok(Some(user)) = &user {
            if let Some(other) = Self::other_name(user, login) {
                say(format_args!("Their other name, {}:", masked(other.key())))?;
                self.inspect_all(&self.names.of_login(&other)).await?;
            }
            self.inspect(&self.keys.account(&user.id.id())).await?;
            self.trail(&user.id.id()).await?;
        }
        self.trail(&self.names.in_trail(login)).await?;
        told(&user.map(|user| said_of(user.as_ref())))
    }

    async fn outbox(&self) -> Result<(), Failure> {
        let mut waits = false;
        for queue in [Queue::Mail, Queue::Starts, Queue::Resets] {
            for partition in self.keys.all_partitions() {
                let key = self.keys.queue(queue, partition);
                let reply = self.redis.decide(&ops::OUTBOX, [&key], []).await?;
                // Only its first line, and that none wait.
                if reply.texts().next().is_none() && reply.word().ends_with(": 0 waiting") {
                    continue;
                }
                waits = true;
                print(&reply, "")?;
            }
        }
        if waits { Ok(()) } else { say(format_args!("Nothing waits, and nothing was refused lately.")) }
    }

    async fn inspect_all(&self, keys: &[Key]) -> Result<(), Failure> {
        for key in keys {
            self.inspect(key).await?;
        }
        Ok(())
    }

    /// The key, as redis-cli takes it, and what inspect says of its subject.
    async fn inspect(&self, key: &Key) -> Result<(), Failure> {
        say(format_args!("# {}", key.name()))?;
        let reply = self.redis.decide(&ops::INSPECT, [key], [maxima(self.config).into()]).await?;
        print(&reply, "  ")
    }

    /// What the trail has of a subject, the newest first.
    async fn trail(&self, subject: &Id) -> Result<(), Failure> {
        let key = self.keys.audit(self.keys.partition(subject));
        say(format_args!("# {}, of {subject}", key.name()))?;
        print(&self.redis.decide(&ops::TRAIL, [&key], [subject.to_string().into()]).await?, "  ")
    }
}

impl Unlock {
    /// `by` is who types.
    pub(super) async fn run(self, config: &Config, by: &str) -> Result<(), Failure> {
        let asked = Asked::read(self.subject)?;
        telemetry::start(&config.log);
        let desk = Desk::open(config).await?;
        match asked {
            Asked::Link(id) => desk.unlock(&[desk.link(&id)], &id.to_string(), by).await,
            Asked::Uuid(id) => match desk.interviews.read(Reach::All, id).await? {
                Some(interview) => desk.unlock(&[desk.link(&interview.link)], &interview.link.to_string(), by).await,
                None => Err(Failure::usage(format!("there is no interview {id}; a user is unlocked by their name"))),
            },
            Asked::Client(address) => {
                let who = Subject::of(address).masked;
                desk.unlock(&desk.names.of_client(address), &who, by).await
            }
            Asked::Login(login) => {
                let who = masked(login.key());
                desk.unlock(&desk.names.of_login(&login), &who, by).await?;
                // Without Postgres, the name that was typed is all there is.
                let user = desk.user(&login).await.ok().flatten();
                match user.and_then(|user| Desk::other_name(&user, &login)) {
                    Some(other) => desk.unlock(&desk.names.of_login(&other), &masked(other.key()), by).await,
                    None => Ok(()),
                }
            }
            Asked::Outbox => Err(Failure::usage("what waits needs no unlocking: `vestibule explain outbox` says why")),
        }
    }
}

impl Desk<'_> {
    /// The script notes it in the trail of Redis; the log is ours.
    async fn unlock(&self, keys: &[Key], who: &str, by: &str) -> Result<(), Failure> {
        for key in keys {
            let args = [by.into(), maxima(self.config).into(), Id::nonce().into()];
            let reply = self.redis.decide(&ops::UNLOCK, [key], args).await?;
            if reply.word().starts_with("UNLOCKED") {
                audit::log(Event::Unlocked, who, Some(&by), None, "");
            }
            say(format_args!("# {}", key.name()))?;
            print(&reply, "  ")?;
        }
        Ok(())
    }
}

fn print(reply: &Reply, indent: &str) -> Result<(), Failure> {
    say(format_args!("{indent}{}", reply.word()))?;
    for line in reply.texts() {
        say(format_args!("{indent}{line}"))?;
    }
    Ok(())
}

/// What Postgres says; that it does not answer is no reason to say nothing.
fn told(known: &Result<String, Fault>) -> Result<(), Failure> {
    match known {
        Ok(words) => say(format_args!("# postgres\n  {words}")),
        Err(fault) => say(format_args!("# postgres\n  cannot be asked: {fault}")),
    }
}

fn said_of(user: Option<&User>) -> String {
    match user {
        None => "nobody has signed up so".to_owned(),
        Some(user) => format!(
            "user {}, {}, {}, since {}",
            user.id,
            masked(&user.username),
            user.role.name(),
            rfc3339(unix_ms(user.created))
        ),
    }
}

/// The limits as configured here, for scripts that know the default ones.
pub(super) fn maxima(config: &Config) -> String {
    let Limits { otp_request, otp_attempt, login_account, .. } = config.limits;
    let limits = &config.limits;
    let rates = [
        ("candidate_ip", limits.candidate_ip),
        ("login_ip", limits.login_ip),
        ("signup_ip", limits.signup_ip),
        ("forgot_email", limits.forgot_email),
        ("forgot_ip", limits.forgot_ip),
        ("reset_ip", limits.reset_ip),
        ("invite_user", limits.invite_user),
    ];
    let rates = rates.map(|(name, rate)| format!("{name}.max={} {name}.window={}", rate.max, rate.window.as_millis()));
    format!(
        "{} otp_request.max={} otp_request.window={} otp_request.apart={} otp_attempt.max={} otp_attempt.total_max={} \
         login_account.max={} login_account.wait={} login_account.wait_max={} candidate.code_life={}",
        rates.join(" "),
        otp_request.max,
        otp_request.window.as_millis(),
        otp_request.apart.as_millis(),
        otp_attempt.max,
        otp_attempt.total_max,
        login_account.max,
        login_account.wait.as_millis(),
        login_account.wait_max.as_millis(),
        config.candidate.code_life.as_millis(),
    )
}
