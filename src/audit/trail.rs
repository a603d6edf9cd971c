//! The trail in Redis, for an engineer who has nothing but redis-cli: one task of the node writes it, in batches. No
//! request waits for it, and where Redis has no room or no answer events are dropped and counted: the log has them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
use crate::redis::{Keys, Partition, Redis, scripts};
use crate::users::UserId;

/// Events on their way: 1 MiB of some 250 bytes each, and 40,000 a second where they are gathered for 100 ms.
const ROOM: usize = 4_096;
/// Of one script: 256 x 250 bytes are a reply's worth of milliseconds, and 64 KiB.
const BATCH_MAX: usize = 256;
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
        log(self.event, &self.who, self.by, self.client, &self.request_id);
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

    /// Writes what comes until `stop`, and what is there then.
    pub async fn run(self, mut entries: mpsc::Receiver<Entry>, metrics: Arc<Metrics>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let first = tokio::select! {
                first = entries.recv() => first,
                // Nobody records any more: requests have ended.
                () = stop.cancelled() => entries.try_recv().ok(),
            };
            let Some(first) = first else { return };
            tokio::select! {
                () = sleep(self.settings.gather) => {}
                () = stop.cancelled() => {}
            }
            batch.push(first);
            while batch.len() < BATCH_MAX
                && let Ok(entry) = entries.try_recv()
            {
                batch.push(entry);
            }
            let dropped = self.write(&batch).await;
            if dropped > 0 {
                metrics.audit_dropped(dropped);
            }
            batch.clear();
        }
    }

    /// Writes them, a script for each partition. How many could not be.
    pub async fn write(&self, entries: &[Entry]) -> u64 {
        let mut parts: HashMap<Partition, Vec<&Entry>> = HashMap::new();
        for entry in entries {
            parts.entry(self.keys.partition(&entry.subject)).or_default().push(entry);
        }
        let mut dropped = 0;
        for (partition, entries) in parts {
            if let Err(fault) = self.add(partition, &entries).await {
                tracing::warn!(cause = %fault, events = entries.len(), "the audit trail in redis lacks events");
                dropped += entries.len() as u64;
            }
        }
        dropped
    }

    async fn add(&self, partition: Partition, entries: &[&Entry]) -> Result<(), Fault> {
        let events: Vec<Vec<String>> = entries.iter().map(|entry| entry.fields()).collect();
        let args = [Id::nonce().into(), self.settings.keep.into(), LIFE.into(), json!(events).to_string().into()];
        self.redis.decide(&scripts::AUDIT_ADD, [&self.keys.audit(partition)], args).await.map(drop)
    }
}
