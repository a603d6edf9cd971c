//! The audit trail: what happened to credentials, one line of the log each, under a target of its own; the newest also in
//! Redis ([`Trail`]).
//!
//! `who` is masked or an id, never a name or an address in the clear: the trail is kept for long, and read by many.
//! Nothing of a code, a token or a password is ever in it.

mod trail;

use std::fmt::Display;
use std::net::IpAddr;

use tracing::field::display;

pub use self::trail::{Entry, Trail, Writer};
use crate::mail::EmailAddress;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What happened. It is recorded once it has, and not when it was tried.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Event { $($(#[$doc])* $name,)* }

        impl Event {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in the log.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

events! {
    /// An account was made.
    SignUp = "sign_up";
    /// A password was right, and a session began.
    LogIn = "log_in";
    /// A password was wrong, or its login unknown.
    LogInFailed = "log_in_failed";
    /// A login was refused for wrong passwords before it: once in a wait, however often it is.
    LogInThrottled = "log_in_throttled";
    /// A refresh token came a second time, which ended its session.
    RefreshReused = "refresh_reused";
    /// A user ended the session at hand.
    LoggedOut = "logged_out";
    /// A user ended all of their sessions.
    LoggedOutEverywhere = "logged_out_everywhere";
    /// A user ended another one of their sessions.
    SessionEnded = "session_ended";
    /// A link to set a new password was asked for.
    ResetAsked = "reset_asked";
    /// Such a link was used.
    ResetDone = "reset_done";
    /// A user changed the password, knowing the old one.
    PasswordChanged = "password_changed";
    /// A one-time code was made, and its mail queued.
    CodeSent = "code_sent";
    /// A one-time code was right, and a candidate's session began.
    CodeVerified = "code_verified";
    /// Wrong codes locked a link for a while.
    CodeLocked = "code_locked";
    /// An interview was made, and its link mailed.
    InterviewCreated = "interview_created";
    /// An interview's link was taken away.
    LinkRevoked = "link_revoked";
    /// An interview got a new link in place of its old one.
    LinkReissued = "link_reissued";
    /// A user got another role.
    RoleChanged = "role_changed";
    /// An operator has ended a cooldown, a wait or a limit.
    Unlocked = "unlocked";
}

/// Writes one line. An operator's command has neither a client nor a request, whose id is empty then.
pub fn log(event: Event, who: &str, by: Option<&dyn Display>, client: Option<IpAddr>, request_id: &str) {
    let by = by.map(display);
    let client = client.map(display);
    let request_id = (!request_id.is_empty()).then_some(request_id);
    tracing::info!(target: "vestibule::audit", event = event.name(), who, by, client, request_id);
}

/// What was typed as a login, as the trail may show it: `j***@e***.com` of an address, `a***` of a name.
#[must_use]
pub fn masked(typed: &str) -> String {
    if let Some(address) = EmailAddress::parse(typed) {
        return address.masked();
    }
    // Anybody may type anything: what begins no name is not repeated at all.
    let first = typed.chars().next().filter(|c| c.is_alphanumeric() || *c == '_');
    format!("{}***", first.map(String::from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_masked_whatever_it_is() {
        for (typed, shown) in [
            ("ada_lovelace", "a***"),
            ("_", "_***"),
            ("jane@example.com", "j***@e***.com"),
            ("a@b.co", "a***@b***.co"),
            ("jane@@example.com", "j***"),
            ("élodie", "é***"),
            ("", "***"),
            ("\u{1b}[31mred", "***"),
            ("\u{202e}ada", "***"),
        ] {
            assert_eq!(masked(typed), shown);
        }
    }

    #[test]
    fn every_event_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = Event::ALL.iter().map(|event| event.name()).collect();
        assert_eq!(names.len(), Event::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')), "{names:?}");
    }
}
