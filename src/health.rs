//! Whether the dependencies answer, and what is wrong with them: asked when somebody wants to know.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::Redis as RedisSettings;
use crate::fault::{Dependency, Fault};
use crate::mail::Post;
use crate::postgres::{Postgres, SchemaState, schema_state};
use crate::redis::{Keys, Redis, reach};

/// Below the second that orchestrators give a probe: one that is late would take every node out at once, for a
/// dependency that they all share. With twice [`REACH`], 600 ms.
const PATIENCE: Duration = Duration::from_millis(400);
/// To find out whether there is anybody at all, and then whether we are let in.
const REACH: Duration = Duration::from_millis(100);
/// For each primary of a cluster, all asked at once: below [`PATIENCE`], so that one which is silent is named.
const PRIMARY: Duration = Duration::from_millis(300);

/// How long what was seen is told again: several proxies ask each second, and one look serves them all.
const FRESH: Duration = Duration::from_secs(1);

/// Asks them.
#[derive(Debug)]
pub struct Health {
    redis: Redis,
    redis_settings: RedisSettings,
    keys: Keys,
    postgres: Postgres,
    post: Post,
    /// Held while one looks, so that the others wait for what it sees.
    seen: Mutex<Option<(Instant, Vec<Fault>)>>,
}

impl Health {
    /// Of these.
    #[must_use]
    pub fn new(redis: Redis, redis_settings: RedisSettings, keys: Keys, postgres: Postgres, post: Post) -> Self {
        Self { redis, redis_settings, keys, postgres, post, seen: Mutex::default() }
    }

    /// What is wrong, or was within a second, in words without a secret. The relay is not asked: what it last said is
    /// known.
    pub async fn look(&self) -> Vec<Fault> {
        let mut seen = self.seen.lock().await;
        if let Some((at, faults)) = &*seen
            && at.elapsed() < FRESH
        {
            return faults.clone();
        }
        let (redis, postgres) = tokio::join!(self.look_at_redis(), self.look_at_postgres());
        let faults: Vec<Fault> = [redis.err(), postgres.err(), self.post.trouble()].into_iter().flatten().collect();
        *seen = Some((Instant::now(), faults.clone()));
        faults
    }

    async fn look_at_redis(&self) -> Result<(), Fault> {
        let wrong = |cause: String| Err(Fault::new(Dependency::Redis, cause));
        match timeout(PATIENCE, self.redis.probe_within(&self.keys, PRIMARY)).await {
            Ok(Ok(Ok(facts))) => facts.full.map_or(Ok(()), wrong),
            Ok(Ok(Err(unfit))) => wrong(unfit.0),
            Ok(Err(fault)) => Err(fault),
            Err(_) => match reach(&self.redis_settings, REACH).await {
                Err(cause) => wrong(cause),
                Ok(()) => wrong(format!(
                    "no answer in {} ms from a server that takes connections: it is stopped or busy",
                    PATIENCE.as_millis()
                )),
            },
        }
    }

    async fn look_at_postgres(&self) -> Result<(), Fault> {
        let wrong = |cause: String| Err(Fault::new(Dependency::Postgres, cause));
        let asked = async { Ok((self.postgres.takes_writes().await?, schema_state(&self.postgres).await?)) };
        match timeout(PATIENCE, asked).await {
            Ok(Ok((true, SchemaState::Fit(_)))) => Ok(()),
            Ok(Ok((true, SchemaState::Older { found, needed }))) => {
                wrong(format!("the schema is at version {found}, {needed} is needed: run `vestibule migrate`"))
            }
            Ok(Ok((false, _))) => wrong("it takes no writes: it is a replica, or set to be read-only".to_owned()),
            Ok(Err(fault)) => Err(fault),
            Err(_) if self.postgres.is_busy() => wrong(
                "every connection of the pool is in use: queries are slow, or postgres.connections_max is small"
                    .to_owned(),
            ),
            Err(_) => {
                let known = Some(self.postgres.troubles()).filter(|known| !known.is_empty());
                let known = known.map(|known| format!(" ({known})")).unwrap_or_default();
                wrong(format!("no answer in {} ms{known}", PATIENCE.as_millis()))
            }
        }
    }
}
