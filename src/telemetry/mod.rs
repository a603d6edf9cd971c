//! The log: one line a request, each failure once, on standard error.

mod json;
mod lines;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use self::lines::Lines;
use crate::config::{Log, LogFormat};

static LINES: Lines = Lines::new();

/// Starts the log of this process; a second time changes nothing.
pub fn start(settings: &Log) {
    // The pool warns of what its caller is told, and logs, too.
    let filter = EnvFilter::new(format!("{},deadpool.postgres=off", settings.level));
    // Colours are for eyes: in a file or a collector they are noise.
    let ansi = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| &LINES).with_ansi(ansi);
    let started = match settings.format {
        LogFormat::Json => builder.event_format(json::Json).try_init(),
        LogFormat::Human => builder.try_init(),
    };
    // A log is there already where tests run several nodes in one process.
    if started.is_ok() {
        LINES.start(std::io::stderr()).expect("a thread can be started");
    }
}

/// Writes what was logged, before the process ends or says something itself.
pub fn flush() {
    LINES.flush();
}
