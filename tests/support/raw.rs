//! A raw HTTP/1.1 socket: the bytes that a test wants, and whether the other side hung up.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One answer, as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self::try_connect(to).await.unwrap()
    }

    pub(crate) async fn try_connect(to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// One request with these header lines, and the answer to it.
    pub(crate) async fn ask(&mut self, line: &str, headers: &str) -> RawAnswer {
        self.send(format!("{line} HTTP/1.1\r\nhost: test\r\n{headers}\r\n")).await;
        self.answer().await
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> RawAnswer {
        self.try_answer(false).await.expect("an answer")
    }

    /// The next answer, which is one to HEAD: without the body that its length announces.
    pub(crate) async fn answer_to_head(&mut self) -> RawAnswer {
        self.try_answer(true).await.expect("an answer")
    }

    /// `None` where the connection ends before there is a whole answer.
    pub(crate) async fn try_answer(&mut self, to_head: bool) -> Option<RawAnswer> {
        let end = loop {
            match find(&self.unread, b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if self.read().await => {}
                None => return None,
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = RawAnswer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if to_head { 0 } else { length };
        while self.unread.len() < length {
            if !self.read().await {
                return None;
            }
        }
        answer.body = self.unread.drain(..length).collect();
        Some(answer)
    }

    /// Waits until the other side hangs up; what came until then, beside answers that were read.
    pub(crate) async fn rest(mut self) -> String {
        while self.read().await {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Whether more came; a reset is an end, too.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 16_384];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("bytes, or the end of the connection");
        let count = read.unwrap_or(0);
        self.unread.extend(&bytes[..count]);
        count > 0
    }
}

impl RawAnswer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_problem(self, status: u16, slug: &str) -> Self {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.json()["type"], format!("urn:vestibule:problem:{slug}"), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for RawAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
