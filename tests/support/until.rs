//! Waiting for a condition: the only place where the tests let time pass.

use std::time::Duration;

use tokio::time::{Instant, interval};

/// Longer than anything that is waited for takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `condition` again and again until it gives a value.
#[track_caller]
pub(crate) fn until<T, C, F>(what: &str, condition: C) -> impl Future<Output = T>
where
    C: Fn() -> F,
    F: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let (started, mut ticks) = (Instant::now(), interval(Duration::from_millis(5)));
        loop {
            ticks.tick().await;
            if let Some(value) = condition().await {
                return value;
            }
            assert!(started.elapsed() < PATIENCE, "waited in vain for {what} at {caller}");
        }
    }
}

/// Asks `condition` every `period`, for as long as `patience`: its value, or what it complained of last.
pub(crate) async fn answered<T>(
    period: Duration,
    patience: Duration,
    condition: impl AsyncFn() -> Result<T, String>,
) -> Result<T, String> {
    let (started, mut ticks) = (Instant::now(), interval(period));
    loop {
        ticks.tick().await;
        match condition().await {
            Err(_) if started.elapsed() < patience => {}
            answer => return answer,
        }
    }
}
