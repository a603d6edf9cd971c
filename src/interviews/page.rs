//! Pages of a list: what is asked for, and where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::Interview;

/// Interviews on a page, unless the caller says otherwise; and at most.
pub(super) const LIMIT: u8 = 20;
pub(super) const LIMIT_MAX: u8 = 100;

/// Where an interview stands, from its making to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ToSchema)]
#[schema(as = InterviewState, rename_all = "lowercase")]
pub enum State {
    /// Its link works, and nobody was let in by it.
    Open,
    /// The candidate was let in.
    Started,
    /// The link ended before that.
    Expired,
    /// The link was taken away.
    Revoked,
}

impl State {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Started, Self::Expired, Self::Revoked];

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Started => "started",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The same, asked of a row.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::Open => "revoked_at IS NULL AND started_at IS NULL AND link_expires_at > now()",
            Self::Started => "revoked_at IS NULL AND started_at IS NOT NULL",
            Self::Expired => "revoked_at IS NULL AND started_at IS NULL AND link_expires_at <= now()",
            Self::Revoked => "revoked_at IS NOT NULL",
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Interviews in this state alone.
    pub state: Option<State>,
    /// Those behind this place.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: u8,
}

/// A place in the list. It stays where it is, whatever is added before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    pub(super) created: OffsetDateTime,
    pub(super) id: Uuid,
}

/// 8 bytes of microseconds, 16 of the id.
const CURSOR_BYTES: usize = 24;

impl Place {
    pub(super) fn after(interview: &Interview) -> Self {
        Self { created: interview.created, id: interview.id }
    }

    /// Its text. It tells nothing that the list does not, and what a caller may see is asked
    /// for on every page: it needs no signature.
    #[must_use]
    pub fn cursor(&self) -> String {
        // Postgres counts microseconds.
        let micros = i64::try_from(self.created.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        URL_SAFE_NO_PAD.encode([&micros.to_be_bytes()[..], self.id.as_bytes()].concat())
    }

    /// Reads the text of a place; `None` where it is none.
    #[must_use]
    pub fn parse(cursor: &str) -> Option<Self> {
        let bytes: [u8; CURSOR_BYTES] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        let (micros, id) = bytes.split_first_chunk::<8>()?;
        let nanos = i128::from(i64::from_be_bytes(*micros)) * 1_000;
        let created = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        // Postgres' calendar begins in 4713 BC, and ends later than ours.
        let id = Uuid::from_slice(id).ok().filter(|_| created.year() > -4_000)?;
        Some(Self { created, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_cursor() {
        let created = OffsetDateTime::from_unix_timestamp_nanos(1_795_342_500_123_456_000).unwrap();
        let place = Place { created, id: Uuid::now_v7() };
        assert_eq!(Place::parse(&place.cursor()), Some(place));
    }

    #[test]
    fn what_was_never_a_cursor_is_none() {
        for text in ["", "a", "AAAA", &"A".repeat(33), &"!".repeat(32), &format!("gA{}", "A".repeat(30))] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_state_has_a_name_of_its_own() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
        }
        assert_eq!(State::named("locked"), None);
    }
}
