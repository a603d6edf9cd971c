//! What the counted files take of the configuration.

use std::fmt;

use zeroize::Zeroizing;

/// As the product's: its file reads the whole configuration.
#[derive(Clone)]
pub struct NamedKey {
    /// Public.
    pub id: String,
    /// 32 or more.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl NamedKey {
    /// One that everybody knows.
    pub(crate) fn example() -> Self {
        Self { id: "j1".to_owned(), bytes: Zeroizing::new(vec![7; 32]) }
    }
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedKey").field("id", &self.id).finish_non_exhaustive()
    }
}
