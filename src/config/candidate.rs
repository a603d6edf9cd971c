//! The candidate's way in.

use std::time::Duration;

use hyper::Uri;

use super::parse::{self, DAY, HOUR, SECOND, Wrong};
use super::reader::{Key, Reader};

/// Stands for the session's id in a URL.
const SESSION_ID: &str = "{session_id}";

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
/// None: a page of ours says that the candidate is in, which does where the platform calls them.
const AFTER_START_URL: Key = Key::optional(
    "candidate.after_start_url",
    "https://rooms.example.com/room/{session_id}",
    "where a started candidate's browser goes; none shows a plain page",
);
/// An interviewer who waits for somebody without a microphone has lost more than a candidate who is asked to fix it.
const DEVICES: Key =
    Key::new("candidate.devices", "required", "required or optional: camera and microphone, before a candidate starts");
/// 7 days: a candidate plans a week ahead.
const LINK_LIFE: Key = Key::new("candidate.link_life", "168h", "how long a link works, unless the interview says so");

/// Lives of what a candidate is given, and where they go.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// How long a session outlives the interview's duration.
    pub session_grace: Duration,
    /// How long a code works.
    pub code_life: Duration,
    /// Holds `{session_id}`.
    pub ws_url_template: Option<String>,
    /// An http or https URL, or a path of our own origin; may hold `{session_id}`.
    pub after_start_url: Option<String>,
    /// What the pre-check asks for.
    pub devices: Devices,
    /// How long a link works, unless the interview says otherwise.
    pub link_life: Duration,
}

/// Whether the pre-check lets somebody start whose camera and microphone it has not seen work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Devices {
    /// Both must work.
    Required,
    /// Neither need be tried.
    Optional,
}

impl Devices {
    /// As it is configured, and as the page reads it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

impl Candidate {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            session_grace: reader.text(&SESSION_GRACE, parse::duration(Duration::ZERO..=DAY)),
            code_life: reader.text(&CODE_LIFE, parse::duration(SECOND..=DAY)),
            ws_url_template: reader.optional(&WS_URL_TEMPLATE, ws_url_template),
            after_start_url: reader.optional(&AFTER_START_URL, after_start_url),
            devices: reader.text(&DEVICES, |text| {
                let choices = [Devices::Required, Devices::Optional];
                let chosen = choices.into_iter().find(|choice| choice.word() == text);
                chosen.ok_or_else(|| Wrong::new("is not a choice", "write \"required\" or \"optional\""))
            }),
            link_life: reader.text(&LINK_LIFE, parse::duration(HOUR..=365 * DAY)),
        }
    }
}

fn ws_url_template(text: &str) -> Result<String, Wrong> {
    let uri = text.replace(SESSION_ID, "x").parse::<Uri>();
    let is_url = uri.is_ok_and(|uri| {
        let scheme = uri.scheme_str();
        matches!(scheme, Some("ws" | "wss" | "http" | "https")) && uri.host().is_some()
    });
    let right = "write a ws, wss, http or https URL with {session_id}, as \"wss://rooms.example.com/{session_id}\"";
    match (is_url, text.contains(SESSION_ID)) {
        (false, _) => Err(Wrong::new("is not a URL", right)),
        (true, false) => Err(Wrong::new("has no {session_id}", right)),
        (true, true) => Ok(text.to_owned()),
    }
}

/// A page will send browsers there: no `javascript:`, nothing that they would read otherwise than we do.
fn after_start_url(text: &str) -> Result<String, Wrong> {
    let wrong = |what| {
        let right = "write an http or https URL, or a path that begins with one slash, as \
            \"https://rooms.example.com/room/{session_id}\" or \"/room/{session_id}\"";
        Err(Wrong::new(what, right))
    };
    let filled = text.replace(SESSION_ID, "x");
    if filled.contains(['{', '}']) {
        return wrong("has a brace that is not {session_id}");
    }
    // Browsers drop tabs and line breaks, and read a backslash as a slash: "/\t/" and "/\" begin another origin.
    if filled.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return wrong("has a space, a control character or a backslash");
    }
    let Ok(uri) = filled.parse::<Uri>() else {
        return wrong("is not a URL");
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            wrong("has a user or a password, which the page would show")
        }
        (Some("http" | "https"), Some(_)) => Ok(text.to_owned()),
        (None, None) if filled.starts_with('/') && !filled.starts_with("//") => Ok(text.to_owned()),
        _ => wrong("is neither an http or https URL nor a path"),
    }
}
