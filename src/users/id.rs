//! Who a user is, whatever else changes.

use std::fmt;

use uuid::Uuid;

use crate::id::Id;

/// Names a user for ever.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct UserId(pub(super) Uuid);

impl UserId {
    /// A new one. It tells when it was made, and nothing else.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// Of these bits.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Reads the text of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }

    /// The bits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// As Postgres takes it.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// As Redis' keys name it.
    #[must_use]
    pub fn id(self) -> Id {
        Id::first_of(self.0.as_bytes())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
