//! Every key name, built here and nowhere else: `vb:<kind>:{<partition>}:<id>`.
//!
//! The kind comes first, so that `redis-cli --scan --pattern 'vb:otp:*'` works. All keys
//! of a subject share its partition, and so a slot of a cluster: one script can change
//! them together with the partition's queues.

use fred::util::redis_keyslot;

use crate::id::{Id, hex};
use crate::jobs::{JobId, Queue};

/// A key and the slot that it lives in.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) name: String,
    pub(super) slot: u16,
}

impl Key {
    fn new(name: String) -> Self {
        let slot = redis_keyslot(name.as_bytes());
        Self { name, slot }
    }

    /// The name, as redis-cli takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// One part of the keyspace. In a name it is two hex digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Partition(u8);

/// Builds the names, from `redis.prefix` and `redis.partitions`.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
    partitions: u16,
}

impl Keys {
    /// `partitions` is 1 to 256: the configuration has checked it.
    #[must_use]
    pub fn new(prefix: &str, partitions: u16) -> Self {
        Self { prefix: prefix.to_owned(), partitions }
    }

    /// The number of partitions.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Every partition, for sweeps.
    pub fn all_partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.partitions).map(|n| Partition(u8::try_from(n).expect("at most 256 partitions")))
    }

    /// The partition of a subject: the last 32 bits of its id, modulo the number of
    /// partitions. With 16 of them it is the last digit of the id.
    #[must_use]
    pub fn partition(&self, id: &Id) -> Partition {
        let [.., a, b, c, d] = *id.as_bytes();
        let n = u32::from_be_bytes([a, b, c, d]) % u32::from(self.partitions);
        Partition(u8::try_from(n).expect("at most 256 partitions"))
    }

    /// Hash: the record of a link, read from Postgres once.
    #[must_use]
    pub fn link(&self, link: &Id) -> Key {
        self.of("link", link)
    }

    /// Hash: the code of a link and its counters.
    #[must_use]
    pub fn otp(&self, link: &Id) -> Key {
        self.of("otp", link)
    }

    /// Hash: there while a session of the link's candidate lives.
    #[must_use]
    pub fn seat(&self, link: &Id) -> Key {
        self.of("seat", link)
    }

    /// Hash: what became of the mails of a link.
    #[must_use]
    pub fn mailed(&self, link: &Id) -> Key {
        self.of("mailed", link)
    }

    /// Hash: what a subject of a limit has asked for. `limit` is the limit's name.
    #[must_use]
    pub fn limit(&self, limit: &str, subject: &Id) -> Key {
        self.of(limit, subject)
    }

    /// Hash: role and password version of a user, and which sessions live.
    #[must_use]
    pub fn account(&self, user: &Id) -> Key {
        self.of("account", user)
    }

    /// Hash: a session, in the partition of its user.
    #[must_use]
    pub fn session(&self, user: &Id, session: &Id) -> Key {
        let Partition(pp) = self.partition(user);
        Key::new(format!("{}:session:{{{pp:02x}}}:{session}", self.prefix))
    }

    /// Hash: digest of the reset token of a user.
    #[must_use]
    pub fn reset(&self, user: &Id) -> Key {
        self.of("reset", user)
    }

    /// Hash: work that waits.
    #[must_use]
    pub fn job(&self, job: &JobId) -> Key {
        let Partition(pp) = self.partition(&job.subject);
        Key::new(format!("{}:job:{{{pp:02x}}}:{job}", self.prefix))
    }

    /// Sorted set: job ids by the time they fall due.
    #[must_use]
    pub fn queue(&self, queue: Queue, Partition(pp): Partition) -> Key {
        Key::new(format!("{}:{}:{{{pp:02x}}}", self.prefix, queue.name()))
    }

    /// List: jobs that could never succeed, newest first.
    #[must_use]
    pub fn refused(&self, Partition(pp): Partition) -> Key {
        Key::new(format!("{}:refused:{{{pp:02x}}}", self.prefix))
    }

    /// Stream: what happened to credentials, the newest events.
    #[must_use]
    pub fn audit(&self, Partition(pp): Partition) -> Key {
        Key::new(format!("{}:audit:{{{pp:02x}}}", self.prefix))
    }

    /// Hash: there for a moment after a batch of events was added, by its nonce.
    #[must_use]
    pub fn audit_batch(&self, Partition(pp): Partition, nonce: &Id) -> Key {
        Key::new(format!("{}:audit_batch:{{{pp:02x}}}:{nonce}", self.prefix))
    }

    /// Hash: what the fleet must agree on. The only key without a TTL.
    #[must_use]
    pub fn meta(&self) -> Key {
        Key::new(format!("{}:meta", self.prefix))
    }

    fn of(&self, kind: &str, id: &Id) -> Key {
        let Partition(pp) = self.partition(id);
        // Each request has a few: put together without a formatter.
        let (mut digits, mut room) = ([0; 2], [0; 32]);
        let (pp, id) = (hex(&[pp], &mut digits), id.write(&mut room));
        Key::new([&self.prefix, ":", kind, ":{", pp, "}:", id].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_subject_share_a_slot_and_show_their_partition() {
        let keys = Keys::new("vb", 16);
        let id = Id::parse("000102030405060708090a0b0c0d0e1c").unwrap();
        assert_eq!(keys.otp(&id).name(), "vb:otp:{0c}:000102030405060708090a0b0c0d0e1c");
        assert_eq!(keys.otp(&id).slot, keys.link(&id).slot);
        assert_eq!(keys.otp(&id).slot, keys.queue(Queue::Mail, keys.partition(&id)).slot);
    }

    #[test]
    fn partitions_are_told_apart_up_to_256() {
        let keys = Keys::new("vb", 256);
        let names: std::collections::HashSet<String> =
            keys.all_partitions().map(|p| keys.queue(Queue::Mail, p).name().to_owned()).collect();
        assert_eq!(names.len(), 256);
    }
}
