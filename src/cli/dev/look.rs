//! Looking at the fleet from outside, as a proxy and an engineer do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// As long as a proxy's check may take.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(50);
/// HAProxy's table has 0.6 KiB for each of 16 nodes in three lists: 30 KiB.
const ANSWER_BYTES_MAX: u64 = 1 << 18;

/// Whether a node says that it takes requests.
pub(super) async fn is_ready(admin: SocketAddr) -> bool {
    get(admin, "/readyz")
        .await
        .is_some_and(|answer| answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"))
}

/// Whether HAProxy sends requests to that node: `None` where it does not tell.
pub(super) async fn is_asked(view: SocketAddr, node: &str) -> Option<bool> {
    let table = get(view, "/;csv").await?;
    let column =
        table.lines().find(|line| line.starts_with("# pxname,"))?.split(',').position(|name| name == "status")?;
    let row = format!("vestibule,{node},");
    let status = table.lines().find(|line| line.starts_with(&row))?.split(',').nth(column)?;
    // Also "UP 1/2", which is on its way down, and "DOWN 1/2".
    Some(status.starts_with("UP"))
}

/// Returns when it is so, which may be never.
pub(super) async fn until(condition: impl AsyncFn() -> bool) {
    while !condition().await {
        sleep(INTERVAL).await;
    }
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(PATIENCE, ask).await.ok()?.ok()
}
