//! Since when the oldest job waits: the queue is in order of what falls due, and what is put off falls due later.

use std::time::{Duration, Instant};

/// The oldest of the jobs that this node has put off lately. Whatever waits is tried, and put off again, within the
/// longest delay, by this node or by another: so two spans of that length hold all that waits, and nothing that has gone
/// is in them for long.
#[derive(Debug)]
pub(super) struct Oldest {
    span: Duration,
    began: Instant,
    now: Option<Instant>,
    before: Option<Instant>,
}

impl Oldest {
    /// Of jobs each of which is seen once in `span`.
    pub(super) fn new(span: Duration, at: Instant) -> Self {
        Self { span, began: at, now: None, before: None }
    }

    /// A job that has been waiting since `queued` waits on.
    pub(super) fn put_off(&mut self, queued: Instant, at: Instant) {
        self.turn(at);
        self.now = Some(self.now.map_or(queued, |oldest| oldest.min(queued)));
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        (self.now, self.before) = (None, None);
    }

    /// For how long the oldest has been waiting; no time where none waits.
    pub(super) fn age(&mut self, at: Instant) -> Duration {
        self.turn(at);
        let oldest = [self.now, self.before].into_iter().flatten().min();
        oldest.map_or(Duration::ZERO, |queued| at.saturating_duration_since(queued))
    }

    fn turn(&mut self, at: Instant) {
        let passed = at.saturating_duration_since(self.began);
        if passed < self.span {
            return;
        }
        self.before = self.now.take().filter(|_| passed < self.span * 2);
        self.began = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_remembered_until_it_would_have_been_seen_again() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut oldest = Oldest::new(Duration::from_secs(30), at(0));
        assert_eq!(oldest.age(at(1)), Duration::ZERO);
        oldest.put_off(at(2), at(10));
        oldest.put_off(at(8), at(11));
        assert_eq!(oldest.age(at(29)).as_secs(), 27);
        // The older one has gone, the younger one is put off again.
        oldest.put_off(at(8), at(38));
        assert_eq!(oldest.age(at(59)).as_secs(), 57);
        assert_eq!(oldest.age(at(70)).as_secs(), 62);
        assert_eq!(oldest.age(at(101)), Duration::ZERO);
        oldest.put_off(at(90), at(110));
        assert_eq!(oldest.age(at(120)).as_secs(), 30);
        assert_eq!(oldest.age(at(300)), Duration::ZERO);
        oldest.put_off(at(299), at(301));
        oldest.clear();
        assert_eq!(oldest.age(at(302)), Duration::ZERO);
    }
}
