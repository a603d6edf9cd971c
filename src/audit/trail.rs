//! The trail in Redis, for an engineer who has nothing but redis-cli: one task of the node writes it, in batches. No
//! request waits for it, and where Redis has no room or no answer events are dropped and counted: the log has them.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Event, log};
use crate::config::Audit;
use crate::fault::Fault;
use crate::id::Id;
use crate::limits::Subject;
use crate::metrics::Metrics;
use crate::redis::{Keys, LOOKS_MAX, Partition, Redis, scripts};
use crate::users::UserId;

/// Events on their way: 1 MiB of some 250 bytes each, and what 1.6 s bring of 2,560 a second, which is as long as a Redis that
/// is silent holds up a batch.
const ROOM: usize = 4_096;
/// 256 x 250 bytes are 64 KiB, and 2 ms of Redis' time. Of more than 2,560 a second, a batch does not wait for the next.
const BATCH_MAX: usize = 256;
/// A batch that is not written by then is given up: two tries of `redis.command_timeout`, and a third.
const PATIENCE: Duration = Duration::from_secs(2);
/// Ten times as long as a decision is asked for again.
const DECIDED: Duration = Duration::from_secs(14);
/// Of a stream after its newest event. unlock.lua has it too.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What happened, to what.
#[derive(Clone, Debug)]
pub struct Entry {
    event: Event,
    subject: Id,
    who: String,
    by: Option<UserId>,
    client: Option<IpAddr>,
    request_id: String,
    at_ms: u128,
}

impl Entry {
    /// It happened now. `subject` is the link, the interview, the user or the name that was typed, by its id in Redis: it
    /// says in which partition the event is kept. `who` is masked or an id.
    #[must_use]
    pub fn new(event: Event, subject: Id, who: &str) -> Self {
        let at_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Self { event, subject, who: who.to_owned(), by: None, client: None, request_id: String::new(), at_ms }
    }

    /// The user who did it to something else.
    #[must_use]
    pub fn by(self, user: UserId) -> Self {
        Self { by: Some(user), ..self }
    }

    /// Of this request, and whom it came from.
    #[must_use]
    pub fn of_request(self, client: IpAddr, id: &str) -> Self {
        Self { client: Some(client), request_id: id.to_owned(), ..self }
    }

    /// Names and values. Of a client's address no more than limits keep of it: who reads Redis could count on it.
    fn fields(&self) -> Vec<String> {
        let mut fields = vec![("event", self.event.name().to_owned()), ("who", self.who.clone())];
        fields.push(("subject", self.subject.to_string()));
        fields.extend(self.by.map(|by| ("by", by.to_string())));
        fields.extend(self.client.map(|client| ("client", Subject::of(client).masked)));
        fields.extend((!self.request_id.is_empty()).then(|| ("request_id", self.request_id.clone())));
        fields.push(("at", self.at_ms.to_string()));
        fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// One line of the log.
    pub fn log(&self) {
        let by = self.by.as_ref().map(|by| by as &dyn Display);
        log(self.event, &self.who, by, self.client, &self.request_id);
    }
}

/// Where events go: to the log at once, to Redis in a moment.
#[derive(Clone, Debug)]
pub struct Trail {
    sender: mpsc::Sender<Entry>,
    metrics: Arc<Metrics>,
}

impl Trail {
    /// A trail, and what its writer reads.
    #[must_use]
    pub fn channel(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Entry>) {
        let (sender, receiver) = mpsc::channel(ROOM);
        (Self { sender, metrics }, receiver)
    }

    /// Records what has happened.
    pub fn record(&self, entry: Entry) {
        entry.log();
        if self.sender.try_send(entry).is_err() {
            self.metrics.audit_dropped(1);
        }
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
    pub async fn run(self, mut entries: mpsc::Receiver<Entry>, metrics: Arc<Metrics>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.gather(&mut entries, &mut batch, &stop).await {
            let dropped = self.write(&batch).await;
            if dropped > 0 {
                metrics.audit_dropped(dropped);
            }
            if dropped == batch.len() as u64 && stop.is_cancelled() {
                metrics.audit_dropped(entries.len() as u64);
                return;
            }
            batch.clear();
        }
    }

    /// Fills a batch with what comes from its first entry on, for as long as entries are gathered; a full one goes at once.
    /// Whether there is any.
    async fn gather(
        &self,
        entries: &mut mpsc::Receiver<Entry>,
        batch: &mut Vec<Entry>,
        stop: &CancellationToken,
    ) -> bool {
        tokio::select! {
            _ = entries.recv_many(batch, BATCH_MAX) => {}
            // Nobody records any more: requests have ended.
            () = stop.cancelled() => {}
        }
        let more =
            async { while batch.len() < BATCH_MAX && entries.recv_many(batch, BATCH_MAX - batch.len()).await > 0 {} };
        tokio::select! {
            biased;
            () = more => {}
            () = stop.cancelled() => {}
            () = sleep(self.settings.gather) => {}
        }
        !batch.is_empty()
    }

    /// Writes them, a script for each partition and some at a time. How many could not be.
    pub async fn write(&self, entries: &[Entry]) -> u64 {
        let mut parts: HashMap<Partition, Vec<&Entry>> = HashMap::new();
        for entry in entries {
            parts.entry(self.keys.partition(&entry.subject)).or_default().push(entry);
        }
        let (started, mut dropped, mut cause) = (Instant::now(), 0, None);
        for some in parts.into_iter().collect::<Vec<_>>().chunks(LOOKS_MAX) {
            // A fault that is quick is the partition's own. Where Redis is silent, the next ones would only wait as well.
            if cause.is_some() && started.elapsed() >= PATIENCE {
                dropped += some.iter().map(|(_, entries)| entries.len() as u64).sum::<u64>();
                continue;
            }
            let adds = some.iter().map(async |(partition, entries)| (entries, self.add(*partition, entries).await));
            for (entries, added) in join_all(adds).await {
                if let Err(fault) = added {
                    dropped += entries.len() as u64;
                    cause = cause.or(Some(fault));
                }
            }
        }
        if let Some(fault) = cause {
            tracing::warn!(cause = %fault, events = dropped, "the audit trail in redis lacks events");
        }
        dropped
    }

    async fn add(&self, partition: Partition, entries: &[&Entry]) -> Result<(), Fault> {
        let events: Vec<Vec<String>> = entries.iter().map(|entry| entry.fields()).collect();
        let keys = [&self.keys.audit(partition), &self.keys.audit_batch(partition, &Id::nonce())];
        let args = [self.settings.keep.into(), LIFE.into(), DECIDED.into(), json!(events).to_string().into()];
        self.redis.decide(&scripts::AUDIT_ADD, keys, args).await.map(drop)
    }
}
