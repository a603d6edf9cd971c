//! Which pipe a decision goes through: the one to the primary that the client library believes in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::dial::{Dialler, Place, Stream};
use super::flow::Flow;
use super::{Outcome, Pipe};
use crate::config::{Redis as Settings, RedisServers};
use crate::metrics::Metrics;
use crate::redis::call::Call;
use crate::redis::connect::tls;
use crate::redis::probe::primary_of;

/// What has gathered for a pipe that is being dialled waits for so long, and then goes through the library: a seventh of
/// `redis.command_timeout`, and a hundred times what a dial takes.
const GRACE: Duration = Duration::from_millis(100);

/// The pipes of a client, on its runtime.
pub(in crate::redis) struct Pipes {
    dialler: Arc<Dialler>,
    metrics: Arc<Metrics>,
    runtime: Handle,
    /// By slot; without a cluster, all of them by slot 0.
    routes: Mutex<HashMap<u16, Route>>,
    /// Grows whenever a primary may have moved; a route of an older one is looked up again.
    era: AtomicU64,
}

/// An era beyond all: no route is made any more.
const CLOSED: u64 = u64::MAX;

struct Route {
    era: u64,
    pipe: Arc<Pipe>,
}

impl Pipes {
    /// On the runtime that calls. None is dialled before it is needed.
    pub(in crate::redis) fn new(settings: &Settings, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let dialler = Arc::new(Dialler { settings: settings.clone(), tls: tls(settings)? });
        let (runtime, routes) = (Handle::current(), Mutex::default());
        Ok(Self { dialler, metrics, runtime, routes, era: AtomicU64::new(0) })
    }

    /// Hands a command to its pipe; `None` where none takes it now.
    pub(in crate::redis) fn send(
        &self,
        call: &Call<'_>,
        client: impl FnOnce() -> Client,
    ) -> Option<oneshot::Receiver<Outcome>> {
        let slot = if self.is_clustered() { call.slot } else { 0 };
        let mut routes = self.routes();
        let era = self.era.load(Ordering::Relaxed);
        let is_fresh = routes.get(&slot).is_none_or(|route| route.era != era);
        if !is_fresh && let Some(outcome) = routes.get(&slot).and_then(|route| route.pipe.send(call)) {
            return Some(outcome);
        }
        if era == CLOSED {
            return None;
        }
        let place = self.place(&client(), slot)?;
        let known = routes.values().find(|route| route.pipe.place == place);
        let pipe = known.map_or_else(|| Arc::new(Pipe::new(place)), |route| Arc::clone(&route.pipe));
        if pipe.begin(is_fresh) {
            let (dialler, metrics) = (Arc::clone(&self.dialler), Arc::clone(&self.metrics));
            self.runtime.spawn(run(Arc::clone(&pipe), dialler, metrics));
        }
        let outcome = pipe.send(call);
        if let Some(old) = routes.insert(slot, Route { era, pipe })
            && !routes.values().any(|route| Arc::ptr_eq(&route.pipe, &old.pipe))
        {
            old.pipe.retire();
        }
        outcome
    }

    /// Primaries may have moved.
    pub(in crate::redis) fn forget(&self) {
        let _closed =
            self.era.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |era| (era != CLOSED).then(|| era + 1));
    }

    /// What is under way may still be answered.
    pub(in crate::redis) fn close(&self) {
        self.era.store(CLOSED, Ordering::Relaxed);
        for (_, route) in self.routes().drain() {
            route.pipe.retire();
        }
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<u16, Route>> {
        self.routes.lock().expect("no holder of this lock can panic")
    }

    fn is_clustered(&self) -> bool {
        matches!(self.dialler.settings.url.servers, RedisServers::Cluster(_))
    }

    fn place(&self, client: &Client, slot: u16) -> Option<Place> {
        match &self.dialler.settings.url.servers {
            RedisServers::Unix(path) => Some(Place::Unix(path.clone())),
            // The one that it is connected to: of a single server that, of Sentinel's the primary.
            RedisServers::Single(_) | RedisServers::Sentinel { .. } => {
                client.active_connections().pop().map(Place::Tcp)
            }
            RedisServers::Cluster(_) => primary_of(client, slot).map(Place::Tcp),
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        self.close();
    }
}

/// The life of a connection.
async fn run(pipe: Arc<Pipe>, dialler: Arc<Dialler>, metrics: Arc<Metrics>) {
    let mut ended = Ended { pipe: &pipe, lost: Some("its task has ended") };
    let stream = match connected(&pipe, &dialler).await {
        Ok(stream) => stream,
        Err(cause) => {
            tracing::debug!(place = %pipe.place, cause, "no pipe to redis");
            ended.lost = None;
            return;
        }
    };
    if pipe.open() {
        metrics.redis_reconnected();
        tracing::info!(place = %pipe.place, "the pipe to redis is back");
    }
    ended.lost = Flow::new(&pipe, stream, dialler.settings.command_timeout).run().await;
    if let Some(cause) = ended.lost {
        tracing::warn!(place = %pipe.place, cause, "the pipe to redis was lost");
    }
}

async fn connected(pipe: &Pipe, dialler: &Dialler) -> Result<Stream, String> {
    let mut dialled = std::pin::pin!(dialler.dial(&pipe.place));
    tokio::select! {
        stream = &mut dialled => return stream,
        () = sleep(GRACE) => pipe.stop_gathering(),
    }
    dialled.await
}

/// Ends a pipe, also where its runtime goes away.
struct Ended<'a> {
    pipe: &'a Pipe,
    lost: Option<&'static str>,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.pipe.end(self.lost);
    }
}
