//! The string table. Pages take their words from it when they are made, scripts when they run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The table as it is written: sections of names.
pub(super) const JSON: &str = include_str!("words.json");

static WORDS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> =
    LazyLock::new(|| serde_json::from_str(JSON).expect("words.json is sections of names"));

/// The words of `section.name`.
pub(super) fn of(name: &str) -> &'static str {
    let (section, word) = name.split_once('.').unwrap_or_default();
    let found = WORDS.get(section).and_then(|section| section.get(word));
    found.unwrap_or_else(|| panic!("words.json has no {name}"))
}
