//! What everything in a node shares, and what is built from it for each worker.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Refusal;
use crate::access::{self, Access};
use crate::accounts::{self, Accounts};
use crate::app::App;
use crate::audit::Trail;
use crate::candidate::{self, Candidate};
use crate::config::Config;
use crate::fault::Fault;
use crate::http::{TrustedProxies, Uploads};
use crate::interviews::{self, Interviews, Recruiting};
use crate::jobs::{self, Wake};
use crate::jwt::Jwt;
use crate::keyring::Keyring;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::password::{Hasher, Rules};
use crate::postgres::Postgres;
use crate::profile::Profiles;
use crate::redis::{Gate, Keys, Redis};
use crate::reset::{self, ForgotWorker, Reset};
use crate::sessions::Sessions;
use crate::test_recipients::TestRecipients;
use crate::users::Users;

/// What everything in a node shares.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) gate: Arc<Gate>,
    pub(super) keys: Keys,
    pub(super) postgres: Postgres,
    pub(super) keyring: Arc<Keyring>,
    pub(super) jwt: Arc<Jwt>,
    pub(super) hasher: Hasher,
    pub(super) rules: Rules,
    pub(super) tests: TestRecipients,
    pub(super) metrics: Arc<Metrics>,
    pub(super) trail: Trail,
    uploads: Uploads,
    pages: Arc<Pages>,
    pub(super) wake: Wakes,
    pub(super) draining: CancellationToken,
}

/// Bells of the workers of queues.
pub(super) struct Wakes {
    pub(super) mail: Wake,
    pub(super) starts: Wake,
    pub(super) resets: Wake,
}

/// Their ears.
pub(super) struct Ears {
    pub(super) mail: mpsc::Receiver<jobs::JobId>,
    pub(super) starts: mpsc::Receiver<jobs::JobId>,
    pub(super) resets: mpsc::Receiver<jobs::JobId>,
}

pub(super) fn wakes() -> (Wakes, Ears) {
    let ((mail, mail_ear), (starts, starts_ear), (resets, resets_ear)) =
        (Wake::channel(), Wake::channel(), Wake::channel());
    (Wakes { mail, starts, resets }, Ears { mail: mail_ear, starts: starts_ear, resets: resets_ear })
}

impl Shared {
    /// Everything but the connections.
    pub(super) fn prepare(config: Config, wake: Wakes) -> Result<Self, Refusal> {
        let metrics = Arc::new(Metrics::new());
        let settings = &config.redis;
        let keys = Keys::new(&settings.prefix, settings.partitions);
        let postgres = Postgres::new(&config.postgres, Arc::clone(&metrics));
        let hasher = Hasher::start(&config.accounts, &config.secrets.pepper_keys, Arc::clone(&metrics))
            .map_err(|error| Refusal::Config(format!("accounts.hash_threads: a thread cannot be started: {error}")))?;
        let gate = Arc::new(Gate::new(settings.in_flight_max, settings.waiting_max, settings.wait_max));
        let looked_at = Arc::clone(&gate);
        metrics.look_at_scrape(move |metrics| {
            let (in_flight, waiting) = looked_at.load();
            metrics.redis_load(in_flight, waiting);
        });
        let tests = TestRecipients::new(config.test_recipients.as_ref(), Arc::clone(&metrics));
        let looked_at = tests.clone();
        metrics.look_at_scrape(move |metrics| metrics.tests(looked_at.is_on()));
        Ok(Self {
            gate,
            tests,
            trail: Trail::new(keys.clone(), Arc::clone(&metrics)),
            keys,
            postgres,
            keyring: Arc::new(Keyring::new(&config.secrets.root_keys)),
            jwt: Arc::new(Jwt::new(&config.secrets.jwt_keys, config.public_url.as_str(), config.jwt.leeway)),
            hasher,
            rules: Rules::new(&config.accounts),
            metrics,
            pages: Arc::new(Pages::new(&config)),
            uploads: Uploads::new(config.profile.uploads_max, config.profile.upload_wait_max),
            wake,
            draining: CancellationToken::new(),
            config,
        })
    }

    pub(super) async fn connect(&self) -> Result<Redis, Fault> {
        Redis::connect(&self.config.redis, Arc::clone(&self.gate), Arc::clone(&self.metrics)).await
    }

    fn users(&self) -> Users {
        Users::new(self.postgres.clone())
    }

    /// The features of one worker, on its own Redis client.
    pub(super) fn app(&self, redis: &Redis) -> App {
        let config = &self.config;
        let limits = Limits::new(redis.clone(), self.keys.clone(), Arc::clone(&self.keyring), config.limits);
        let access = self.access(redis);
        App {
            http: config.http.clone(),
            proxies: TrustedProxies::new(config.trusted_proxies.clone()),
            candidate: self.candidate(redis),
            accounts: Accounts::new(accounts::Parts {
                limits: limits.clone(),
                users: self.users(),
                hasher: self.hasher.clone(),
                access: access.clone(),
            }),
            sessions: Sessions::new(access.clone(), self.users()),
            reset: self.reset(redis, &limits, &access),
            profiles: Profiles::new(self.users(), self.postgres.clone(), &config.profile),
            recruiting: self.recruiting(redis),
            limits,
            access,
            rules: self.rules,
            uploads: self.uploads.clone(),
            pages: Arc::clone(&self.pages),
            trail: self.trail.clone(),
            metrics: Arc::clone(&self.metrics),
            tasks: TaskTracker::new(),
            draining: self.draining.clone(),
        }
    }

    fn candidate(&self, redis: &Redis) -> Candidate {
        let config = &self.config;
        Candidate::new(candidate::Parts {
            redis: redis.clone(),
            keys: self.keys.clone(),
            postgres: self.postgres.clone(),
            keyring: Arc::clone(&self.keyring),
            jwt: Arc::clone(&self.jwt),
            wake_mail: self.wake.mail.clone(),
            wake_starts: self.wake.starts.clone(),
            tests: self.tests.clone(),
            settings: config.candidate.clone(),
            limits: config.limits,
            room: config.mail.waiting_max,
        })
    }

    fn recruiting(&self, redis: &Redis) -> Recruiting {
        let config = &self.config;
        Recruiting::new(interviews::Parts {
            redis: redis.clone(),
            keys: self.keys.clone(),
            interviews: Interviews::new(self.postgres.clone()),
            keyring: Arc::clone(&self.keyring),
            wake_mail: self.wake.mail.clone(),
            tests: self.tests.clone(),
            public_url: config.public_url.to_string(),
            link_life: config.candidate.link_life,
            wrong_codes_max: config.limits.otp_attempt.total_max,
            room: config.mail.waiting_max,
        })
    }

    fn access(&self, redis: &Redis) -> Access {
        Access::new(access::Parts {
            redis: redis.clone(),
            keys: self.keys.clone(),
            keyring: Arc::clone(&self.keyring),
            jwt: Arc::clone(&self.jwt),
            wake_mail: self.wake.mail.clone(),
            settings: self.config.sessions,
            forgot_url: format!("{}/forgot-password", self.config.public_url),
            room: self.config.mail.waiting_max,
        })
    }

    fn reset(&self, redis: &Redis, limits: &Limits, access: &Access) -> Reset {
        Reset::new(reset::Parts {
            redis: redis.clone(),
            keys: self.keys.clone(),
            keyring: Arc::clone(&self.keyring),
            wake_resets: self.wake.resets.clone(),
            users: self.users(),
            hasher: self.hasher.clone(),
            rules: self.rules,
            access: access.clone(),
            limits: limits.clone(),
            forgot_email: self.config.limits.forgot_email,
            room: self.config.mail.waiting_max,
        })
    }

    pub(super) fn forgot_worker(&self, redis: &Redis) -> ForgotWorker {
        ForgotWorker {
            redis: redis.clone(),
            keys: self.keys.clone(),
            users: self.users(),
            keyring: Arc::clone(&self.keyring),
            wake_mail: self.wake.mail.clone(),
            tests: self.tests.clone(),
            reset_url: format!("{}/reset-password", self.config.public_url),
            token_life: self.config.reset.token_life,
            room: self.config.mail.waiting_max,
        }
    }
}
