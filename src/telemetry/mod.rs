//! The log: one line a request, each failure once, on standard error.

mod json;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts the log of this process; a second time changes nothing.
pub fn start(settings: &Log) {
    // The pool warns of what its caller is told, and logs, too.
    let filter = EnvFilter::new(format!("{},deadpool.postgres=off", settings.level));
    // Colours are for eyes: in a file or a collector they are noise.
    let ansi = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    // A log is there already where tests run several nodes in one process.
    let _ = match settings.format {
        LogFormat::Json => builder.event_format(json::Json).try_init(),
        LogFormat::Human => builder.try_init(),
    };
}
