//! wrk, as its distribution ships it: a closed loop, or a fixed rate by a pause after each answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In the closed loop.
pub(crate) const CONNECTIONS: u32 = 64;
/// Of a connection between two requests, at a fixed rate: so many connections that each may be late without the
/// others waiting.
const PAUSE_MS: u32 = 10;

/// Requests that are sent in turn, and begun anew where they end.
pub(crate) struct Requests(PathBuf);

impl Requests {
    /// Each is a method, a path, a header (`Name: value`, or nothing) and a body.
    pub(crate) fn write(folder: &Path, name: &str, requests: impl Iterator<Item = [String; 4]>) -> Self {
        let text: String = requests.map(|request| request.join("\t") + "\n").collect();
        let path = folder.join(format!("{name}.requests"));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

/// How much is offered.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// As fast as it is answered.
    Closed,
    /// Requests a second.
    Rate(f64),
}

/// What came of it.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// Sends requests for some seconds, from request `first` on. All are to be answered, and with no status above 399.
pub(crate) fn run(address: &str, requests: &Requests, first: usize, load: Load, seconds: u32) -> Outcome {
    let (connections, pause) = match load {
        Load::Closed => (CONNECTIONS, 0),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
        Load::Rate(rate) => ((rate * f64::from(PAUSE_MS) / 1_000.0).ceil().max(1.0) as u32, PAUSE_MS),
    };
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &connections.to_string(), "--duration", &format!("{seconds}s")])
        .arg("--script")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/stage/wrk.lua"))
        .arg(format!("http://{address}"))
        .arg("--")
        .arg(&requests.0)
        .args([&first.to_string(), &pause.to_string()])
        .output()
        .expect("wrk is there: apt-get install wrk");
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().rfind(|line| line.starts_with('{'));
    let told = told.unwrap_or_else(|| panic!("wrk says: {text}{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(told).unwrap_or_else(|_| panic!("not every answer was the right one: {told}"))
}
