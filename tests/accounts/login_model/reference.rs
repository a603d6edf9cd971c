//! Sections 3, 6 and 8 of the contract about tries under a name, in a few lines. It knows nothing of how the product
//! does it.

const WRONG_MAX: u32 = 5;
const WAIT: u64 = 60_000;
const WAIT_MAX: u64 = 3_600_000;
const FORGET: u64 = 900_000;

/// Moments at which a name is answered otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    Wait,
    Forgotten,
}

/// Status, slug and Retry-After.
pub(super) type Told = (u16, String, Option<u64>);

/// What is remembered of a name; times are unix ms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Name {
    wrong: u32,
    waits_until: u64,
    forgotten_at: u64,
}

pub(super) fn problem(status: u16, slug: &str, retry_after: Option<u64>) -> Told {
    (status, slug.to_owned(), retry_after)
}

impl Name {
    /// A try with a wrong password, or under a name that nobody has.
    pub(super) fn wrong(&mut self, now: u64) -> Told {
        if let Some(told) = self.refusal(now) {
            return told;
        }
        self.forget(now);
        self.wrong += 1;
        self.waits_until = now + wait_after(self.wrong);
        self.forgotten_at = self.waits_until + FORGET;
        problem(401, "invalid-credentials", None)
    }

    /// A try with the right password.
    pub(super) fn right(&mut self, now: u64) -> Told {
        self.refusal(now).unwrap_or_else(|| {
            self.clear();
            (200, String::new(), None)
        })
    }

    /// A try that nobody can judge. It does not count; what was wrong before it is remembered for as long as after one
    /// more that was.
    pub(super) fn unjudged(&mut self, now: u64) -> Told {
        if let Some(told) = self.refusal(now) {
            return told;
        }
        self.forget(now);
        if self.wrong > 0 {
            self.forgotten_at = now + wait_after(self.wrong + 1) + FORGET;
        }
        problem(503, "unavailable", Some(1))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The moment of an edge that lies ahead.
    pub(super) fn edge(&self, edge: Edge, now: u64) -> Option<u64> {
        let at = match edge {
            Edge::Wait => self.waits_until,
            Edge::Forgotten => self.forgotten_at,
        };
        (at > now).then_some(at)
    }

    fn forget(&mut self, now: u64) {
        if now >= self.forgotten_at {
            self.clear();
        }
    }

    fn refusal(&self, now: u64) -> Option<Told> {
        let left = self.waits_until.checked_sub(now).filter(|left| *left > 0)?;
        Some(problem(429, "too-many-attempts", Some(left.div_ceil(1_000))))
    }
}

/// The wait that so many wrong tries start.
fn wait_after(wrong: u32) -> u64 {
    let doublings = wrong.checked_sub(WRONG_MAX);
    doublings.map_or(0, |times| WAIT.saturating_mul(2_u64.saturating_pow(times)).min(WAIT_MAX))
}
