//! The worker of a queue: one in every node, woken for its own jobs, sweeping for all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::oldest::Oldest;
use super::{Job, JobId, JobKind, Jobs, Queue};
use crate::fault::Fault;
use crate::random;

/// What was seen of a queue longer ago is told no more: two scrapes of 15 s.
const SEEN_OLD: Duration = Duration::from_secs(30);

/// How an attempt ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Carried out.
    Done,
    /// Not now; the words are for the engineer.
    Defer(String),
    /// Never; the words are for the engineer.
    Refuse(String),
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Defer(_) => "deferred",
            Self::Refuse(_) => "refused",
        }
    }
}

/// How fast a worker goes, and how long it lets go between attempts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Jobs carried out at the same time.
    pub concurrency: usize,
    /// A taken job falls due again after this.
    pub lease: Duration,
    /// Between two looks at the queue.
    pub sweep: Duration,
    /// Delay after the first failure; doubles with each.
    pub retry_min: Duration,
    /// Longest delay.
    pub retry_max: Duration,
    /// Lines of refused jobs kept in each partition.
    pub refused_keep: u32,
}

/// Works until `stop`, then finishes what it has begun.
pub async fn run<W, F>(
    jobs: Jobs,
    queue: Queue,
    pace: Pace,
    mut woken: mpsc::Receiver<JobId>,
    stop: CancellationToken,
    work: W,
) where
    W: Fn(Arc<Job>) -> F + Clone + Send + 'static,
    F: Future<Output = Outcome> + Send,
{
    for kind in JobKind::ALL.into_iter().filter(|kind| kind.queue() == queue) {
        jobs.redis.metrics().may_work(kind.name());
    }
    let (tasks, places) = (TaskTracker::new(), Arc::new(Semaphore::new(pace.concurrency)));
    // Put off for the longest, found by the sweep after that, and tried in the time of its lease.
    let oldest = Oldest::new(pace.retry_max + pace.sweep + pace.lease, Instant::now());
    let oldest = Arc::new(Mutex::new(oldest));
    let mut sweeps = interval(pace.sweep);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = tokio::select! {
            () = stop.cancelled() => break,
            Some(job) = woken.recv() => vec![job],
            _ = sweeps.tick() => sweep(&jobs, queue, &oldest).await,
        };
        for id in due {
            // Where no place comes free, what is listed here ages: another look finds the
            // longest due first.
            let free = timeout(pace.sweep, Arc::clone(&places).acquire_owned());
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = free => match place {
                    Ok(place) => place.expect("the semaphore is never closed"),
                    Err(_) => break,
                },
            };
            let (jobs, work, oldest) = (jobs.clone(), work.clone(), Arc::clone(&oldest));
            tasks.spawn(async move {
                if let Err(fault) = attempt(&jobs, pace, &id, work, &oldest).await {
                    tracing::warn!(job = %id, cause = %fault, "a job is left for later");
                }
                drop(place);
            });
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn sweep(jobs: &Jobs, queue: Queue, oldest: &Mutex<Oldest>) -> Vec<JobId> {
    let (mut due, mut waiting, mut overdue) = (Vec::new(), 0, Duration::ZERO);
    for partition in jobs.keys.all_partitions() {
        match jobs.due(queue, partition).await {
            Ok(seen) => {
                due.extend(seen.jobs);
                waiting += seen.waiting;
                overdue = overdue.max(seen.overdue);
            }
            Err(fault) => {
                tracing::warn!(queue = queue.name(), cause = %fault, "the queue cannot be seen");
                jobs.redis.metrics().queue_unseen(queue.name(), SEEN_OLD);
                return due;
            }
        }
    }
    let age = {
        let mut oldest = oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting == 0 {
            oldest.clear();
        }
        oldest.age(Instant::now())
    };
    jobs.redis.metrics().queue_seen(queue.name(), waiting, overdue, age.max(overdue));
    due
}

async fn attempt<W, F>(jobs: &Jobs, pace: Pace, id: &JobId, work: W, oldest: &Mutex<Oldest>) -> Result<(), Fault>
where
    W: Fn(Arc<Job>) -> F,
    F: Future<Output = Outcome>,
{
    let Some(job) = jobs.claim(id, pace.lease).await? else { return Ok(()) };
    let job = Arc::new(job);
    let outcome = work(Arc::clone(&job)).await;
    jobs.redis.metrics().worked(id.kind.name(), outcome.name());
    match outcome {
        Outcome::Done => jobs.done(&job).await,
        Outcome::Defer(why) => {
            let delay = back_off(job.tries, pace.retry_min, pace.retry_max, random::bytes::<1>()[0]);
            tracing::warn!(job = %id, tries = job.tries + 1, delay_ms = delay.as_millis(), cause = why, "a job is put off");
            oldest.lock().unwrap_or_else(PoisonError::into_inner).put_off(job.queued, Instant::now());
            jobs.defer(&job, delay, &why).await
        }
        Outcome::Refuse(why) => {
            tracing::error!(job = %id, cause = why, "a job is given up; it is in the list of refused ones");
            jobs.refuse(&job, &why, pace.refused_keep).await
        }
    }
}

/// Doubles from `min` to `max`, less up to a fifth: a relay that comes back is not met by
/// everything at once.
fn back_off(tries: u32, min: Duration, max: Duration, chance: u8) -> Duration {
    let delay = min.saturating_mul(2_u32.saturating_pow(tries)).min(max);
    delay - delay.mul_f64(f64::from(chance) / 255.0 * 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_to_its_bound_with_jitter_below_it() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(28));
        let at = |tries, chance| back_off(tries, min, max, chance).as_millis();
        assert_eq!([at(0, 0), at(1, 0), at(4, 0), at(5, 0), at(60, 0)], [1_000, 2_000, 16_000, 28_000, 28_000]);
        assert_eq!([at(0, 255), at(60, 255)], [800, 22_400]);
    }
}
