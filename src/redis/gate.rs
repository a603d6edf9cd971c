//! Sheds load by waiting time: a node that cannot keep up says so at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::fault::{Dependency, Fault};

/// Bounds the decisions under way on a node, those that wait for a place, and how long.
#[derive(Debug)]
pub struct Gate {
    places: Semaphore,
    in_flight_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait_max: Duration,
}

impl Gate {
    /// From `redis.in_flight_max`, `redis.waiting_max` and `redis.wait_max`.
    #[must_use]
    pub fn new(in_flight_max: usize, waiting_max: usize, wait_max: Duration) -> Self {
        let places = Semaphore::new(in_flight_max);
        Self { places, in_flight_max, waiting: AtomicUsize::new(0), waiting_max, wait_max }
    }

    /// A place that is free at once.
    pub(super) fn try_enter(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Decisions under way, and those that wait.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let in_flight = self.in_flight_max.saturating_sub(self.places.available_permits());
        (in_flight, self.waiting.load(Ordering::Relaxed))
    }

    /// Waits for a place, which is given back when the permit is dropped.
    ///
    /// # Errors
    /// A [`Fault`] where too many wait already, or it took too long.
    pub async fn enter(&self) -> Result<SemaphorePermit<'_>, Fault> {
        if let Some(permit) = self.try_enter() {
            return Ok(permit);
        }
        let _counted = Waiting::count(self).ok_or_else(|| Fault::new(Dependency::Load, "too many decisions wait"))?;
        match timeout(self.wait_max, self.places.acquire()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(Fault::new(Dependency::Load, format!("waited {} ms for a place", self.wait_max.as_millis()))),
        }
    }
}

/// Counts one that waits, also when its future is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(gate: &'a Gate) -> Option<Self> {
        let before = gate.waiting.fetch_add(1, Ordering::Relaxed);
        let counted = Self(&gate.waiting);
        (before < gate.waiting_max).then_some(counted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_or_behind_too_many_is_refused() {
        let gate = Gate::new(1, 1, Duration::from_millis(20));
        let held = gate.enter().await.unwrap();
        assert_eq!(gate.load(), (1, 0));
        let (first, second) = tokio::join!(gate.enter(), gate.enter());
        assert!(first.unwrap_err().to_string().contains("waited 20 ms"));
        assert!(second.unwrap_err().to_string().contains("too many"));
        drop(held);
        assert!(gate.enter().await.is_ok());
        assert_eq!(gate.load(), (0, 0));
    }
}
