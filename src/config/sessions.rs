//! Sessions of members, and the tokens that reset a password.

use std::time::Duration;

use super::parse::{self, DAY, HOUR, MINUTE, SECOND, Wrong};
use super::reader::{Key, Reader};

/// How long a proxy that trusts the token alone may lag behind; we look at each request anyway.
const ACCESS_LIFE: Key = Key::new("sessions.access_life", "1h", "how long an access token works");
/// A month without a visit: whoever comes more often stays logged in.
const REFRESH_LIFE: Key = Key::new("sessions.refresh_life", "30d", "how long a session lives without a refresh");
/// Two tabs, or an answer that a phone lost in a tunnel. A thief gains what the owner has, and no longer.
const REFRESH_GRACE: Key = Key::new(
    "sessions.refresh_grace",
    "10s",
    "how long the refresh token before the newest gets the same successor again; later, it ends the session",
);
/// A person has a few devices; a script that logs in and never out has this many.
const PER_USER_MAX: Key =
    Key::new("sessions.per_user_max", "50", "living sessions of one user; of more, the oldest ends");
/// Long enough for a slow mailbox, short enough for a mailbox that is read later by somebody else.
const RESET_LIFE: Key = Key::new("reset.token_life", "15m", "how long a link that resets a password works");

/// Sessions of members.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// Of an access token.
    pub access_life: Duration,
    /// Of a session without a refresh.
    pub refresh_life: Duration,
    /// In which the refresh token before the newest gets the same successor again.
    pub refresh_grace: Duration,
    /// Living sessions of a user.
    pub per_user_max: u32,
}

/// Password resets.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Of the link that is mailed.
    pub token_life: Duration,
}

impl Sessions {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let sessions = Self {
            access_life: reader.text(&ACCESS_LIFE, parse::duration(MINUTE..=DAY)),
            refresh_life: reader.text(&REFRESH_LIFE, parse::duration(HOUR..=365 * DAY)),
            // 5 s: an exchange whose reply is lost is asked for again, and must not pass for a theft.
            refresh_grace: reader.text(&REFRESH_GRACE, parse::duration(5 * SECOND..=MINUTE)),
            // They are listed, and ended, in one step.
            per_user_max: reader.integer(&PER_USER_MAX, parse::number(1..=200)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is shorter than sessions.access_life, {:?}",
                parse::written(sessions.refresh_life),
                parse::written(sessions.access_life)
            ),
            "a session must outlive its access tokens; make it longer",
        );
        let ok = sessions.refresh_life >= sessions.access_life;
        reader.check(&REFRESH_LIFE, &ACCESS_LIFE, ok, wrong);
        sessions
    }
}

impl Reset {
    pub(super) fn read(reader: &mut Reader) -> Self {
        // A minute: what is mailed says it in minutes.
        Self { token_life: reader.text(&RESET_LIFE, parse::duration(MINUTE..=DAY - SECOND)) }
    }
}
