//! Candidates and members, put where a node finds them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use vestibule::config::Config;
use vestibule::id::Id;
use vestibule::jobs::{JobId, JobKind};
use vestibule::keyring::{Keyring, Sealed};
use vestibule::link::LinkToken;
use vestibule::metrics::Metrics;
use vestibule::redis::{Gate, Keys, Redis, scripts};

/// Unix ms of the year 2106.
const FAR: u64 = 0xFFFF_FFFF * 1_000;
/// Of decisions under way: what a node may have by default, so that none waits.
const BATCH: usize = 256;
/// Of every link that is seeded with one.
pub(crate) const CODE: &str = "123456";

/// Puts things into Redis by the shipped scripts, as a node does.
pub(crate) struct Seed {
    pub(crate) redis: Redis,
    pub(crate) keys: Keys,
    pub(crate) keyring: Keyring,
}

impl Seed {
    pub(crate) async fn connect(config: &Config) -> Self {
        let settings = &config.redis;
        let gate = Arc::new(Gate::new(settings.in_flight_max, settings.waiting_max, settings.wait_max));
        let redis = Redis::connect(settings, gate, Arc::new(Metrics::new())).await.unwrap();
        let keys = Keys::new(&settings.prefix, settings.partitions);
        Self { redis, keys, keyring: Keyring::new(&config.secrets.root_keys) }
    }

    /// Links that live.
    pub(crate) async fn links(&self, count: usize) -> Vec<LinkToken> {
        let links: Vec<LinkToken> = (0..count).map(|_| LinkToken::fresh()).collect();
        for batch in links.chunks(BATCH) {
            join_all(batch.iter().map(|link| self.link(link.id()))).await;
        }
        links
    }

    /// Links whose candidates have been sent [`CODE`]; its mail is gone already.
    pub(crate) async fn links_with_codes(&self, count: usize) -> Vec<LinkToken> {
        let links = self.links(count).await;
        for batch in links.chunks(BATCH) {
            join_all(batch.iter().map(|link| self.code(link.id()))).await;
        }
        links
    }

    async fn link(&self, id: Id) {
        let to = self.keyring.seal(Sealed::Recipient, &id, b"ada.lovelace@example.com");
        let (interview, session) = (uuid::Uuid::now_v7().to_string(), uuid::Uuid::now_v7().to_string());
        let args = [
            interview.into(),
            session.into(),
            "Ada Lovelace".into(),
            "Senior Engineer".into(),
            "a***@e***.com".into(),
            to.into(),
            60_u64.into(),
            FAR.into(),
            "".into(),
            Duration::from_secs(3_600).into(),
        ];
        let reply = self.redis.decide(&scripts::LINK_ADD, [&self.keys.link(&id)], args).await.unwrap();
        assert!(reply.is("added"), "{reply:?}");
    }

    async fn code(&self, id: Id) {
        let job = JobId { kind: JobKind::Code, subject: id };
        // Its mail waits in a queue that nobody looks into: what is mailed is no part of what is measured.
        let aside = self.keys.audit_batch(self.keys.partition(&id), &Id::nonce());
        let names = [&self.keys.link(&id), &self.keys.otp(&id), &self.keys.job(&job), &aside];
        let args = [
            Id::nonce().into(),
            self.keyring.code_mac(&id, CODE).into(),
            "K7Q".into(),
            "sealed".into(),
            job.to_string().into(),
            5_u64.into(),
            Duration::from_secs(600).into(),
            Duration::from_secs(60).into(),
            Duration::from_secs(600).into(),
            100_u64.into(),
            10_000_u64.into(),
            Duration::from_secs(3_600).into(),
        ];
        let reply = self.redis.decide(&scripts::OTP_REQUEST, names, args).await.unwrap();
        assert!(reply.is("sent"), "{reply:?}");
    }

    pub(crate) async fn close(&self) {
        self.redis.close().await;
    }
}
