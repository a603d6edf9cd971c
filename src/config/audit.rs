//! The audit trail, as Redis keeps it.

use std::time::Duration;

use super::parse::{self, HOUR, MS};
use super::reader::{Key, Reader};

/// An entry is some 150 bytes: 2,000 in each of 16 partitions are 5 MiB.
const KEEP: Key = Key::new("audit.keep", "2000", "events kept in Redis, per partition; the log has them all");
/// Ten times a second: up to 10,240 events a second, a node's trail costs 160 scripts a second at most.
const GATHER: Key = Key::new("audit.gather", "100ms", "how long events are gathered before they are written together");

/// The trail in Redis.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// Events, per partition.
    pub keep: u32,
    /// From an event to its writing.
    pub gather: Duration,
}

impl Audit {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            keep: reader.integer(&KEEP, parse::number(1..=1_000_000)),
            gather: reader.text(&GATHER, parse::duration(MS..=HOUR)),
        }
    }
}
