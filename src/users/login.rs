//! What a person types to say who they are.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// A username or an address, as they are compared: without regard to case, to the way in
/// which an accent was typed, and to the spaces that a phone's keyboard adds.
#[derive(Clone, Eq, PartialEq)]
pub struct Login(String);

impl Login {
    /// Of what was typed.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let small = typed.trim().nfc().collect::<String>().to_lowercase();
        // Again: a capital of two characters may have a small letter of one, as U+01F0.
        Self(small.nfc().collect())
    }

    /// As Postgres and the limits take it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Login {
    /// It is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Login;

    #[test]
    fn what_means_the_same_is_the_same() {
        for (one, other) in [
            ("Ada", "ada "),
            ("Zo\u{eb}@Example.com", "zoe\u{308}@example.COM"),
            ("ÉLAN@x.y", "élan@x.y"),
            ("J\u{30c}URE@x.y", "\u{1f0}ure@x.y"),
            ("ΜΑ\u{3aa}\u{301}ΟΥ@x.y", "μα\u{390}ου@x.y"),
        ] {
            assert_eq!(Login::of(one), Login::of(other), "{one}");
        }
        assert_ne!(Login::of("ada"), Login::of("a da"));
    }
}
