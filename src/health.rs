//! Whether the dependencies answer, asked when somebody wants to know.

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

    /// Redis, then Postgres: true where it answers well within its deadline.
    pub async fn look(&self) -> (bool, bool) {
        let (redis, postgres) = tokio::join!(self.redis.probe(&self.keys), schema_state(&self.postgres));
        (matches!(redis, Ok(Ok(_))), postgres.is_ok())
    }
}
