//! Connections to the relay that wait for the next letter.

use lettre::transport::smtp::client::AsyncSmtpConnection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// More letters at a time open more connections, which close when done.
const IDLE_MAX: usize = 4;

/// Long enough for the letters of a busy minute; far below the 5 minutes after which relays hang up by themselves.
const IDLE_FOR: Duration = Duration::from_secs(20);

/// A kept connection that does not answer at once is dead: a new one is quicker than waiting for it.
const STILL_THERE_WITHIN: Duration = Duration::from_secs(2);

/// Courtesy to the relay's log, no more.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub(super) struct IdleConnections(Arc<Mutex<Idle>>);

#[derive(Default)]
struct Idle {
    kept: Vec<Kept>,
    /// Whether a task is there to close them in time.
    watched: bool,
}

struct Kept {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl IdleConnections {
    /// Only for a connection whose last letter was answered: any other may still hold an answer for somebody else.
    pub(super) fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = lock(&self.0);
        if idle.kept.len() >= IDLE_MAX {
            tokio::spawn(goodbye(connection));
            return;
        }
        let since = Instant::now();
        idle.kept.push(Kept { connection, since });
        if !idle.watched {
            idle.watched = true;
            tokio::spawn(watch(Arc::downgrade(&self.0)));
        }
    }

    /// One that still answers.
    pub(super) async fn take(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut kept = lock(&self.0).kept.pop()?;
            let noop = timeout(STILL_THERE_WITHIN, kept.connection.test_connected());
            if kept.since.elapsed() < IDLE_FOR && noop.await == Ok(true) {
                return Some(kept.connection);
            }
        }
    }
}

pub(super) async fn goodbye(mut connection: AsyncSmtpConnection) {
    let _unheard = timeout(GOODBYE_WITHIN, connection.quit()).await;
}

/// From the first connection kept to the last one closed.
async fn watch(idle: Weak<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(IDLE_FOR / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let old: Vec<Kept> = {
            let mut idle = lock(&idle);
            idle.watched = !idle.kept.is_empty();
            if !idle.watched {
                return;
            }
            let too_old = |kept: &mut Kept| kept.since.elapsed() >= IDLE_FOR;
            idle.kept.extract_if(.., too_old).collect()
        };
        for kept in old {
            goodbye(kept.connection).await;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
