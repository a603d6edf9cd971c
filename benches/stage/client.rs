//! A client that waits for each answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

/// One connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(public: &str) -> Self {
        let stream = TcpStream::connect(public).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Posts JSON, from a client address of its own; the answer is to have that status.
    pub(crate) fn post(&mut self, path: &str, client: &str, body: &str, status: &str) -> Value {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
            content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (found, answer) = self.ask(&request);
        assert_eq!(found, status, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// Sends a request as it is, and reads the whole answer: its status and body.
    pub(crate) fn ask(&mut self, request: &str) -> (String, String) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the node hung up: {head}");
            let line = head[start..].to_ascii_lowercase();
            length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), String::from_utf8(body).unwrap())
    }
}
