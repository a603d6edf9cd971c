//! The candidate's way in, and the limits on it.

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

/// A page with its polls makes some 10 calls; twelve candidates may sit behind one address.
const CANDIDATE_IP_MAX: Key =
    Key::new("limits.candidate_ip.max", "120", "requests of one client address, all candidate endpoints together");
const CANDIDATE_IP_WINDOW: Key = Key::new("limits.candidate_ip.window", "60s", "in this time");
/// Nobody needs a sixth mail in ten minutes, and nobody should get one.
const OTP_REQUEST_MAX: Key = Key::new("limits.otp_request.max", "5", "codes mailed for one link");
const OTP_REQUEST_WINDOW: Key =
    Key::new("limits.otp_request.window", "10m", "in any such time, exact to the millisecond");
/// As long as a mail commonly takes.
const OTP_REQUEST_APART: Key = Key::new("limits.otp_request.apart", "60s", "and at least this far apart");
/// Two slips are human.
const OTP_ATTEMPT_MAX: Key =
    Key::new("limits.otp_attempt.max", "3", "wrong codes on one link, the last of which starts the cooldown");
/// As long as a code lives: a guesser gains nothing by waiting for it.
const COOLDOWN: Key =
    Key::new("limits.otp_attempt.cooldown", "10m", "the first cooldown; each further one is twice as long");
/// 10 min doubled 8 times is past it.
const COOLDOWN_MAX: Key = Key::new("limits.otp_attempt.cooldown_max", "24h", "the longest cooldown");
/// 100 of 10^6: a link that lives long is guessed with 1 in 10,000 at most.
const TOTAL_MAX: Key = Key::new(
    "limits.otp_attempt.total_max",
    "100",
    "wrong codes on one link in all; then it is dead until it is reissued",
);

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

/// Limits, by their names in the contract.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// On a client address: all candidate endpoints together.
    pub candidate_ip: Rate,
    /// On a link: codes that are mailed.
    pub otp_request: OtpRequest,
    /// On a link: codes that are typed.
    pub otp_attempt: OtpAttempt,
}

/// So many in any such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that are admitted.
    pub max: u32,
    /// Any such time.
    pub window: Duration,
}

/// Codes mailed for one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpRequest {
    /// Codes that are mailed.
    pub max: u32,
    /// Any such time.
    pub window: Duration,
    /// Between two requests, at least.
    pub apart: Duration,
}

/// Wrong codes on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpAttempt {
    /// The last of them starts a lock.
    pub max: u32,
    /// The first lock; each further one is twice as long.
    pub cooldown: Duration,
    /// The longest lock.
    pub cooldown_max: Duration,
    /// Wrong codes in all that end the link.
    pub total_max: u32,
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

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            candidate_ip: Rate {
                max: reader.integer(&CANDIDATE_IP_MAX, parse::number(1..=1_000_000)),
                window: reader.text(&CANDIDATE_IP_WINDOW, parse::duration(SECOND..=DAY)),
            },
            otp_request: OtpRequest::read(reader),
            otp_attempt: OtpAttempt::read(reader),
        }
    }
}

impl OtpRequest {
    fn read(reader: &mut Reader) -> Self {
        let limit = Self {
            // 20: the log is a small list in the link's hash, read and written whole.
            max: reader.integer(&OTP_REQUEST_MAX, parse::number(1..=20)),
            window: reader.text(&OTP_REQUEST_WINDOW, parse::duration(SECOND..=DAY)),
            apart: reader.text(&OTP_REQUEST_APART, parse::duration(Duration::ZERO..=DAY)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is not shorter than limits.otp_request.window, {:?}",
                parse::written(limit.apart),
                parse::written(limit.window)
            ),
            "the window would never fill; make it shorter, or the other longer",
        );
        let ok = limit.apart < limit.window;
        reader.check(&OTP_REQUEST_APART, &OTP_REQUEST_WINDOW, ok, wrong);
        limit
    }
}

impl OtpAttempt {
    fn read(reader: &mut Reader) -> Self {
        let limit = Self {
            max: reader.integer(&OTP_ATTEMPT_MAX, parse::number(1..=100)),
            cooldown: reader.text(&COOLDOWN, parse::duration(SECOND..=30 * DAY)),
            cooldown_max: reader.text(&COOLDOWN_MAX, parse::duration(SECOND..=30 * DAY)),
            total_max: reader.integer(&TOTAL_MAX, parse::number(1..=10_000)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is shorter than limits.otp_attempt.cooldown, {:?}",
                parse::written(limit.cooldown_max),
                parse::written(limit.cooldown)
            ),
            "make it at least as long",
        );
        let ok = limit.cooldown_max >= limit.cooldown;
        reader.check(&COOLDOWN_MAX, &COOLDOWN, ok, wrong);
        let wrong = Wrong::new(
            format!("\"{}\" is less than limits.otp_attempt.max, \"{}\"", limit.total_max, limit.max),
            "make it at least as many",
        );
        let ok = limit.total_max >= limit.max;
        reader.check(&TOTAL_MAX, &OTP_ATTEMPT_MAX, ok, wrong);
        limit
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
