//! The trail in Redis, for an engineer who has nothing but redis-cli: one task of the node writes it, in batches. No
//! request waits for it, and where Redis has no room or no answer events are dropped and counted: the log has them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};
use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Event, log};
use crate::config::Audit;
use crate::fault::Fault;
use crate::id::Id;
use crate::limits::Subject;
use crate::metrics::Metrics;
use crate::redis::{Keys, Partition, Redis, scripts};
use crate::users::UserId;

/// Events on their way: 1 MiB of some 250 bytes each, and what 1.6 s bring of 2,560 a second, which is as long as a Redis that
/// is silent holds up a batch.
const ROOM: usize = 4_096;
/// Of those, in one partition: what is written by one script, which takes 2 ms of Redis' time then.
const ROOM_OF_PARTITION: u64 = 1_024;
/// A batch of so many does not wait for more: with 16 partitions a script writes 64 of them.
const BATCH_FULL: usize = 1_024;
/// A batch that is not written by then is given up: two tries of `redis.command_timeout`, and a third.
const PATIENCE: Duration = Duration::from_secs(2);
/// Ten times as long as a decision is asked for again.
const DECIDED: Duration = Duration::from_secs(14);
/// Of a stream after its newest event. unlock.lua has it too.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What happened, to what.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    event: Event,
    subject: Id,
    who: Cow<'a, str>,
    by: Option<UserId>,
    client: Option<IpAddr>,
    request_id: &'a str,
    at_ms: u128,
}

impl<'a> Entry<'a> {
    /// It happened now. `subject` is the link, the interview, the user or the name that was typed, by its id in Redis: it
    /// says in which partition the event is kept. `who` is masked or an id.
    #[must_use]
    pub fn new(event: Event, subject: Id, who: impl Into<Cow<'a, str>>) -> Self {
        let at_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Self { event, subject, who: who.into(), by: None, client: None, request_id: "", at_ms }
    }

    /// The user who did it to something else.
    #[must_use]
    pub fn by(self, user: UserId) -> Self {
        Self { by: Some(user), ..self }
    }

    /// Of this request, and whom it came from.
    #[must_use]
    pub fn of_request(self, client: IpAddr, id: &'a str) -> Self {
        Self { client: Some(client), request_id: id, ..self }
    }

    /// One line: the event, and names and values. Of a client's address it has no more than limits keep of it: who reads
    /// Redis could count on it.
    fn write(&self, line: &mut String) {
        line.push_str(self.event.name());
        let mut say = |name, value: &dyn Display| {
            // A value is one word, so that the line can be read: see audit_add.lua and trail.lua.
            let _infallible = write!(line, " {name}=").and_then(|()| write!(Word(line), "{value}"));
        };
        say("who", &self.who);
        say("subject", &self.subject);
        if let Some(by) = &self.by {
            say("by", by);
        }
        if let Some(client) = self.client {
            say("client", &Subject::of(client).masked);
        }
        if !self.request_id.is_empty() {
            say("request_id", &self.request_id);
        }
        say("at", &self.at_ms);
        line.push('\n');
    }

    /// One line of the log.
    pub fn log(&self) {
        let by = self.by.as_ref().map(|by| by as &dyn Display);
        log(self.event, &self.who, by, self.client, self.request_id);
    }
}

/// Writes what has no blanks, and would write them as underscores.
struct Word<'a>(&'a mut String);

impl fmt::Write for Word<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }));
        Ok(())
    }
}

/// Events of each partition, as they will be written.
#[derive(Debug, Default)]
struct Batch {
    events: usize,
    partitions: HashMap<Partition, Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    events: u64,
    text: String,
}

impl Batch {
    /// Takes it where there is room.
    fn add(&mut self, partition: Partition, entry: &Entry<'_>) -> bool {
        if self.events >= ROOM {
            return false;
        }
        let lines = self.partitions.entry(partition).or_default();
        if lines.events >= ROOM_OF_PARTITION {
            return false;
        }
        entry.write(&mut lines.text);
        lines.events += 1;
        self.events += 1;
        true
    }
}

/// Where events go: to the log at once, to Redis in a moment.
#[derive(Clone, Debug)]
pub struct Trail {
    waiting: Arc<Waiting>,
    keys: Keys,
    metrics: Arc<Metrics>,
}

/// The writer sleeps while a batch grows: it is told of the first event, and once there are many.
#[derive(Debug, Default)]
struct Waiting {
    batch: Mutex<Batch>,
    begun: Notify,
    full: Notify,
}

impl Trail {
    /// A trail in these partitions.
    #[must_use]
    pub fn new(keys: Keys, metrics: Arc<Metrics>) -> Self {
        Self { waiting: Arc::default(), keys, metrics }
    }

    /// Records what has happened.
    pub fn record(&self, entry: &Entry<'_>) {
        entry.log();
        let (taken, events) = {
            let mut batch = self.batch();
            (batch.add(self.keys.partition(&entry.subject), entry), batch.events)
        };
        match events {
            _ if !taken => self.metrics.audit_dropped(1),
            1 => self.waiting.begun.notify_one(),
            BATCH_FULL => self.waiting.full.notify_one(),
            _ => {}
        }
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.waiting.batch.lock().expect("no holder of this lock can panic")
    }

    fn take(&self) -> Batch {
        mem::take(&mut *self.batch())
    }
}

/// Writes entries into Redis.
#[derive(Clone, Debug)]
pub struct Writer {
    redis: Redis,
    keys: Keys,
    settings: Audit,
}

impl Writer {
    /// Through this client.
    #[must_use]
    pub fn new(redis: Redis, keys: Keys, settings: Audit) -> Self {
        Self { redis, keys, settings }
    }

    /// Writes what comes until `stop`, and what is there then; where Redis does not take that either, no more of it.
    pub async fn run(self, trail: Trail, stop: CancellationToken) {
        loop {
            self.gather(&trail.waiting, &stop).await;
            let batch = trail.take();
            if batch.events == 0 && stop.is_cancelled() {
                return;
            }
            let (events, dropped) = (batch.events, self.write_batch(batch).await);
            if dropped > 0 {
                trail.metrics.audit_dropped(dropped);
            }
            if dropped == events as u64 && stop.is_cancelled() {
                return trail.metrics.audit_dropped(trail.take().events as u64);
            }
        }
    }

    /// Until a batch has gathered: its first event was there for as long as events are gathered, or it is full.
    async fn gather(&self, waiting: &Waiting, stop: &CancellationToken) {
        let gathered = async {
            waiting.begun.notified().await;
            tokio::select! {
                () = waiting.full.notified() => {}
                () = sleep(self.settings.gather) => {}
            }
        };
        tokio::select! {
            () = gathered => {}
            // Nobody records any more: requests have ended.
            () = stop.cancelled() => {}
        }
    }

    /// Writes them now. How many could not be.
    pub async fn write(&self, entries: &[Entry<'_>]) -> u64 {
        let mut batch = Batch::default();
        let refused = entries.iter().filter(|entry| !batch.add(self.keys.partition(&entry.subject), entry)).count();
        refused as u64 + self.write_batch(batch).await
    }

    /// A script for each partition, one after the other: between them Redis serves others. How many events could not be
    /// written.
    async fn write_batch(&self, batch: Batch) -> u64 {
        let (started, mut dropped, mut cause) = (Instant::now(), 0, None);
        for (partition, lines) in batch.partitions {
            // A fault that is quick is the partition's own. Where Redis is silent, the next ones would only wait as well.
            let added = match cause {
                Some(_) if started.elapsed() >= PATIENCE => false,
                _ => self.add(partition, &lines).await.map_err(|fault| cause = Some(fault)).is_ok(),
            };
            dropped += if added { 0 } else { lines.events };
        }
        if let Some(fault) = cause {
            tracing::warn!(cause = %fault, events = dropped, "the audit trail in redis lacks events");
        }
        dropped
    }

    async fn add(&self, partition: Partition, lines: &Lines) -> Result<(), Fault> {
        let keys = [&self.keys.audit(partition), &self.keys.audit_batch(partition, &Id::nonce())];
        let args = [self.settings.keep.into(), LIFE.into(), DECIDED.into(), (&lines.text).into()];
        self.redis.decide(&scripts::AUDIT_ADD, keys, args).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_word_more_than_it_says() {
        let entry = Entry::new(Event::LogInFailed, Id::parse(&"a".repeat(32)).unwrap(), "a b=\u{85}\nc***");
        let entry = Entry { at_ms: 7, ..entry.of_request([203, 0, 113, 9].into(), "r-1") };
        let mut line = String::new();
        entry.write(&mut line);
        let id = "a".repeat(32);
        assert_eq!(line, format!("log_in_failed who=a_b=__c*** subject={id} client=203.0.113.* request_id=r-1 at=7\n"));
    }
}
