//! The repository's files, and what of a Rust file is code.

use std::collections::BTreeMap;
use std::path::Path;

/// Every file by its path from the root; text that is not UTF-8 is empty.
#[derive(Clone)]
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// What is checked in, as it is on disk now.
    pub(crate) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = BTreeMap::new();
        walk(root, root, &mut files);
        Self(files)
    }

    /// The text of a file; empty where there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    /// Whether it is a file or a folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.0.keys().any(|file| file == path || file.starts_with(&folder))
    }

    /// Paths and texts of the files in a folder, with this ending.
    pub(crate) fn files<'a>(&'a self, folder: &'a str, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.0.iter().filter(move |(path, _)| path.starts_with(folder) && path.ends_with(end));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose paths are wanted.
    pub(crate) fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let files = self.0.iter().filter(|(path, _)| wanted(path));
        Self(files.map(|(path, text)| (path.clone(), text.clone())).collect())
    }

    /// The same tree but for one replacement, which must be one.
    #[track_caller]
    pub(crate) fn changed(&self, path: &str, from: &str, to: &str) -> Self {
        let mut tree = self.clone();
        let text = tree.0.entry(path.to_owned()).or_default();
        assert!(text.contains(from), "{path} does not hold {from:?}");
        *text = text.replacen(from, to, 1);
        tree
    }
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        // What is built, what development mode keeps, what Git keeps.
        if name.starts_with("target") || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, files);
        } else {
            files.insert(name, String::from_utf8(std::fs::read(&path).unwrap()).unwrap_or_default());
        }
    }
}

/// A Rust file, taken apart. In each text the other kinds are blank, lines stay lines.
pub(crate) struct Rust {
    pub(crate) code: String,
    pub(crate) comments: String,
    pub(crate) strings: String,
}

impl Rust {
    pub(crate) fn read(text: &str) -> Self {
        let mut rust = Self { code: String::new(), comments: String::new(), strings: String::new() };
        let mut rest = text;
        while !rest.is_empty() {
            let (kind, length) = piece(rest);
            let (taken, left) = rest.split_at(length);
            let blank: String = taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            for (n, text) in [&mut rust.code, &mut rust.comments, &mut rust.strings].into_iter().enumerate() {
                text.push_str(if n == kind { taken } else { &blank });
            }
            rest = left;
        }
        rust
    }

    /// The same without the tests at the file's end.
    pub(crate) fn product(text: &str) -> Self {
        Self::read(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default())
    }
}

/// Kind (0 code, 1 comment, 2 string or character) and length of what `rest` starts with.
fn piece(rest: &str) -> (usize, usize) {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return (1, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (1, until("*/", 2));
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r');
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + hashes + 1;
            return (2, until(&format!("\"{}", "#".repeat(hashes)), start));
        }
    }
    if rest.starts_with('"') {
        return (2, quoted(rest, '"'));
    }
    let mut chars = rest.chars();
    if chars.next() == Some('\'') {
        // A character, not a lifetime.
        let second = chars.next();
        if second == Some('\\') || chars.next() == Some('\'') {
            return (2, quoted(rest, '\''));
        }
    }
    // A word is taken whole: an `r` in it starts nothing.
    let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    (0, word.max(rest.chars().next().map_or(0, char::len_utf8)))
}

/// Length of a literal that may hold escapes.
fn quoted(rest: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands after each `prefix` that starts a path of its own: not `x::prefix`.
pub(crate) fn after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).filter_map(move |(at, _)| {
        let before = &code[..at];
        let starts = !before.ends_with(is_word) && !before.ends_with("::") && !before.ends_with('$');
        starts.then(|| &code[at + prefix.len()..])
    })
}

#[test]
fn a_rust_file_is_taken_apart() {
    let text = "let a = \"b // \\\" c\"; // d 'e\nlet f = '\"'; /* g */ h::<'i>(r#\"j\"k\"#);";
    let rust = Rust::read(text);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&rust.code), "let a = ; let f = ; h::<'i>( );");
    assert_eq!(words(&rust.comments), "// d 'e /* g */");
    assert_eq!(words(&rust.strings), "\"b // \\\" c\" '\"' r#\"j\"k\"#");
}
