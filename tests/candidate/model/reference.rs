//! The contract's sections 2 and 8 about one link, in a few lines. It knows nothing of how the product does it.

use serde_json::{Value, json};

const APART: u64 = 60_000;
const WINDOW: u64 = 600_000;
const REQUESTS_MAX: usize = 5;
const CODE_LIFE: u64 = 600_000;
const ATTEMPTS: u64 = 3;
const COOLDOWN: u64 = 600_000;
const COOLDOWN_MAX: u64 = 24 * 3_600_000;
/// The interview of 61 minutes, and 15 of grace.
const SESSION_LIFE: u64 = 76 * 60_000;

type Told = (u16, Value);

/// Moments at which something that was refused becomes right, or the other way round.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    /// The wait that a request is told.
    Told,
    Apart,
    Window,
    Cooldown,
    Code,
    Link,
}

/// What a start shows at the door.
#[derive(Clone, Copy)]
pub(super) enum Session {
    None,
    OfAnother,
    OfThisLink,
}

/// A link; times are unix ms.
pub(super) struct Link {
    expires: u64,
    total_max: u64,
    asked: Vec<u64>,
    /// Every code of this link with the time of its making, the oldest first.
    codes: Vec<(String, u64)>,
    /// Whether the newest of them was neither used nor destroyed.
    outstanding: bool,
    mark: String,
    wrong: u64,
    wrong_in_all: u64,
    locks: u32,
    locked_until: u64,
    verified: Option<u64>,
    started: Option<(String, u64)>,
}

impl Link {
    pub(super) fn new(expires: u64, total_max: u64) -> Self {
        let (asked, codes, mark) = (Vec::new(), Vec::new(), String::new());
        let (wrong, wrong_in_all, locks, locked_until) = (0, 0, 0, 0);
        let (outstanding, verified, started) = (false, None, None);
        Self {
            expires,
            total_max,
            asked,
            codes,
            outstanding,
            mark,
            wrong,
            wrong_in_all,
            locks,
            locked_until,
            verified,
            started,
        }
    }

    pub(super) fn info(&self, now: u64) -> Told {
        if self.is_dead(now) {
            return not_found();
        }
        let cooldown = self.cooldown(now);
        let body = json!({
            "candidateName": "Ada Lovelace",
            "position": "Analyst",
            "maskedEmail": "s***@e***.com",
            "expiresAt": vestibule::http::rfc3339(self.expires),
            "resendIn": seconds(self.resend(now)),
            "cooldown": seconds(cooldown),
            "attemptsRemaining": if cooldown > 0 { 0 } else { ATTEMPTS - self.wrong },
            "ref": self.has_code(now).then_some(&self.mark),
        });
        (200, body)
    }

    /// Where it is accepted, [`Self::mailed`] follows.
    pub(super) fn request(&self, now: u64) -> Told {
        if self.is_dead(now) {
            return not_found();
        }
        let retry_after = |slug| (429, json!({ "slug": slug, "retryAfter": seconds(self.resend(now)) }));
        if self.cooldown(now) > 0 {
            return retry_after("otp-cooldown");
        }
        if self.window(now) > 0 {
            return retry_after("otp-request-limit");
        }
        if self.apart(now) > 0 {
            return retry_after("otp-resend-too-soon");
        }
        let left = REQUESTS_MAX - 1 - self.recent(now).len();
        // What info shows a moment later: the last request of a window waits for its first to leave.
        let resend = if left == 0 { self.recent(now)[0] + WINDOW - now } else { APART };
        let body = json!({
            "message": "Verification code sent to s***@e***.com",
            "maskedEmail": "s***@e***.com",
            "expiresIn": 600,
            "resendIn": seconds(resend.max(APART)),
            "requestsRemaining": left,
        });
        (202, body)
    }

    pub(super) fn mailed(&mut self, now: u64, code: String, mark: String) {
        self.asked.push(now);
        self.codes.push((code, now));
        self.mark = mark;
        self.outstanding = true;
    }

    pub(super) fn verify(&mut self, now: u64, typed: &str) -> Told {
        if typed.len() != 6 || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return (422, json!({ "slug": "validation-failed" }));
        }
        if self.is_dead(now) {
            return not_found();
        }
        if self.cooldown(now) > 0 {
            return (429, json!({ "slug": "otp-cooldown", "retryAfter": seconds(self.cooldown(now)) }));
        }
        if !self.has_code(now) {
            return (401, json!({ "slug": "otp-expired" }));
        }
        let nth_newest = |nth| self.codes.iter().rev().nth(nth).is_some_and(|(code, _)| code == typed);
        if nth_newest(0) {
            (self.outstanding, self.wrong, self.locks) = (false, 0, 0);
            self.verified = Some(now);
            return (200, json!({ "candidateName": "Ada Lovelace", "position": "Analyst" }));
        }
        if nth_newest(1) {
            return (401, json!({ "slug": "otp-superseded", "ref": self.mark }));
        }
        self.miss(now)
    }

    fn miss(&mut self, now: u64) -> Told {
        self.wrong += 1;
        self.wrong_in_all += 1;
        let told = if self.wrong < ATTEMPTS {
            (401, json!({ "slug": "otp-incorrect", "attemptsRemaining": ATTEMPTS - self.wrong }))
        } else {
            let cooldown = COOLDOWN.saturating_mul(2_u64.saturating_pow(self.locks)).min(COOLDOWN_MAX);
            self.locks += 1;
            (self.outstanding, self.wrong, self.locked_until) = (false, 0, now + cooldown);
            (429, json!({ "slug": "otp-cooldown", "retryAfter": seconds(cooldown), "attemptsRemaining": 0 }))
        };
        // The one that ends the link is told so: there is no next attempt.
        if self.is_dead(now) { not_found() } else { told }
    }

    /// `id` is what the product calls the session: the first time it is learnt, then it must stay.
    pub(super) fn start(&mut self, now: u64, session: Session, id: &str) -> Told {
        let unauthenticated = (401, json!({ "slug": "unauthenticated" }));
        match session {
            Session::None => return unauthenticated,
            Session::OfAnother => return (403, json!({ "slug": "forbidden" })),
            Session::OfThisLink => {}
        }
        if self.verified.is_none_or(|at| now > at + SESSION_LIFE) {
            return unauthenticated;
        }
        let status = if self.started.is_some() { 200 } else { 201 };
        let (id, at) = self.started.get_or_insert((id.to_owned(), now));
        (status, json!({ "sessionId": id, "startedAt": vestibule::http::rfc3339(*at) }))
    }

    pub(super) fn ever_verified(&self) -> bool {
        self.verified.is_some()
    }

    /// Whether this text is its newest code, or the one before.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.codes.iter().rev().take(2).any(|(code, _)| code == text)
    }

    /// The moment of an edge that lies ahead.
    pub(super) fn edge(&self, edge: Edge, now: u64) -> Option<u64> {
        let at = match edge {
            Edge::Told => now + self.resend(now),
            Edge::Apart => now + self.apart(now),
            Edge::Window => now + self.window(now),
            Edge::Cooldown => self.locked_until,
            Edge::Code => self.codes.last()?.1 + CODE_LIFE,
            Edge::Link => self.expires,
        };
        (at > now).then_some(at)
    }

    fn is_dead(&self, now: u64) -> bool {
        now >= self.expires || self.wrong_in_all >= self.total_max
    }

    fn has_code(&self, now: u64) -> bool {
        self.outstanding && self.codes.last().is_some_and(|(_, made)| now < made + CODE_LIFE)
    }

    fn recent(&self, now: u64) -> Vec<u64> {
        self.asked.iter().copied().filter(|at| now < at + WINDOW).collect()
    }

    fn window(&self, now: u64) -> u64 {
        let recent = self.recent(now);
        if recent.len() < REQUESTS_MAX { 0 } else { recent[0] + WINDOW - now }
    }

    fn apart(&self, now: u64) -> u64 {
        self.asked.last().map_or(0, |at| (at + APART).saturating_sub(now))
    }

    fn cooldown(&self, now: u64) -> u64 {
        self.locked_until.saturating_sub(now)
    }

    fn resend(&self, now: u64) -> u64 {
        self.cooldown(now).max(self.window(now)).max(self.apart(now))
    }
}

fn not_found() -> Told {
    (404, json!({ "slug": "link-not-found" }))
}

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000)
}
