//! An event as one line of JSON, written as it is read.
//!
//! The library's own formatter goes through serde twice for each field, and cost a request more than its route, its
//! token and its metrics together (see `make bench`). The line is the same, member for member.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":"..","level":"..",<the event's fields>,"target":".."}`
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        line.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        write!(line, "\",\"level\":\"{}\"", event.metadata().level())?;
        let mut members = Members { line: line.by_ref(), outcome: Ok(()) };
        event.record(&mut members);
        members.outcome?;
        line.write_str(",\"target\":\"")?;
        Text(line.by_ref()).write_str(event.metadata().target())?;
        line.write_str("\"}\n")
    }
}

/// Writes fields as they come.
struct Members<'a> {
    line: Writer<'a>,
    outcome: fmt::Result,
}

impl Members<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        self.outcome = self.outcome.and_then(|()| {
            // Names of fields are ours.
            write!(self.line, ",\"{}\":", field.name())?;
            value(&mut self.line)
        });
    }

    fn text(&mut self, field: &Field, text: impl FnOnce(&mut Text<'_>) -> fmt::Result) {
        self.member(field, |line| {
            line.write_char('"')?;
            text(&mut Text(line.by_ref()))?;
            line.write_char('"')
        });
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |text| text.write_str(value));
    }

    /// What is displayed comes here, too.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |text| write!(text, "{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |line| write!(line, "{value}"));
    }
}

/// Escapes what is written into a JSON string (RFC 8259, 7).
struct Text<'a>(Writer<'a>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            // All of these are ASCII: both sides of them are text.
            self.0.write_str(&text[plain..at])?;
            match byte {
                b'"' | b'\\' => write!(self.0, "\\{}", char::from(byte))?,
                b'\n' => self.0.write_str("\\n")?,
                _ => write!(self.0, "\\u{byte:04x}")?,
            }
            plain = at + 1;
        }
        self.0.write_str(&text[plain..])
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What an event looks like in our format, and in the library's, without their times.
    fn both(event: impl Fn()) -> [Value; 2] {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let (ours_again, theirs_again) = (ours.clone(), theirs.clone());
        let builder = tracing_subscriber::fmt().with_writer(move || ours_again.clone());
        let subscriber = builder.event_format(Json).set_default();
        event();
        drop(subscriber);
        let builder = tracing_subscriber::fmt().with_writer(move || theirs_again.clone()).json().flatten_event(true);
        let subscriber = builder.with_current_span(false).with_span_list(false).set_default();
        event();
        drop(subscriber);
        [ours, theirs].map(|lines| {
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            let mut line: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let time = line["timestamp"].take();
            assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
            line
        })
    }

    #[test]
    fn a_line_is_the_librarys_member_for_member() {
        let events: [&dyn Fn(); 4] = [
            &|| tracing::info!(target: "vestibule::request", method = "GET", status = 200, slug = "", client = %"::1", us = 7_u64),
            &|| tracing::error!(cause = ?"a \"word\"", left = -1, there = true, "it failed: \u{1}\r\n\t\\ é"),
            &|| tracing::warn!("nothing else"),
            &|| tracing::info!(us = 1_u128 << 100, text = "\u{7f}\u{2028}"),
        ];
        for event in events {
            let [ours, theirs] = both(event);
            assert_eq!(ours, theirs);
        }
        let [ours, _] = both(|| tracing::info!(target: "here", a = 1, "said"));
        assert_eq!(ours, json!({"timestamp": null, "level": "INFO", "message": "said", "a": 1, "target": "here"}));
    }
}
