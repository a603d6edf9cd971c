//! The candidate's way in.

use std::time::Duration;

use hyper::Uri;

use super::parse::{self, DAY, HOUR, SECOND, Wrong};
use super::reader::{Key, Reader};

/// An interview runs over, and nobody should be thrown out of it.
const SESSION_GRACE: Key =
    Key::new("candidate.session_grace", "15m", "how long a session outlives the interview's duration");
/// Long enough for a slow mailbox. 3 tries of 10^6 codes in 10 min, and the cooldown, leave a guesser 3 in a million.
const CODE_LIFE: Key = Key::new("candidate.code_life", "10m", "how long a code works");
const WS_URL_TEMPLATE: Key = Key::optional(
    "candidate.ws_url_template",
    "wss://rooms.example.com/session/{session_id}",
    "where a started session is held; none makes wsUrl null",
);
/// 7 days: a candidate plans a week ahead.
const LINK_LIFE: Key = Key::new("candidate.link_life", "168h", "how long a link works, unless the interview says so");

/// Lives of what a candidate is given.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// How long a session outlives the interview's duration.
    pub session_grace: Duration,
    /// How long a code works.
    pub code_life: Duration,
    /// Holds `{session_id}`.
    pub ws_url_template: Option<String>,
    /// How long a link works, unless the interview says otherwise.
    pub link_life: Duration,
}

impl Candidate {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            session_grace: reader.text(&SESSION_GRACE, parse::duration(Duration::ZERO..=DAY)),
            code_life: reader.text(&CODE_LIFE, parse::duration(SECOND..=DAY)),
            ws_url_template: reader.optional(&WS_URL_TEMPLATE, ws_url_template),
            link_life: reader.text(&LINK_LIFE, parse::duration(HOUR..=365 * DAY)),
        }
    }
}

fn ws_url_template(text: &str) -> Result<String, Wrong> {
    let uri = text.replace("{session_id}", "x").parse::<Uri>();
    let is_url = uri.is_ok_and(|uri| {
        let scheme = uri.scheme_str();
        matches!(scheme, Some("ws" | "wss" | "http" | "https")) && uri.host().is_some()
    });
    let right = "write a ws, wss, http or https URL with {session_id}, as \"wss://rooms.example.com/{session_id}\"";
    match (is_url, text.contains("{session_id}")) {
        (false, _) => Err(Wrong::new("is not a URL", right)),
        (true, false) => Err(Wrong::new("has no {session_id}", right)),
        (true, true) => Ok(text.to_owned()),
    }
}
