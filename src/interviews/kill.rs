//! Making dead links dead in Redis, at once and on every node.
//!
//! Postgres commits first and notes the link in `dead_links`; then Redis is told, and that
//! is noted too. Whoever dies in between leaves the first note, and any node finishes the
//! work. For an hour Redis is told again every minute: a failover may have forgotten it.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::Interviews;
use crate::fault::Fault;
use crate::id::Id;
use crate::jobs::{JobId, JobKind};
use crate::redis::{Keys, Redis, scripts};

/// Links that could not be told of, after which the rest waits for the next look: each takes
/// some seconds where Redis is silent.
const FAILURES_MAX: usize = 8;

/// Kills links in Redis.
#[derive(Clone, Debug)]
pub struct Killer {
    interviews: Interviews,
    redis: Redis,
    keys: Keys,
}

impl Killer {
    /// Of the links that these interviews note as dead.
    #[must_use]
    pub fn new(interviews: Interviews, redis: Redis, keys: Keys) -> Self {
        Self { interviews, redis, keys }
    }

    /// Tells Redis of every link that it has to be told of; answers how many of them it
    /// had never been told of.
    ///
    /// # Errors
    /// A [`Fault`] where Redis or Postgres failed: what was not told stays noted. One link that
    /// cannot be told of does not keep the others waiting.
    pub async fn kill_noted(&self) -> Result<usize, Fault> {
        let mut killed = 0;
        loop {
            let dead = self.interviews.untold().await?;
            if dead.is_empty() {
                return Ok(killed);
            }
            let mut failed = Vec::new();
            for link in dead {
                let told = async {
                    self.kill(&link.digest.id()).await?;
                    self.interviews.told(link.digest).await
                };
                match told.await {
                    Ok(()) => killed += usize::from(!link.told),
                    Err(fault) => failed.push(fault),
                }
                if failed.len() >= FAILURES_MAX {
                    break;
                }
            }
            if let Some(fault) = failed.pop() {
                return Err(fault);
            }
        }
    }

    /// Tells Redis of every dead link of one interview that it was not told of: of the last one,
    /// and of those whose killers failed half-way.
    ///
    /// # Errors
    /// As [`Self::kill_noted`].
    pub async fn kill_of(&self, interview: Uuid) -> Result<(), Fault> {
        let dead = self.interviews.untold_of(interview).await?;
        for digest in &dead {
            self.kill(&digest.id()).await?;
        }
        for digest in dead {
            if let Err(fault) = self.interviews.told(digest).await {
                tracing::warn!(cause = %fault, "a link is dead, which is not noted: redis will be told of it again");
            }
        }
        Ok(())
    }

    async fn kill(&self, link: &Id) -> Result<(), Fault> {
        let job = |kind| self.keys.job(&JobId { kind, subject: *link });
        let names = [
            &self.keys.link(link),
            &self.keys.otp(link),
            &self.keys.seat(link),
            &job(JobKind::Code),
            &job(JobKind::Invitation),
        ];
        self.redis.decide(&scripts::LINK_KILL, names, []).await.map(drop)
    }
}

/// Finishes, every now and then, what a killer that died has begun; until `stop`.
pub async fn sweep_dead_links(killer: Killer, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match killer.kill_noted().await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "dead links were made dead in redis that their killer had left"),
            Err(fault) => tracing::warn!(cause = %fault, "dead links wait for being made dead in redis"),
        }
    }
}
