//! An event as one line of JSON, written as it is read.
//!
//! The library's own formatter goes through serde twice for each field, and cost a request more than its route, its
//! token and its metrics together (see `make bench`). The line is the same, member for member.

use std::cell::RefCell;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":"..","level":"..",<the event's fields>,"target":".."}`
pub(super) struct Json;

thread_local! {
    /// Where a line is put together: the library's writer is called through a pointer for each piece.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        LINE.with_borrow_mut(|line| {
            line.clear();
            line.push_str("{\"timestamp\":\"");
            SystemTime.format_time(&mut Writer::new(line))?;
            line.push_str("\",\"level\":\"");
            line.push_str(event.metadata().level().as_str());
            line.push('"');
            event.record(&mut Members(line));
            line.push_str(",\"target\":\"");
            escape(line, event.metadata().target());
            line.push_str("\"}\n");
            writer.write_str(line)
        })
    }
}

/// Writes fields as they come.
struct Members<'a>(&'a mut String);

impl Members<'_> {
    /// Names of fields are ours.
    fn name(&mut self, field: &Field) -> &mut String {
        self.0.push_str(",\"");
        self.0.push_str(field.name());
        self.0.push_str("\":");
        self.0
    }

    fn number(&mut self, field: &Field, number: impl fmt::Display) {
        let _infallible = write!(self.name(field), "{number}");
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let line = self.name(field);
        line.push('"');
        escape(line, value);
        line.push('"');
    }

    /// What is displayed comes here, too.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let line = self.name(field);
        line.push('"');
        // What cannot be written is left out: the line is JSON all the same.
        let _failed = write!(Text(line), "{value:?}");
        line.push('"');
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }
}

struct Text<'a>(&'a mut String);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// As it stands in a JSON string (RFC 8259, 7).
fn escape(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let byte = rest.as_bytes()[at];
        line.push_str(&rest[..at]);
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            b'\n' => line.push_str("\\n"),
            _ => {
                let _infallible = write!(line, "\\u{byte:04x}");
            }
        }
        // All of these are ASCII: what follows them is text.
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
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
