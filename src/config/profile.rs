//! What a user may put into a profile.

use std::time::Duration;

use super::parse::{self, MS, SECOND};
use super::reader::{Key, Reader};

/// A résumé with pictures; larger ones are scans.
const RESUME_BYTES_MAX: Key = Key::new("profile.resume_bytes_max", "5242880", "bytes of a résumé");
/// 16 x 5 MiB = 80 MiB; three times that for a moment, on the way out of a form and into Postgres.
const UPLOADS_MAX: Key = Key::new("profile.uploads_max", "16", "résumés being taken in at a time, per node");
/// As redis.wait_max. With http.body_timeout 10 s and the 3 s for Postgres below http.handler_timeout.
const UPLOAD_WAIT_MAX: Key = Key::new("profile.upload_wait_max", "500ms", "how long one more waits; then 503");

/// What a user may put into a profile.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Bytes of a résumé.
    pub resume_bytes_max: usize,
    /// Résumés being taken in at a time, per node.
    pub uploads_max: usize,
    /// How long one more waits.
    pub upload_wait_max: Duration,
}

impl Profile {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            // 64 MiB: beyond, one insert takes longer than a statement may.
            resume_bytes_max: reader.integer(&RESUME_BYTES_MAX, parse::number(1_024..=67_108_864)),
            uploads_max: reader.integer(&UPLOADS_MAX, parse::number(1..=10_000)),
            upload_wait_max: reader.text(&UPLOAD_WAIT_MAX, parse::duration(10 * MS..=10 * SECOND)),
        }
    }
}
