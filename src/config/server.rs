//! The listeners and the log.

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::parse::{self, DAY, HOUR, MINUTE, MS, SECOND, Wrong};
use super::reader::{Key, Reader};

/// The loopback: whoever wants the world to come in says so, or puts a proxy before it.
const LISTEN: Key = Key::new("http.listen", "127.0.0.1:8080", "the public listener");
/// One per core: a runtime is one thread, and nothing in it blocks.
const WORKERS: Key = Key::new("http.workers", "0", "runtimes, one thread each; 0 is one per core");
/// 10,000 x (32 KiB head + 32 KiB body, or 64 KiB of a resume on its way out) is a gigabyte at the very worst.
const CONNECTIONS_MAX: Key = Key::new("http.connections_max", "10000", "open connections");
/// Longer than the 60 s of nginx and of most load balancers: the proxy closes first, and never sends into a closed one.
const IDLE_TIMEOUT: Key = Key::new("http.idle_timeout", "75s", "how long a head may take, and a connection stay idle");
/// 32 KiB in 10 s is 3.3 KB/s, slower than any phone that shows a page at all.
const BODY_TIMEOUT: Key = Key::new("http.body_timeout", "10s", "how long a body may take");
/// body_timeout 10 s + the 3 s after which a dependency is given up + 2 s for the rest.
const HANDLER_TIMEOUT: Key = Key::new("http.handler_timeout", "15s", "how long an answer may take, its body included");
/// nginx takes 4 x 8 KiB by default and passes them on.
const HEAD_BYTES_MAX: Key = Key::new("http.head_bytes_max", "32768", "bytes of a request's head");
/// change-password: two passwords of 1,024 characters, escaped at 12 bytes each, are 24 KiB.
const BODY_BYTES_MAX: Key = Key::new("http.body_bytes_max", "32768", "bytes of a JSON body");
/// Two probes of a proxy that asks every 2 s, and one that got lost.
const DRAIN_DELAY: Key =
    Key::new("http.drain_delay", "5s", "from \"not ready\" to closing the listener, so that proxies notice");
/// Twice handler_timeout: every request that was taken is answered.
const DRAIN_TIMEOUT: Key = Key::new("http.drain_timeout", "30s", "how long the last requests and mails may take");
/// The loopback: never exposed through the proxy.
const ADMIN_LISTEN: Key = Key::new("admin.listen", "127.0.0.1:9090", "the listener for probes and metrics");
/// A program reads it; people at a terminal say `human`.
const FORMAT: Key = Key::new("log.format", "json", "json or human");
/// One line a request. `debug` would add one for every decision.
const LEVEL: Key = Key::new("log.level", "info", "a level, or directives by module");

/// The public listener, and what a request may take.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// 0 is one per core.
    pub workers: usize,
    /// Open connections.
    pub connections_max: usize,
    /// For a head to arrive, and for a connection without a request.
    pub idle_timeout: Duration,
    /// For a body to arrive.
    pub body_timeout: Duration,
    /// For an answer, the body included.
    pub handler_timeout: Duration,
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of a JSON body.
    pub body_bytes_max: usize,
    /// From "not ready" to closing the listener.
    pub drain_delay: Duration,
    /// For the last requests and mails, together.
    pub drain_timeout: Duration,
}

/// The admin listener.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// Directives that `EnvFilter` takes.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a terminal.
    Human,
    /// For a collector.
    Json,
}

impl Http {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let http = Self {
            listen: reader.text(&LISTEN, parse::listener),
            workers: reader.integer(&WORKERS, parse::number(0..=256)),
            connections_max: reader.integer(&CONNECTIONS_MAX, parse::number(1..=1_000_000)),
            idle_timeout: reader.text(&IDLE_TIMEOUT, parse::duration(SECOND..=HOUR)),
            body_timeout: reader.text(&BODY_TIMEOUT, parse::duration(100 * MS..=10 * MINUTE)),
            handler_timeout: reader.text(&HANDLER_TIMEOUT, parse::duration(SECOND..=HOUR)),
            // hyper refuses to read heads into less than 8 KiB.
            head_bytes_max: reader.integer(&HEAD_BYTES_MAX, parse::number(8_192..=1_048_576)),
            body_bytes_max: reader.integer(&BODY_BYTES_MAX, parse::number(1_024..=1_048_576)),
            drain_delay: reader.text(&DRAIN_DELAY, parse::duration(Duration::ZERO..=HOUR)),
            drain_timeout: reader.text(&DRAIN_TIMEOUT, parse::duration(Duration::ZERO..=DAY)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is not longer than http.body_timeout, {:?}",
                parse::written(http.handler_timeout),
                parse::written(http.body_timeout)
            ),
            "a body that comes late needs time for its answer; make it longer, or the other shorter",
        );
        let ok = http.handler_timeout > http.body_timeout;
        reader.check(&HANDLER_TIMEOUT, &BODY_TIMEOUT, ok, wrong);
        http
    }
}

impl Admin {
    pub(super) fn read(reader: &mut Reader, http: &Http) -> Self {
        let listen = reader.text(&ADMIN_LISTEN, parse::listener);
        let ok = listen != http.listen || listen.port() == 0;
        let wrong = Wrong::new(
            format!("\"{listen}\" is http.listen, too"),
            "give it a port of its own, which no proxy exposes",
        );
        reader.check(&ADMIN_LISTEN, &LISTEN, ok, wrong);
        Self { listen }
    }
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            format: reader.text(&FORMAT, |text| match text {
                "human" => Ok(LogFormat::Human),
                "json" => Ok(LogFormat::Json),
                _ => Err(Wrong::new("is not a format", "write \"json\" or \"human\"")),
            }),
            level: reader.text(&LEVEL, level),
        }
    }
}

fn level(text: &str) -> Result<String, Wrong> {
    // `EnvFilter` takes a misspelt level for a module, and shows only that.
    let is_level = |part: &str| {
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        levels.iter().any(|l| part.trim().eq_ignore_ascii_case(l))
    };
    let means_it = |part: &str| part.contains('=') || is_level(part);
    let spans = text.contains('[');
    if (spans || text.split(',').all(means_it)) && EnvFilter::builder().parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        "is not a level",
        "write off, error, warn, info, debug or trace, or by module, as \"info,vestibule=debug\"",
    ))
}
