//! The threads that hash, and what waits for them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Block, Params};
use rustix::process::nice;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout_at;
use vestibule_argon2id::{Argon2id, Input};
use zeroize::Zeroizing;

use super::Password;
use super::phc::Cost;
use crate::config::NamedKey;
use crate::fault::{Dependency, Fault};
use crate::metrics::{HashWaiting, Metrics};

/// What a thread gives way by, of 19: it gets a tenth of what a worker gets where both want the same core.
const NICE: i32 = 10;

/// What one hash is made of.
pub(super) struct Work {
    pub(super) password: Password,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) pepper: Option<Arc<NamedKey>>,
}

/// Where hashes are asked for. Dropped, it ends the workers.
pub(super) struct Queue {
    jobs: Sender<Job>,
    /// As many as may wait.
    places: Arc<Semaphore>,
    timeout: Duration,
    metrics: Arc<Metrics>,
}

/// Room in the queue for one hash, until a thread comes to it. To be had before anything is spent on what needs it.
#[derive(Debug)]
pub struct Place(OwnedSemaphorePermit);

/// Computes one hash after the other, in memory that it keeps.
pub(super) struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    argon2id: Argon2id,
    memory: Vec<Block>,
    /// A stored hash may need more for once.
    blocks_kept: usize,
    metrics: Arc<Metrics>,
}

struct Job {
    work: Work,
    place: Place,
    asked: Instant,
    deadline: Instant,
    answer: oneshot::Sender<Zeroizing<Vec<u8>>>,
    waiting: HashWaiting,
}

/// A queue with so many places, and a worker on it.
pub(super) fn open(places: usize, timeout: Duration, cost: Cost, metrics: Arc<Metrics>) -> (Queue, Worker) {
    let (jobs, taken) = channel();
    let worker = Worker {
        jobs: Arc::new(Mutex::new(taken)),
        argon2id: Argon2id::fastest(),
        memory: Vec::new(),
        blocks_kept: cost.params(Params::DEFAULT_OUTPUT_LEN).block_count(),
        metrics: Arc::clone(&metrics),
    };
    (Queue { jobs, places: Arc::new(Semaphore::new(places)), timeout, metrics }, worker)
}

/// Lets everything else of the process go first. On Linux niceness is a thread's own.
pub(super) fn step_back() {
    if let Err(error) = nice(NICE) {
        tracing::warn!(cause = %error, "hashing runs beside requests, not after them: its threads cannot be made nice");
    }
}

impl Queue {
    /// A place, where there is one now.
    pub(super) fn place(&self) -> Result<Place, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Place).map_err(|_| {
            self.metrics.hashed("shed");
            Fault::new(Dependency::Load, "too many passwords wait to be hashed")
        })
    }

    /// Dropping the future is enough to take the work back.
    pub(super) async fn ask(&self, place: Place, work: Work) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let asked = Instant::now();
        let deadline = asked + self.timeout;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, place, asked, deadline, answer, waiting: self.metrics.hash_waits() };
        if self.jobs.send(job).is_err() {
            return Err(Fault::new(Dependency::Load, "no thread hashes any more"));
        }
        match timeout_at(deadline.into(), answered).await {
            Ok(Ok(hash)) => Ok(hash),
            // A worker that comes to it too late drops it, which may be heard before the timer is.
            Ok(Err(_)) | Err(_) => {
                let cause = format!("a password was not hashed within {} ms", self.timeout.as_millis());
                Err(Fault::new(Dependency::Load, cause))
            }
        }
    }
}

impl Worker {
    /// Another on the same queue.
    pub(super) fn another(&self) -> Self {
        Self {
            jobs: Arc::clone(&self.jobs),
            argon2id: self.argon2id,
            memory: Vec::new(),
            blocks_kept: self.blocks_kept,
            metrics: Arc::clone(&self.metrics),
        }
    }

    /// Until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(job) = self.next() {
            self.carry_out(job);
        }
    }

    /// The lock is held while it waits: the other workers wait for the lock instead.
    fn next(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.recv().ok()
    }

    fn carry_out(&mut self, job: Job) {
        let Job { work, place: Place(place), asked, deadline, answer, waiting } = job;
        drop((place, waiting));
        self.metrics.hash_waited(asked.elapsed());
        let unwanted = || if Instant::now() >= deadline { "late" } else { "abandoned" };
        if answer.is_closed() || Instant::now() >= deadline {
            self.metrics.hashed(unwanted());
            return;
        }
        let begun = Instant::now();
        let hash = work.hash(self.argon2id, &mut self.memory);
        self.metrics.hash_computed(begun.elapsed());
        if self.memory.len() > self.blocks_kept {
            self.memory.truncate(self.blocks_kept);
            self.memory.shrink_to_fit();
        }
        let outcome = answer.send(hash).map_or_else(|_| unwanted(), |()| "done");
        self.metrics.hashed(outcome);
    }

    /// Blocks that it keeps between two hashes.
    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.memory.capacity()
    }

    /// What [`Self::run`] does with the next that waits.
    #[cfg(test)]
    pub(super) fn step(&mut self) {
        let job = self.next().expect("a job waits");
        self.carry_out(job);
    }
}

impl Work {
    fn hash(&self, argon2id: Argon2id, memory: &mut Vec<Block>) -> Zeroizing<Vec<u8>> {
        let secret = self.pepper.as_ref().map_or(&[][..], |pepper| &pepper.bytes);
        let input = Input { secret, password: self.password.0.as_bytes(), salt: &self.salt };
        argon2id.hash(memory, &self.params, input)
    }
}
