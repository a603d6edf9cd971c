//! Limits, by their names in the contract.

use std::time::Duration;

use super::parse::{self, DAY, SECOND, Wrong};
use super::reader::{Key, Reader};

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

/// Nobody types a password wrong so often; 5 in a row are a guesser, or somebody who had better wait and think.
const LOGIN_ACCOUNT_MAX: Key =
    Key::new("limits.login_account.max", "5", "wrong tries to log in under one name, the last of which starts a wait");
/// As long as looking a password up takes.
const LOGIN_WAIT: Key =
    Key::new("limits.login_account.wait", "60s", "the first wait; each further wrong try doubles it");
/// 60 s doubled 6 times is past it. A guesser is left with some 24 tries a day, an owner with an hour.
const LOGIN_WAIT_MAX: Key = Key::new("limits.login_account.wait_max", "1h", "the longest wait");
const LOGIN_FORGET: Key =
    Key::new("limits.login_account.forget", "15m", "after the last wait, or the last try, all is forgotten");
/// An office behind one address, each with a slip or two.
const LOGIN_IP_MAX: Key = Key::new("limits.login_ip.max", "50", "wrong tries to log in of one client address");
const LOGIN_IP_WINDOW: Key = Key::new("limits.login_ip.window", "15m", "in any such time, exact to the millisecond");
/// A class that signs up together.
const SIGNUP_IP_MAX: Key = Key::new("limits.signup_ip.max", "10", "accounts that one client address may make");
const SIGNUP_IP_WINDOW: Key = Key::new("limits.signup_ip.window", "1h", "in any such time, exact to the millisecond");
/// One, and two for those who do not see it at once.
const FORGOT_EMAIL_MAX: Key =
    Key::new("limits.forgot_email.max", "3", "reset mails to one address; past it none is sent, and nobody is told");
const FORGOT_EMAIL_WINDOW: Key =
    Key::new("limits.forgot_email.window", "15m", "in any such time, exact to the millisecond");
const FORGOT_IP_MAX: Key = Key::new("limits.forgot_ip.max", "20", "requests for a reset of one client address");
const FORGOT_IP_WINDOW: Key = Key::new("limits.forgot_ip.window", "1h", "in any such time, exact to the millisecond");
/// A token has 256 bits: this is for our processors, not against guessing.
const RESET_IP_MAX: Key = Key::new("limits.reset_ip.max", "20", "passwords that one client address may try to reset");
const RESET_IP_WINDOW: Key = Key::new("limits.reset_ip.window", "10m", "in any such time, exact to the millisecond");
/// A campaign that invites a whole class; and what a stolen account can do to the sender's good name.
const INVITE_USER_MAX: Key = Key::new("limits.invite_user.max", "1000", "invitations that one recruiter has mailed");
const INVITE_USER_WINDOW: Key = Key::new("limits.invite_user.window", "1h", "in this time");

/// The log is a text in one hash, read and written whole: 200 entries of 26 bytes are 5 KiB.
const EXACT_MAX: u32 = 200;

/// Limits, by their names in the contract.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// On a client address: all candidate endpoints together.
    pub candidate_ip: Rate,
    /// On a link: codes that are mailed.
    pub otp_request: OtpRequest,
    /// On a link: codes that are typed.
    pub otp_attempt: OtpAttempt,
    /// On a name, known or not: wrong tries to log in.
    pub login_account: LoginAccount,
    /// On a client address: wrong tries to log in.
    pub login_ip: Rate,
    /// On a client address: accounts that are made.
    pub signup_ip: Rate,
    /// On an address that is named: mails with a reset link.
    pub forgot_email: Rate,
    /// On a client address: requests for a reset.
    pub forgot_ip: Rate,
    /// On a client address: resets.
    pub reset_ip: Rate,
    /// On a user: invitations that are mailed.
    pub invite_user: Rate,
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

/// Wrong tries to log in under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginAccount {
    /// The last of them starts a wait.
    pub max: u32,
    /// The first wait; each further wrong try doubles it.
    pub wait: Duration,
    /// The longest wait.
    pub wait_max: Duration,
    /// After the last wait, or the last try, all is forgotten.
    pub forget: Duration,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            candidate_ip: counted(reader, &CANDIDATE_IP_MAX, &CANDIDATE_IP_WINDOW),
            otp_request: OtpRequest::read(reader),
            otp_attempt: OtpAttempt::read(reader),
            login_account: LoginAccount::read(reader),
            login_ip: exact(reader, &LOGIN_IP_MAX, &LOGIN_IP_WINDOW),
            signup_ip: exact(reader, &SIGNUP_IP_MAX, &SIGNUP_IP_WINDOW),
            forgot_email: exact(reader, &FORGOT_EMAIL_MAX, &FORGOT_EMAIL_WINDOW),
            forgot_ip: exact(reader, &FORGOT_IP_MAX, &FORGOT_IP_WINDOW),
            reset_ip: exact(reader, &RESET_IP_MAX, &RESET_IP_WINDOW),
            invite_user: counted(reader, &INVITE_USER_MAX, &INVITE_USER_WINDOW),
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

impl LoginAccount {
    fn read(reader: &mut Reader) -> Self {
        let limit = Self {
            // As many tries under way are remembered, each by 33 bytes.
            max: reader.integer(&LOGIN_ACCOUNT_MAX, parse::number(1..=100)),
            wait: reader.text(&LOGIN_WAIT, parse::duration(SECOND..=DAY)),
            wait_max: reader.text(&LOGIN_WAIT_MAX, parse::duration(SECOND..=30 * DAY)),
            forget: reader.text(&LOGIN_FORGET, parse::duration(SECOND..=30 * DAY)),
        };
        let wrong = Wrong::new(
            format!(
                "{:?} is shorter than limits.login_account.wait, {:?}",
                parse::written(limit.wait_max),
                parse::written(limit.wait)
            ),
            "make it at least as long",
        );
        let ok = limit.wait_max >= limit.wait;
        reader.check(&LOGIN_WAIT_MAX, &LOGIN_WAIT, ok, wrong);
        limit
    }
}

/// In sub-windows: so many that no log holds them.
fn counted(reader: &mut Reader, max: &Key, window: &Key) -> Rate {
    Rate {
        max: reader.integer(max, parse::number(1..=1_000_000)),
        window: reader.text(window, parse::duration(SECOND..=DAY)),
    }
}

fn exact(reader: &mut Reader, max: &Key, window: &Key) -> Rate {
    Rate {
        max: reader.integer(max, parse::number(1..=EXACT_MAX)),
        window: reader.text(window, parse::duration(SECOND..=DAY)),
    }
}
