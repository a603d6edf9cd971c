//! The passwords that everybody tries first.

use std::collections::HashSet;
use std::sync::OnceLock;

/// Its first lines say where it comes from; they begin with "# ", which no password of it does.
const TEXT: &str = include_str!("common.txt");

static LIST: OnceLock<HashSet<&str>> = OnceLock::new();

/// `folded` is in lower case. The list begins at 6 characters, as `accounts.password_min` does.
pub(super) fn is_common(folded: &str) -> bool {
    LIST.get_or_init(|| entries().collect()).contains(folded)
}

fn entries() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(|line| *line != "#" && !line.starts_with("# "))
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    #[test]
    fn every_entry_can_be_met_and_none_is_of_the_header() {
        let all: Vec<_> = entries().collect();
        assert_eq!(all.len(), 18_054);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!((all[0], all[all.len() - 1]), ("123456", "fallen_angel"));
        for entry in all {
            let folded: String = entry.nfc().flat_map(char::to_lowercase).collect();
            assert!(folded == entry && entry.chars().count() >= 6, "{entry}");
        }
        for word in ["#1bitch", "password", "йцукен"] {
            assert!(is_common(word), "{word}");
        }
        for word in ["", "#", "All rights reserved.", "# All rights reserved.", "Password"] {
            assert!(!is_common(word), "{word}");
        }
    }
}
