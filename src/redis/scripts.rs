//! The decisions: one Lua file each, and one typed static each.

use std::fmt;
use std::sync::OnceLock;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A script with its number of KEYS and ARGV, as its header declares them.
pub struct Script<const KEYS: usize, const ARGV: usize> {
    /// Name of its file, and of its series in the metrics.
    pub name: &'static str,
    /// The text that is sent where a server does not know it yet.
    pub source: &'static str,
    sha: OnceLock<String>,
}

impl<const KEYS: usize, const ARGV: usize> Script<KEYS, ARGV> {
    const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, sha: OnceLock::new() }
    }

    /// SHA-1 of the source, by which Redis knows it.
    pub fn sha(&self) -> &str {
        self.sha.get_or_init(|| {
            let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.source.as_bytes());
            sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }
}

impl<const KEYS: usize, const ARGV: usize> fmt::Debug for Script<KEYS, ARGV> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Counts one request of a client.
pub static ADMIT: Script<1, 4> = Script::new("admit", include_str!("../../lua/admit.lua"));
/// Adds the record of a link, if there is none.
pub static LINK_ADD: Script<1, 10> = Script::new("link_add", include_str!("../../lua/link_add.lua"));
/// Makes a link dead at once.
pub static LINK_KILL: Script<5, 0> = Script::new("link_kill", include_str!("../../lua/link_kill.lua"));
/// Tells the state of a link.
pub static OTP_INFO: Script<2, 6> = Script::new("otp_info", include_str!("../../lua/otp_info.lua"));
/// Stores a fresh code, and queues its mail.
pub static OTP_REQUEST: Script<4, 12> = Script::new("otp_request", include_str!("../../lua/otp_request.lua"));
/// Spends one attempt on a code.
pub static OTP_VERIFY: Script<4, 8> = Script::new("otp_verify", include_str!("../../lua/otp_verify.lua"));
/// Lets a verified candidate in.
pub static SEAT_START: Script<4, 4> = Script::new("seat_start", include_str!("../../lua/seat_start.lua"));
/// Queues a mail that belongs to no other decision.
pub static JOB_ADD: Script<2, 6> = Script::new("job_add", include_str!("../../lua/job_add.lua"));
/// Lists jobs that are due.
pub static JOB_DUE: Script<1, 1> = Script::new("job_due", include_str!("../../lua/job_due.lua"));
/// Takes a job for a while.
pub static JOB_CLAIM: Script<2, 3> = Script::new("job_claim", include_str!("../../lua/job_claim.lua"));
/// Ends a job that was carried out.
pub static JOB_DONE: Script<2, 2> = Script::new("job_done", include_str!("../../lua/job_done.lua"));
/// Puts a job off.
pub static JOB_DEFER: Script<2, 5> = Script::new("job_defer", include_str!("../../lua/job_defer.lua"));
/// Ends a job that can never succeed.
pub static JOB_REFUSE: Script<3, 5> = Script::new("job_refuse", include_str!("../../lua/job_refuse.lua"));
/// `lua/meta_look.lua`
pub static META_LOOK: Script<1, 0> = Script::new("meta_look", include_str!("../../lua/meta_look.lua"));
/// Pins the number of partitions.
pub static META_PIN: Script<1, 1> = Script::new("meta_pin", include_str!("../../lua/meta_pin.lua"));

/// Every script's source, to load at start and after a reconnect.
pub(super) fn sources() -> [&'static str; 15] {
    [
        ADMIT.source,
        LINK_ADD.source,
        LINK_KILL.source,
        OTP_INFO.source,
        OTP_REQUEST.source,
        OTP_VERIFY.source,
        SEAT_START.source,
        JOB_ADD.source,
        JOB_DUE.source,
        JOB_CLAIM.source,
        JOB_DONE.source,
        JOB_DEFER.source,
        JOB_REFUSE.source,
        META_LOOK.source,
        META_PIN.source,
    ]
}
