//! Whether the dependencies answer, asked when somebody wants to know.

use std::time::Duration;

use tokio::time::timeout;

use crate::postgres::{Postgres, schema_state};
use crate::redis::{Keys, Redis};

/// Asks them.
#[derive(Debug)]
pub struct Health {
    redis: Redis,
    keys: Keys,
    postgres: Postgres,
}

impl Health {
    /// Of these two.
    #[must_use]
    pub fn new(redis: Redis, keys: Keys, postgres: Postgres) -> Self {
        Self { redis, keys, postgres }
    }

    /// Redis, then Postgres: true where it answers, and well.
    pub async fn look(&self) -> (bool, bool) {
        /// Below the second that orchestrators give a probe: one that is late would take
        /// every node out at once, for a dependency that they all share.
        const PATIENCE: Duration = Duration::from_millis(500);
        let redis = timeout(PATIENCE, self.redis.probe(&self.keys));
        let postgres = timeout(PATIENCE, schema_state(&self.postgres));
        let (redis, postgres) = tokio::join!(redis, postgres);
        (matches!(redis, Ok(Ok(Ok(_)))), matches!(postgres, Ok(Ok(_))))
    }
}
