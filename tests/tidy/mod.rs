//! Style as a test: what can be read off the files, so that no reviewer has to.
//!
//! A check takes the tree and answers complaints. Each is also shown a tree with one thing
//! changed, so that it is known to see.

mod docs;
mod imports;
mod lua;
mod markdown;
mod text;
mod tree;

use tree::Tree;

#[track_caller]
fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}", complaints.join("\n  "));
}

/// A change of one file (path, from, to), and words of the complaint that it earns.
type Mutation = (&'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn assert_seen(check: fn(&Tree) -> Vec<String>, mutations: &[Mutation]) {
    let tree = Tree::load();
    for (path, from, to, words) in mutations {
        let complaints = check(&tree.changed(path, from, to));
        let seen = complaints.iter().any(|complaint| complaint.contains(words));
        assert!(seen, "{path}: {to:?} for {from:?} goes unseen; complaints: {complaints:?}");
    }
}
