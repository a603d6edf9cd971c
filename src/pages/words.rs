//! The string table. Pages take their words from it when they are made, scripts when they run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The table as it is written: sections of names.
const JSON: &str = include_str!("words.json");

type Section = BTreeMap<String, String>;

static WORDS: LazyLock<BTreeMap<String, Section>> =
    LazyLock::new(|| serde_json::from_str(JSON).expect("words.json is sections of names"));

/// The words of `section.name`.
pub(super) fn of(name: &str) -> &'static str {
    let (section, word) = name.split_once('.').unwrap_or_default();
    let found = WORDS.get(section).and_then(|section| section.get(word));
    found.unwrap_or_else(|| panic!("words.json has no {name}"))
}

/// These sections as JSON that may stand within an element of HTML.
pub(super) fn sections(names: &str) -> String {
    let section = |name: &str| WORDS.get_key_value(name).unwrap_or_else(|| panic!("words.json has no section {name}"));
    let sections: BTreeMap<&String, &Section> = names.split(' ').map(section).collect();
    serde_json::to_string(&sections).expect("text is JSON").replace('<', "\\u003c")
}
