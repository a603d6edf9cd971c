//! Nodes, as somebody sees them who looks all the time.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use super::stage::{Node, ready};

/// How long the node has said that it was not ready when its door was found shut.
pub(super) struct Witness(JoinHandle<Option<Duration>>, SocketAddr);

impl Witness {
    pub(super) fn start(node: &Node) -> Self {
        let node = node.clone();
        let public = node.public;
        Self(
            tokio::spawn(async move {
                let (mut unready, mut ticks) = (None, interval(Duration::from_millis(10)));
                loop {
                    ticks.tick().await;
                    if TcpStream::connect(node.public).await.is_err() {
                        return unready.map(|since: Instant| since.elapsed());
                    }
                    if ready(node.admin).await == Some(false) {
                        unready.get_or_insert_with(Instant::now);
                    }
                }
            }),
            public,
        )
    }

    pub(super) async fn assert_told(self) {
        let told = self.0.await.unwrap();
        // Of http.drain_delay, 5 s, as far as a loaded machine lets us look; and no less than config/haproxy.cfg counts on.
        let long = told.is_some_and(|told| told >= Duration::from_millis(3_250));
        assert!(long, "{} was shut after it had said so for {told:?}", self.1);
    }
}

/// Kills a node with -9: from when it may have been gone, until when it may have been there.
pub(super) async fn gone(node: &Node) -> (Instant, Instant) {
    let before = Instant::now();
    kill_process(Pid::from_raw(node.pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    let mut ticks = interval(Duration::from_millis(1));
    while TcpStream::connect(node.public).await.is_ok() {
        ticks.tick().await;
    }
    (before, Instant::now())
}
