//! The pages: words that all stand in one table, and scripts that make no markup out of text.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::{Tree, after};
use super::{assert_seen, assert_tidy};

const WORDS: &str = "src/pages/words.json";
const ASSETS: &str = "src/pages/assets/";
const TEMPLATES: &str = "src/pages/templates/";
/// A page's script reads top to bottom.
const SCRIPT_LINES_MAX: usize = 300;
/// Said by the slug of a problem, or by what stands for one.
const BY_SLUG: [&str; 3] = ["common.no-network", "common.unavailable", "common.internal-error"];
/// As the language has plurals.
const PLURALS: [&str; 2] = ["_one", "_other"];
/// Ways to make markup, code or style out of text. The policy refuses them in a browser; a reader sees them here.
const REFUSED: [&str; 8] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "setAttribute('style'",
    "://",
];

fn check(tree: &Tree) -> Vec<String> {
    let (table, mut complaints) = table(tree);
    let mut said: BTreeSet<String> = BY_SLUG.iter().map(|name| (*name).to_owned()).collect();
    for (path, text) in tree.files(TEMPLATES, ".html") {
        for name in ["frame.say(\"", "frame.say_number(\""].iter().flat_map(|call| quoted(text, call, '"')) {
            say(path, &name, &table, &mut said, &mut complaints);
        }
        for word in [" style=", "<style", "http:", "https:"] {
            complain(text.contains(word), path, word, &mut complaints);
        }
    }
    for (path, text) in tree.files(ASSETS, ".js") {
        let lines = text.lines().count();
        complain(lines > SCRIPT_LINES_MAX, path, &format!("{lines} lines"), &mut complaints);
        for name in quoted(text, "say('", '\'') {
            say(path, &name, &table, &mut said, &mut complaints);
        }
        for name in quoted(text, "sayCount('", '\'') {
            for form in PLURALS {
                say(path, &format!("{name}{form}"), &table, &mut said, &mut complaints);
            }
        }
        // Chosen in one place, said in another.
        said.extend(table.iter().filter(|name| text.contains(&format!("'{name}'"))).cloned());
        for word in REFUSED {
            complain(text.contains(word), path, word, &mut complaints);
        }
    }
    for (path, _) in tree.files(ASSETS, "") {
        let name = path.trim_start_matches(ASSETS);
        let served = tree.text("src/pages/assets.rs").contains(&format!("\"{name}\""));
        complain(!served, path, "is not served", &mut complaints);
    }
    complaints.extend(table.difference(&said).map(|name| format!("{WORDS}: nobody says {name}")));
    complaints
}

/// Every name of the table, and what is wrong with it.
fn table(tree: &Tree) -> (BTreeSet<String>, Vec<String>) {
    let words: Value = serde_json::from_str(tree.text(WORDS)).unwrap_or_default();
    let (mut names, mut complaints) = (BTreeSet::new(), Vec::new());
    for (section, words) in words.as_object().into_iter().flatten() {
        for (name, text) in words.as_object().into_iter().flatten() {
            let name = format!("{section}.{name}");
            let empty = text.as_str().is_none_or(|text| text.trim().is_empty());
            complain(empty, WORDS, &format!("{name} is empty"), &mut complaints);
            names.insert(name);
        }
    }
    (names, complaints)
}

fn say(path: &str, name: &str, table: &BTreeSet<String>, said: &mut BTreeSet<String>, complaints: &mut Vec<String>) {
    complain(!table.contains(name), path, &format!("says {name}, which {WORDS} has not"), complaints);
    said.insert(name.to_owned());
}

/// What stands in quotes behind each `call`.
fn quoted(text: &str, call: &str, quote: char) -> Vec<String> {
    after(text, call).filter_map(|rest| rest.split(quote).next()).map(str::to_owned).collect()
}

fn complain(found: bool, path: &str, words: &str, complaints: &mut Vec<String>) {
    if found {
        complaints.push(format!("{path}: {words}"));
    }
}

#[test]
fn pages_say_what_the_table_has() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn wrong_words_and_markup_are_seen() {
    assert_seen(
        check,
        &[
            (WORDS, "\"go_on\": \"You", "\"gone_on\": \"You", "which src/pages/words.json has not"),
            (WORDS, "\"go_on\": \"You", "\"unsaid\": \"Never\", \"go_on\": \"You", "nobody says common.unsaid"),
            (WORDS, "\"language\": \"en\"", "\"language\": \"\"", "common.language is empty"),
            ("src/pages/templates/gone.html", "gone.title", "gone.titel", "says gone.titel"),
            ("src/pages/templates/gone.html", "{% block main %}", "{% block main %}<p style=\"\">", " style="),
            ("src/pages/assets/view.js", "view.hidden", "view.innerHTML", "innerHTML"),
            ("src/pages/assets/api.js", "fetch(path", "fetch('https://elsewhere' + path", "://"),
            ("src/pages/assets.rs", "SCRIPT \"api.js\";", "", "api.js: is not served"),
        ],
    );
}
