//! Words and lengths: what may stand in a file, and how much of it.

use super::tree::{Rust, Tree, after};
use super::{assert_seen, assert_tidy};

const LINES_MAX: usize = 500;
/// Where names of keys are built.
const AUTHOR: &str = "src/redis/keys.rs";
/// First parts of keys' names, as Rust would write them to build one.
const KINDS: [&str; 12] =
    ["link", "otp", "seat", "mailed", "job", "mail", "starts", "resets", "refused", "candidate_ip", "meta", "{kind}"];

/// Folders of tests that `make test-all` runs.
const LONG: [&str; 5] =
    ["tests/failover/", "tests/fleet/", "tests/pages/states/", "tests/schemathesis/", "tests/timing/"];

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.files("", ".rs").chain(tree.files("lua/", ".lua")) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            complaints.push(format!("{path}: {lines} lines"));
        }
    }
    for (path, text) in tree.files("", ".rs") {
        words(tree, path, &Rust::read(text), &mut complaints);
        if path.starts_with("src/") && path != AUTHOR && !path.ends_with("/tests.rs") {
            authorship(path, &Rust::product(text).strings, &mut complaints);
        }
    }
    // Functions are measured by clippy, where this stands.
    for (path, line) in [("clippy.toml", "too-many-lines-threshold = 70"), ("Cargo.toml", "too_many_lines = \"warn\"")]
    {
        if !tree.text(path).lines().any(|found| found == line) {
            complaints.push(format!("{path}: does not say {line}"));
        }
    }
    complaints
}

fn words(tree: &Tree, path: &str, rust: &Rust, complaints: &mut Vec<String>) {
    let mut complain = |found: bool, word: &str| {
        if found {
            complaints.push(format!("{path}: {word}"));
        }
    };
    for word in ["todo!", "dbg!", "unimplemented!"] {
        complain(after(&rust.code, word).next().is_some(), word);
    }
    for word in ["TODO", "FIXME", "XXX"] {
        complain(rust.comments.contains(word), word);
    }
    complain(rust.code.contains("too_many_lines"), "a function that may be too long");
    // `make test-all` runs those that take minutes; else, a test may be the other process of one that names it.
    let long = LONG.iter().any(|folder| path.starts_with(folder))
        && tree.text("Makefile").contains("--ignored --test-threads=1")
        && tree.text("Makefile").contains("--ignored --test-threads=3 pages::");
    let ignored = !long
        && rust.code.split("#[ignore").skip(1).any(|rest| {
            let name = rest.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            !rust.strings.contains(&format!("::{name}\""))
        });
    complain(ignored, "a test that is not run");
    if path.starts_with("tests/") {
        let sleeps = rust.code.contains("sleep(") || rust.code.contains("::sleep");
        complain(sleeps, "a test that sleeps: wait for the condition, or move the clock");
    }
}

fn authorship(path: &str, strings: &str, complaints: &mut Vec<String>) {
    let built = KINDS.iter().any(|kind| strings.contains(&format!(":{kind}:{{")));
    if strings.contains("\"vb:") || built {
        complaints.push(format!("{path}: builds the name of a key; {AUTHOR} does that"));
    }
}

#[test]
fn files_are_short_and_say_nothing_they_should_not() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn long_files_and_wrong_words_are_seen() {
    let (import, top) = ("use std::time::Duration;", "use std::time::Duration;\n");
    let long = top.repeat(LINES_MAX).leak();
    assert_seen(
        check,
        &[
            ("src/limits/mod.rs", import, long, " lines"),
            ("src/limits/mod.rs", import, "fn f() { todo!() }", "todo!"),
            ("src/limits/mod.rs", import, "fn f() { dbg!(1); }", "dbg!"),
            ("src/limits/mod.rs", import, "// TODO: later", "TODO"),
            ("src/limits/mod.rs", import, "/* FIXME */", "FIXME"),
            ("src/limits/mod.rs", import, "#[expect(clippy::too_many_lines, reason = \"\")]", "too long"),
            ("src/limits/mod.rs", import, "fn f() -> String { format!(\"vb:otp:{}\", 1) }", "name of a key"),
            (
                "src/jobs/mod.rs",
                "use std::str::FromStr;",
                "fn f(p: &str) -> String { format!(\"{p}:job:{{00}}\") }",
                "name of a key",
            ),
            ("src/dev/servers/tests.rs", "::a_parent_to_be_killed", "::nobody", "not run"),
            ("tests/support/until.rs", import, "#[test]\n#[ignore = \"slow\"]\nfn slow() {}", "not run"),
            ("tests/pages/candidate.rs", "#[tokio::test]", "#[tokio::test]\n#[ignore = \"slow\"]", "not run"),
            ("Makefile", "--ignored --test-threads=1", "", "tests/timing/mod.rs: a test that is not run"),
            ("Makefile", "--ignored --test-threads=3 pages::", "", "tests/timing/mod.rs: a test that is not run"),
            ("tests/support/until.rs", import, "fn f() { std::thread::sleep(D); }", "sleeps"),
            ("tests/support/until.rs", import, "async fn f() { tokio::time::sleep(D).await; }", "sleeps"),
            ("clippy.toml", "threshold = 70", "threshold = 700", "does not say"),
        ],
    );
}
