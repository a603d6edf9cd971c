//! What is counted is what ships: the instructions' lock holds the product's versions.

use super::tree::Tree;
use super::{assert_seen, assert_tidy};

const COUNTED: &str = "benches/instructions/Cargo.lock";

/// Of crates that the product has as well: gungraun brings some of its own.
fn check(tree: &Tree) -> Vec<String> {
    let product = packages(tree.text("Cargo.lock"));
    let counted = packages(tree.text(COUNTED));
    let complaints = counted
        .iter()
        .filter(|(name, _)| product.iter().any(|(ours, _)| ours == name))
        .filter(|package| !product.contains(package))
        .map(|(name, version)| format!("{COUNTED}: {name} {version} is not the product's: cargo update --precise"));
    complaints.collect()
}

/// Names and versions.
fn packages(lock: &str) -> Vec<(&str, &str)> {
    let packages = lock.split("[[package]]").skip(1);
    packages.filter_map(|package| Some((value(package, "name")?, value(package, "version")?))).collect()
}

fn value<'a>(package: &'a str, key: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).map(|value| value.trim_matches('"'))
}

#[test]
fn what_is_counted_is_what_ships() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn another_version_is_seen() {
    let (ours, another) = ("name = \"hyper\"\nversion = \"1", "name = \"hyper\"\nversion = \"0");
    assert_seen(check, &[(COUNTED, ours, another, "hyper 0")]);
}
