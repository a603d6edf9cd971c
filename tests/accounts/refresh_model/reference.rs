//! The contract's sections 3 and 8 about the sessions of one user, in a few lines. It knows nothing of how the product
//! does it.

const LIFE: u64 = 30 * 24 * 3_600_000;
const GRACE: u64 = 10_000;

/// What a refresh comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refreshed {
    /// A successor that nobody had before.
    New,
    /// The newest token once more.
    Newest,
    Invalid,
}

/// Moments at which something becomes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    Grace,
    Life,
}

/// A user; times are unix ms.
#[derive(Default)]
pub(super) struct User {
    /// Of the password, in Postgres.
    version: u64,
    /// The highest one that sessions were told of: Postgres may be changed behind their back.
    told: u64,
    sessions: Vec<Session>,
}

struct Session {
    version: u64,
    /// Exchanges so far: the generation of the newest token.
    exchanges: usize,
    exchanged: u64,
    used: u64,
    ended: bool,
}

impl User {
    pub(super) fn log_in(&mut self, now: u64) {
        self.told = self.version;
        let version = self.version;
        self.sessions.push(Session { version, exchanges: 0, exchanged: 0, used: now, ended: false });
    }

    pub(super) fn refresh(&mut self, now: u64, nth: usize, generation: usize) -> Refreshed {
        let lives = self.may_act(now, nth);
        let version = self.version;
        let session = &mut self.sessions[nth];
        if !lives {
            return Refreshed::Invalid;
        }
        if version == session.version && generation == session.exchanges {
            (session.exchanges, session.exchanged, session.used) = (generation + 1, now, now);
            return Refreshed::New;
        }
        if version == session.version && generation + 1 == session.exchanges && now < session.exchanged + GRACE {
            return Refreshed::Newest;
        }
        session.ended = true;
        Refreshed::Invalid
    }

    /// Whether its access token opens what asks Postgres, too.
    pub(super) fn is_in(&self, now: u64, nth: usize) -> bool {
        self.may_act(now, nth) && self.sessions[nth].version == self.version
    }

    /// Whether its access token opens what asks nobody but Redis.
    pub(super) fn may_act(&self, now: u64, nth: usize) -> bool {
        self.is_listed(now, nth) && self.sessions[nth].version == self.told
    }

    pub(super) fn is_listed(&self, now: u64, nth: usize) -> bool {
        let session = &self.sessions[nth];
        !session.ended && now < session.used + LIFE
    }

    /// Whether the ending worked: who asks has to be in, and what ends has to be there.
    pub(super) fn end(&mut self, now: u64, by: usize, nth: usize) -> bool {
        let ends = self.may_act(now, by) && self.is_listed(now, nth);
        self.sessions[nth].ended |= ends;
        ends
    }

    pub(super) fn end_all(&mut self, now: u64, by: usize) -> bool {
        let ends = self.may_act(now, by);
        self.sessions.iter_mut().for_each(|session| session.ended |= ends);
        ends
    }

    pub(super) fn change_password(&mut self, now: u64, by: usize) -> bool {
        let changes = self.is_in(now, by);
        if changes {
            self.version += 1;
            self.told = self.version;
            self.sessions.iter_mut().enumerate().for_each(|(nth, session)| session.ended |= nth != by);
            self.sessions[by].version = self.version;
        }
        changes
    }

    pub(super) fn changed_in_postgres(&mut self) {
        self.version += 1;
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn exchanges(&self, nth: usize) -> usize {
        self.sessions[nth].exchanges
    }

    /// The moment of an edge that lies ahead.
    pub(super) fn edge(&self, edge: Edge, now: u64, nth: usize) -> Option<u64> {
        let session = &self.sessions[nth];
        let at = match edge {
            Edge::Grace => session.exchanged + GRACE,
            Edge::Life => session.used + LIFE,
        };
        (at > now).then_some(at)
    }
}
