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
    pub(super) const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, sha: OnceLock::new() }
    }

    /// SHA-1 of the source, by which Redis knows it.
    pub fn sha(&self) -> &str {
        self.sha.get_or_init(|| sha_of(self.source))
    }
}

/// SHA-1 of a source, in hex.
#[must_use]
pub fn sha_of(source: &str) -> String {
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, source.as_bytes());
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
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
/// Tells what became of a link and of its mails.
pub static INTERVIEW_LOOK: Script<5, 1> = Script::new("interview_look", include_str!("../../lua/interview_look.lua"));
/// Tells the state of a link.
pub static OTP_INFO: Script<2, 6> = Script::new("otp_info", include_str!("../../lua/otp_info.lua"));
/// Stores a fresh code, and queues its mail.
pub static OTP_REQUEST: Script<4, 12> = Script::new("otp_request", include_str!("../../lua/otp_request.lua"));
/// Spends one attempt on a code.
pub static OTP_VERIFY: Script<4, 8> = Script::new("otp_verify", include_str!("../../lua/otp_verify.lua"));
/// Lets a verified candidate in.
pub static SEAT_START: Script<4, 4> = Script::new("seat_start", include_str!("../../lua/seat_start.lua"));
/// Tells whether a candidate's session lives.
pub static SEAT_LOOK: Script<1, 0> = Script::new("seat_look", include_str!("../../lua/seat_look.lua"));
/// Counts one request against an exact sliding log.
pub static ADMIT_EXACT: Script<1, 4> = Script::new("admit_exact", include_str!("../../lua/admit_exact.lua"));
/// Gives one request back to such a log.
pub static ADMIT_UNDO: Script<1, 1> = Script::new("admit_undo", include_str!("../../lua/admit_undo.lua"));
/// Counts one try to log in under a name.
pub static LOGIN_TRY: Script<1, 6> = Script::new("login_try", include_str!("../../lua/login_try.lua"));
/// Gives back a try that nobody could judge.
pub static LOGIN_UNDO: Script<1, 2> = Script::new("login_undo", include_str!("../../lua/login_undo.lua"));
/// Forgets the wrong tries under a name.
pub static LOGIN_CLEAR: Script<1, 0> = Script::new("login_clear", include_str!("../../lua/login_clear.lua"));
/// Opens a session of a user.
pub static SESSION_OPEN: Script<2, 11> = Script::new("session_open", include_str!("../../lua/session_open.lua"));
/// Tells whether a session lives.
pub static SESSION_LOOK: Script<2, 1> = Script::new("session_look", include_str!("../../lua/session_look.lua"));
/// Takes one refresh token of a session.
pub static SESSION_REFRESH: Script<2, 10> =
    Script::new("session_refresh", include_str!("../../lua/session_refresh.lua"));
/// Ends one session.
pub static SESSION_END: Script<2, 3> = Script::new("session_end", include_str!("../../lua/session_end.lua"));
/// Ends every session of a user.
pub static SESSION_END_ALL: Script<1, 0> =
    Script::new("session_end_all", include_str!("../../lua/session_end_all.lua"));
/// Lists the living sessions of a user.
pub static SESSION_LIST: Script<1, 0> = Script::new("session_list", include_str!("../../lua/session_list.lua"));
/// Tells of one session what its owner may know.
pub static SESSION_SHOW: Script<1, 0> = Script::new("session_show", include_str!("../../lua/session_show.lua"));
/// Ends the other sessions of a user who is about to change the password.
pub static PASSWORD_CHANGING: Script<2, 3> =
    Script::new("password_changing", include_str!("../../lua/password_changing.lua"));
/// Ends what an old password had opened, and queues the notice.
pub static PASSWORD_CHANGED: Script<5, 10> =
    Script::new("password_changed", include_str!("../../lua/password_changed.lua"));
/// Tells the living sessions of a user of a new role.
pub static ROLE_SET: Script<1, 3> = Script::new("role_set", include_str!("../../lua/role_set.lua"));
/// Queues a request for a reset.
pub static FORGOT_ADD: Script<3, 8> = Script::new("forgot_add", include_str!("../../lua/forgot_add.lua"));
/// Stores the digest of a reset token, and queues its mail.
pub static RESET_STORE: Script<3, 9> = Script::new("reset_store", include_str!("../../lua/reset_store.lua"));
/// Tells whether a reset token would work.
pub static RESET_LOOK: Script<1, 1> = Script::new("reset_look", include_str!("../../lua/reset_look.lua"));
/// Spends a reset token, and ends every session of its user.
pub static RESET_TAKE: Script<2, 2> = Script::new("reset_take", include_str!("../../lua/reset_take.lua"));
/// Queues a mail that belongs to no other decision.
pub static JOB_ADD: Script<4, 7> = Script::new("job_add", include_str!("../../lua/job_add.lua"));
/// Lists jobs that are due.
pub static JOB_DUE: Script<1, 1> = Script::new("job_due", include_str!("../../lua/job_due.lua"));
/// Takes a job for a while.
pub static JOB_CLAIM: Script<3, 3> = Script::new("job_claim", include_str!("../../lua/job_claim.lua"));
/// Ends a job that was carried out.
pub static JOB_DONE: Script<3, 2> = Script::new("job_done", include_str!("../../lua/job_done.lua"));
/// Puts a job off.
pub static JOB_DEFER: Script<2, 5> = Script::new("job_defer", include_str!("../../lua/job_defer.lua"));
/// Ends a job that can never succeed.
pub static JOB_REFUSE: Script<4, 5> = Script::new("job_refuse", include_str!("../../lua/job_refuse.lua"));
/// Adds events to the trail of a partition.
pub static AUDIT_ADD: Script<2, 4> = Script::new("audit_add", include_str!("../../lua/audit_add.lua"));
/// `lua/meta_look.lua`
pub static META_LOOK: Script<1, 0> = Script::new("meta_look", include_str!("../../lua/meta_look.lua"));
/// Pins the number of partitions.
pub static META_PIN: Script<1, 1> = Script::new("meta_pin", include_str!("../../lua/meta_pin.lua"));

/// Every script's source, to load at start and after a reconnect.
pub(super) fn sources() -> [&'static str; 37] {
    listed().map(|(_, source)| source)
}

/// Every script: its name and its source.
#[must_use]
pub fn listed() -> [(&'static str, &'static str); 37] {
    [
        (ADMIT.name, ADMIT.source),
        (LINK_ADD.name, LINK_ADD.source),
        (LINK_KILL.name, LINK_KILL.source),
        (INTERVIEW_LOOK.name, INTERVIEW_LOOK.source),
        (OTP_INFO.name, OTP_INFO.source),
        (OTP_REQUEST.name, OTP_REQUEST.source),
        (OTP_VERIFY.name, OTP_VERIFY.source),
        (SEAT_START.name, SEAT_START.source),
        (SEAT_LOOK.name, SEAT_LOOK.source),
        (ADMIT_EXACT.name, ADMIT_EXACT.source),
        (ADMIT_UNDO.name, ADMIT_UNDO.source),
        (LOGIN_TRY.name, LOGIN_TRY.source),
        (LOGIN_UNDO.name, LOGIN_UNDO.source),
        (LOGIN_CLEAR.name, LOGIN_CLEAR.source),
        (SESSION_OPEN.name, SESSION_OPEN.source),
        (SESSION_LOOK.name, SESSION_LOOK.source),
        (SESSION_REFRESH.name, SESSION_REFRESH.source),
        (SESSION_END.name, SESSION_END.source),
        (SESSION_END_ALL.name, SESSION_END_ALL.source),
        (SESSION_LIST.name, SESSION_LIST.source),
        (SESSION_SHOW.name, SESSION_SHOW.source),
        (PASSWORD_CHANGING.name, PASSWORD_CHANGING.source),
        (PASSWORD_CHANGED.name, PASSWORD_CHANGED.source),
        (ROLE_SET.name, ROLE_SET.source),
        (FORGOT_ADD.name, FORGOT_ADD.source),
        (RESET_STORE.name, RESET_STORE.source),
        (RESET_LOOK.name, RESET_LOOK.source),
        (RESET_TAKE.name, RESET_TAKE.source),
        (JOB_ADD.name, JOB_ADD.source),
        (JOB_DUE.name, JOB_DUE.source),
        (JOB_CLAIM.name, JOB_CLAIM.source),
        (JOB_DONE.name, JOB_DONE.source),
        (JOB_DEFER.name, JOB_DEFER.source),
        (JOB_REFUSE.name, JOB_REFUSE.source),
        (AUDIT_ADD.name, AUDIT_ADD.source),
        (META_LOOK.name, META_LOOK.source),
        (META_PIN.name, META_PIN.source),
    ]
}
