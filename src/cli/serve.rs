//! `vestibule serve` and `vestibule migrate`.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::notify::Notify;
use super::{Failure, say};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::node::{self, Listeners};
use crate::postgres::{self, Postgres};
use crate::telemetry;

/// Files beside connections: listeners, clients, pools, logs, with room to spare.
const FILES_BESIDE: u64 = 256;

pub(super) async fn serve(config: Config) -> Result<(), Failure> {
    telemetry::start(&config.log);
    raise_open_files(config.http.connections_max as u64 + FILES_BESIDE);
    let notify = Notify::from_environment();
    let shutdown = async {
        stopped().await;
        notify.stopping();
    };
    node::serve(config, Listeners::bind, shutdown, |_| notify.ready()).await?;
    Ok(())
}

/// SIGTERM, as orchestrators send it, or SIGINT, as a terminal does.
pub(super) async fn stopped() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals cannot be heard; stop the process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Takes as many files as the configured connections need, where the system lets us.
fn raise_open_files(needed: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let reachable = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum: limit.maximum });
    if raised.is_err() || reachable < needed {
        tracing::warn!(
            limit = reachable,
            needed,
            "the limit of open files is below what http.connections_max may need"
        );
    }
}

pub(super) async fn migrate(config: Config) -> Result<(), Failure> {
    telemetry::start(&config.log);
    let postgres = Postgres::new(&config.postgres, Arc::new(Metrics::new()));
    let applied = postgres::migrate(&postgres).await?;
    if applied.is_empty() {
        say(format_args!("The schema is up to date."))?;
    }
    for migration in applied {
        say(format_args!("Applied {migration}."))?;
    }
    Ok(())
}
