//! Whether a client still works, and a new one in its place where it does not.
//!
//! The library reconnects by itself, and mostly well. What it does not see, or sees late: a
//! task that ended, a primary that became a replica under an open connection, a list of
//! nodes that is out of date altogether. So each client is asked for a write once a second.

use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use tokio::time::sleep;

use super::connect::{Dialled, Life, dial};
use super::probe::look;
use super::{Keys, Redis, was_lost};
use crate::config::Redis as Settings;
use crate::random;

/// Between two looks, and two dials. With the jitter, nodes of a fleet drift apart.
const LOOK_EVERY_MS: u64 = 750;
/// 750 ms and up to 500 ms of jitter: a second in the mean.
const JITTER_MS: u64 = 500;
/// Looks in a row. Each waits at most `redis.command_timeout`: 3 x (1.25 s + 700 ms) is 5.9 s
/// at most, and 3 s where the answer is an error. The library's own way back is quicker.
const FAILURES_MAX: u32 = 3;
/// Twice as many after each replacement that did not help, up to a minute's: a shard that is gone for an hour is no
/// fault of the client, nor of the shards beside it.
const FAILURES_LONGEST: u32 = 48;

/// Watches the client of `redis`, and replaces it, for as long as the runtime lives.
pub(super) async fn supervise(redis: Redis, settings: Settings, mut life: Life) {
    let keys = Keys::new(&settings.prefix, settings.partitions);
    let mut failures_max = FAILURES_MAX;
    loop {
        let cause = tokio::select! {
            ended = &mut life.task => match ended {
                // The library ends well wherever something was canceled, not only where we closed it.
                _ if redis.shared.closed.load(Ordering::Relaxed) => return,
                Ok(Ok(())) => "its task has ended".to_owned(),
                Ok(Err(error)) => error.details().to_owned(),
                Err(_) => "its task has failed".to_owned(),
            },
            cause = is_unwell(&redis, &keys, &mut failures_max) => cause,
        };
        tracing::error!(cause, "the redis client does not come back by itself; making a new one");
        let Some(Dialled { client, life: fresh }) = until_dialled(&redis, &keys, &settings, &life).await else {
            tracing::info!("the redis client came back by itself");
            continue;
        };
        redis.replace(client);
        redis.shared.metrics.redis_client_replaced();
        failures_max = (2 * failures_max).min(FAILURES_LONGEST);
        let (old, patience) = (mem::replace(&mut life, fresh), settings.command_timeout);
        // What is under way on the old one may still be answered.
        tokio::spawn(async move {
            sleep(patience).await;
            old.end();
        });
    }
}

/// Why, once it has been so for a while.
async fn is_unwell(redis: &Redis, keys: &Keys, failures_max: &mut u32) -> String {
    let mut failures = 0;
    loop {
        pause().await;
        match look(redis, keys).await {
            Err(error) if was_lost(&error) || lacks_replicas(&error) => failures += 1,
            // An error that another client would be told as well is for the caller to hear.
            Err(_) => failures = 0,
            Ok(()) => (failures, *failures_max) = (0, FAILURES_MAX),
        }
        if failures == *failures_max {
            return format!("{failures} looks in a row have failed");
        }
    }
}

/// It may be one that was cut off or stopped, and in whose place another was elected: it finds that out seconds after.
fn lacks_replicas(error: &Error) -> bool {
    error.details().starts_with("NOREPLICAS")
}

/// The old client is left in place meanwhile, and stays where it comes back first.
async fn until_dialled(redis: &Redis, keys: &Keys, settings: &Settings, old: &Life) -> Option<Dialled> {
    loop {
        match dial(settings, &redis.shared.metrics, &redis.shared.pipes).await {
            Ok(dialled) => return Some(dialled),
            Err(error) => tracing::debug!(cause = error.details(), "redis cannot be reached"),
        }
        pause().await;
        if !old.task.is_finished() && look(redis, keys).await.is_ok() {
            return None;
        }
    }
}

async fn pause() {
    let jitter = u64::from(u16::from_be_bytes(random::bytes())) % JITTER_MS;
    sleep(Duration::from_millis(LOOK_EVERY_MS + jitter)).await;
}

impl Redis {
    fn replace(&self, client: Client) {
        // The old one is dropped once the lock is free: what its end does is the library's.
        let _old = mem::replace(&mut *self.shared.client.write().expect("no holder of this lock can panic"), client);
        self.shared.pipes.forget();
    }

    /// Ends the client: nothing it has under way is waited for.
    pub async fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.pipes.close();
        let client = self.client().0;
        if let Err(error) = client.quit().await {
            tracing::debug!(cause = error.details(), "redis was not told goodbye");
        }
    }
}
