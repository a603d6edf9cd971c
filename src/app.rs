//! What a handler may use, built once for each worker.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::candidate::Candidate;
use crate::config;
use crate::http::{TrustedProxies, Uploads};
use crate::keyring::Keyring;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// The features of one worker. There are no raw pools here: a handler can ask for a
/// decision, and for nothing else.
#[derive(Debug)]
pub struct App {
    /// Bounds on requests, as `http` configures them.
    pub http: config::Http,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Ids of clients are derived from it.
    pub keyring: Arc<Keyring>,
    /// Limits on a client's address.
    pub limits: Limits,
    /// The way in of a candidate.
    pub candidate: Candidate,
    /// Places for files that are being taken in, shared by all workers.
    pub uploads: Uploads,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Handlers under way, which a drain waits for.
    pub tasks: TaskTracker,
    /// Cancelled when the node begins to drain.
    pub draining: CancellationToken,
}
