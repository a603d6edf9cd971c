//! The name of a person.

use unicode_normalization::UnicodeNormalization as _;

/// The longest names of passports are shorter.
const NAME_CHARS_MAX: usize = 100;
/// A name as it is kept; none where there is nothing in it.
///
/// # Errors
/// What would be right.
pub fn full_name(text: &str) -> Result<Option<String>, String> {
    let name = tidy(text);
    match name.chars().count() {
        0 => Ok(None),
        1..=NAME_CHARS_MAX => Ok(Some(name)),
        _ => Err(format!("must have at most {NAME_CHARS_MAX} characters")),
    }
}

/// The same words are the same text, whichever keyboard wrote them.
#[must_use]
pub fn tidy(text: &str) -> String {
    text.trim().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_composed_and_bounded() {
        assert_eq!(full_name(" Ame\u{301}lie \u{a0}").unwrap().as_deref(), Some("Am\u{e9}lie"));
        assert_eq!(full_name("").unwrap(), None);
        assert_eq!(full_name(" \u{3000} ").unwrap(), None);
        assert!(full_name(&"é".repeat(100)).is_ok());
        // Composed, they are 100.
        assert!(full_name(&"e\u{301}".repeat(100)).is_ok());
        assert_eq!(full_name(&"é".repeat(101)).unwrap_err(), "must have at most 100 characters");
    }
}
