//! Style as a test: what can be read off the files, so that no reviewer has to.
//!
//! A check takes the tree and answers complaints. Each is also shown a tree with one thing
//! changed, so that it is known to see.

mod docs;
mod imports;
mod locks;
mod lua;
mod markdown;
mod metrics;
mod pages;
mod text;
mod tree;

use tree::Tree;

#[track_caller]
fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}", complaints.join("\n  "));
}

/// A change of one file (path, from, to), and words of the complaint that it earns.
type Mutation = (&'static str, &'static str, &'static str, &'static str);

/// Rust files that checks of other files look into.
const LOOKED_INTO: [&str; 4] = ["src/lib.rs", "src/redis/keys.rs", "src/redis/scripts.rs", "tests/timing/mod.rs"];

/// Each complaint must be one that the same files do not earn unchanged. The other Rust
/// files are left out: reading them all for each mutation would take seconds.
#[track_caller]
fn assert_seen(check: fn(&Tree) -> Vec<String>, mutations: &[Mutation]) {
    let tree = Tree::load();
    for (path, from, to, words) in mutations {
        let few = tree.only(|file| !file.ends_with(".rs") || file == *path || LOOKED_INTO.contains(&file));
        let before = check(&few);
        let complaints = check(&few.changed(path, from, to));
        let seen = complaints.iter().any(|complaint| complaint.contains(words) && !before.contains(complaint));
        assert!(seen, "{path}: {to:?} for {from:?} goes unseen; complaints: {complaints:?}");
    }
}
