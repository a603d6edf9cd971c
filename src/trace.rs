//! The trace that a request belongs to: W3C Trace Context.
//!
//! Only the header `traceparent` is read. A proxy hands it, and `tracestate`, to us and to the platform alike; we ask
//! nobody over HTTP. But a trace that began here goes on in what a proxy does next: it is told.

use std::str;

use crate::id::Id;
use crate::random;

/// Where a request stands among those of one trace. Nothing of it is the sender's own words: it is hex digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trace {
    id: Id,
    parent: Option<[u8; 16]>,
}

impl Trace {
    /// The trace that `traceparent` names, the only one there is; or one that begins here.
    #[must_use]
    pub fn of(traceparent: Option<&[u8]>, beginning: impl FnOnce() -> Id) -> Self {
        traceparent.and_then(Self::parse).unwrap_or_else(|| Self { id: beginning(), parent: None })
    }

    /// `00-<trace>-<parent>-<flags>`. Of a version to come, what follows is not looked at.
    fn parse(header: &[u8]) -> Option<Self> {
        let [version, trace, parent, flags] = [(0, 2), (3, 32), (36, 16), (53, 2)]
            .map(|(at, length)| header.get(at..at + length).filter(|text| is_hex(text)));
        let (version, trace, parent, _flags) = (version?, trace?, parent?, flags?);
        let dashes = [2, 35, 52].into_iter().all(|at| header[at] == b'-');
        let ends = match version {
            b"ff" => false,
            b"00" => header.len() == 55,
            _ => header.get(55).is_none_or(|next| *next == b'-'),
        };
        let is_zero = |text: &[u8]| text.iter().all(|digit| *digit == b'0');
        if !dashes || !ends || is_zero(trace) || is_zero(parent) {
            return None;
        }
        Some(Self { id: Id::parse(str::from_utf8(trace).ok()?)?, parent: Some(parent.try_into().ok()?) })
    }

    /// A header that says that the next step was asked for by us, who record no spans: where a trace has begun here.
    #[must_use]
    pub fn begun(&self) -> Option<String> {
        self.parent.is_none().then(|| {
            // All zero it would be no parent; and the id of a trace is one by chance of 1 in 2^128.
            let ours = u64::from_be_bytes(random::name()) | 1;
            format!("00-{}-{ours:016x}-00", self.id)
        })
    }

    /// Names the trace.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// The step in it that asked; empty where the trace begins here.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.parent.as_ref().map_or("", |parent| str::from_utf8(parent).unwrap_or_default())
    }
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[test]
    fn a_trace_goes_on() {
        // Of the standard, 3.2.2.5 and 3.2.4: version 00, any flags, and what a version to come may add.
        for flags in ["-01", "-00", "-ff"] {
            assert_goes_on(&format!("00-{TRACE}-{PARENT}{flags}"));
        }
        for version in ["01", "cc", "fe"] {
            assert_goes_on(&format!("{version}-{TRACE}-{PARENT}-01"));
            assert_goes_on(&format!("{version}-{TRACE}-{PARENT}-01-what-the-future-will-be-like"));
        }
    }

    #[track_caller]
    fn assert_goes_on(header: &str) {
        let trace = Trace::of(Some(header.as_bytes()), || panic!("{header}: it begins here"));
        assert_eq!((trace.id().to_string().as_str(), trace.parent()), (TRACE, PARENT), "{header}");
    }

    #[test]
    fn what_is_no_trace_begins_one() {
        let zero = "0".repeat(32);
        let wrong = [
            String::new(),
            "-".repeat(55),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!("01-{TRACE}-{PARENT}-01.more"),
            format!("cc-{TRACE}-{PARENT}-010"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{zero}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
            format!("00_{TRACE}_{PARENT}_01"),
            format!("00-{TRACE}{PARENT}-01-01"),
            format!("00-é{}-{PARENT}-01", &TRACE[2..]),
        ];
        let mine = Id::nonce();
        for header in &wrong {
            let trace = Trace::of(Some(header.as_bytes()), || mine);
            assert_eq!((trace.id(), trace.parent()), (mine, ""), "{header}");
        }
        assert_eq!(Trace::of(None, || mine).id(), mine);
    }

    #[test]
    fn a_trace_that_begins_here_goes_on_with_who_is_told() {
        let begun = Trace::of(None, Id::nonce);
        let next = begun.begun().expect("it begins here");
        let (next, again) = (Trace::of(Some(next.as_bytes()), Id::nonce), begun.begun().expect("it begins here"));
        assert_eq!(next.id(), begun.id());
        assert_ne!(next.parent(), "");
        assert!(!again.contains(next.parent()), "each step has its own name");
        assert_eq!(next.begun(), None, "the client's own stays");
    }
}
