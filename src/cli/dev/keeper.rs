//! A node of the fleet as a process, which is started again when it ends.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cli::say;

/// A node that ends at once is not started more often than this.
const PACE: Duration = Duration::from_secs(1);
/// For a node whose standard input was closed: it waits for nothing.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Where a node is, and how it is started.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) public: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) log: PathBuf,
    /// What all nodes are told.
    pub(super) environment: Vec<(String, String)>,
    /// 0 while there is none.
    pub(super) pid: AtomicU32,
}

/// An order to restart the node; is told when the old process has ended.
pub(super) type Order = oneshot::Sender<()>;

impl Member {
    /// Keeps a process running until `stop`, and rings at each new one.
    pub(super) async fn keep(&self, mut orders: mpsc::Receiver<Order>, started: &Notify, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let born = Instant::now();
            let mut process = match self.spawn() {
                Ok(process) => process,
                Err(error) => {
                    drop(say(format_args!("{} cannot be started: {error}", self.name)));
                    sleep(PACE).await;
                    continue;
                }
            };
            // Waiting for a process closes what is left with it.
            let rope = process.stdin.take();
            let pid = process.id().unwrap_or_default();
            self.pid.store(pid, Ordering::Relaxed);
            started.notify_one();
            tokio::select! {
                () = stop.cancelled() => return end(process, rope).await,
                ended = process.wait() => {
                    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    drop(say(format_args!(
                        "{} (process {pid}) has ended, {how}: starting it again; its log is {}",
                        self.name,
                        self.log.display()
                    )));
                    sleep(PACE.saturating_sub(born.elapsed())).await;
                }
                Some(told) = orders.recv() => {
                    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                        // Not there any more: it has ended by itself.
                        let _gone = kill_process(pid, Signal::TERM);
                    }
                    tokio::select! {
                        () = stop.cancelled() => return end(process, rope).await,
                        _ = process.wait() => drop(told.send(())),
                    }
                }
            }
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        Command::new(std::env::current_exe()?)
            .arg("dev-node")
            .envs(self.environment.iter().cloned())
            .env("VESTIBULE_HTTP__LISTEN", self.public.to_string())
            .env("VESTIBULE_ADMIN__LISTEN", self.admin.to_string())
            // Ours alone: it hears of our end by it.
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C at the terminal is for us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

async fn end(mut process: Child, rope: Option<ChildStdin>) {
    drop(rope);
    if timeout(END_PATIENCE, process.wait()).await.is_err() {
        let _gone = process.kill().await;
    }
}
