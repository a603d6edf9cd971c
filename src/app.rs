//! What a handler may use, built once for each worker.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::accounts::Accounts;
use crate::audit::Trail;
use crate::candidate::Candidate;
use crate::config;
use crate::http::{TrustedProxies, Uploads};
use crate::interviews::Recruiting;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::password::Rules;
use crate::profile::Profiles;
use crate::reset::Reset;
use crate::sessions::Sessions;

/// The features of one worker. There are no raw pools here: a handler can ask for a
/// decision, and for nothing else.
#[derive(Debug)]
pub struct App {
    /// Bounds on requests, as `http` configures them.
    pub http: config::Http,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Limits on a client's address.
    pub limits: Limits,
    /// The way in of a candidate.
    pub candidate: Candidate,
    /// Who is asking, for members.
    pub access: Access,
    /// What a password must be.
    pub rules: Rules,
    /// Sign-up, log-in, change of password.
    pub accounts: Accounts,
    /// Sessions of members.
    pub sessions: Sessions,
    /// Forgotten passwords.
    pub reset: Reset,
    /// Profiles and resumes.
    pub profiles: Profiles,
    /// Places for files that are being taken in, shared by all workers.
    pub uploads: Uploads,
    /// Interviews, for recruiters.
    pub recruiting: Recruiting,
    /// Pages for people, made once for the node.
    pub pages: Arc<Pages>,
    /// What happened to credentials.
    pub trail: Trail,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Handlers under way, which a drain waits for.
    pub tasks: TaskTracker,
    /// Cancelled when the node begins to drain.
    pub draining: CancellationToken,
}
