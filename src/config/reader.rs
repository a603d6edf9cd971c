//! Looks keys up through the layers, parses what it finds and collects everything that is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::Mode;
use super::errors::{Errors, Refusal, Source};
use super::layers::{Layer, Written, environment_name, read_text};
use super::parse::Wrong;

/// All there is to know of a key but its type, which is how it is read.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) default: Option<&'static str>,
    /// A value that parses; what is used after a refusal, so that reading goes on. Never a usable secret.
    example: &'static str,
    pub(super) help: &'static str,
    pub(super) required: bool,
    pub(super) secret: bool,
    has_file: bool,
}

impl Key {
    pub(super) const fn new(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default: Some(default), example: default, help, required: false, secret: false, has_file: false }
    }

    pub(super) const fn required(name: &'static str, example: &'static str, help: &'static str) -> Self {
        Self { default: None, required: true, ..Self::new(name, example, help) }
    }

    pub(super) const fn optional(name: &'static str, example: &'static str, help: &'static str) -> Self {
        Self { default: None, ..Self::new(name, example, help) }
    }

    /// Its value is never repeated, and `<name>_file` may hold it.
    pub(super) const fn secret(self) -> Self {
        Self { secret: true, has_file: true, ..self }
    }

    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Text,
    Integer,
    List,
}

pub(super) struct Reader {
    mode: Mode,
    file: Layer,
    environment: Layer,
    /// In the order of reading.
    keys: Vec<Key>,
    sources: BTreeMap<&'static str, Source>,
    refusals: Vec<Refusal>,
}

impl Reader {
    pub(super) fn new(mode: Mode, file: Layer, environment: Layer) -> Self {
        Self { mode, file, environment, keys: Vec::new(), sources: BTreeMap::new(), refusals: Vec::new() }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// A string.
    pub(super) fn text<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, Wrong>) -> T {
        self.one(key, Shape::Text, &parse).unwrap_or_else(|| fallback(key, &parse))
    }

    /// A string that may be absent; an empty one counts as absent.
    pub(super) fn optional<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let parse = |text: &str| match text {
            "" => Ok(None),
            _ => parse(text).map(Some),
        };
        self.one(key, Shape::Text, &parse).flatten()
    }

    pub(super) fn integer<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, Wrong>) -> T {
        self.one(key, Shape::Integer, &parse).unwrap_or_else(|| fallback(key, &parse))
    }

    pub(super) fn list<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
        let mut values = Vec::new();
        for (i, item) in self.items(key, Shape::List).iter().enumerate() {
            match parse(item) {
                Ok(value) => values.push(value),
                Err(wrong) if key.secret => {
                    self.refuse(key, format!("entry {} {}", i + 1, wrong.what), wrong.right);
                }
                Err(wrong) => self.refuse(key, format!("{:?} {}", **item, wrong.what), wrong.right),
            }
        }
        values
    }

    /// Refuses `key` unless `ok`, a condition on keys that were read before. A key that was refused already
    /// has no value that could be judged.
    pub(super) fn check(&mut self, key: &Key, other: &Key, ok: bool, wrong: Wrong) {
        let concerns = |r: &Refusal, key: &Key| r.key.trim_end_matches("_file") == key.name;
        let mut refusals = self.refusals.iter();
        if !ok && !refusals.any(|r| concerns(r, key) || concerns(r, other)) {
            self.refuse(key, wrong.what, wrong.right);
        }
    }

    /// For what concerns one key after it was read.
    pub(super) fn refuse(&mut self, key: &Key, what: String, right: String) {
        let source = self.sources.get(key.name).cloned();
        self.refusals.push(Refusal {
            key: key.name.to_owned(),
            source: source.unwrap_or(Source::Nowhere),
            what,
            right,
        });
    }

    pub(super) fn finish(self) -> (Vec<Key>, Result<(), Errors>) {
        let mut refusals = self.refusals;
        let names = known_names(&self.keys);
        for (key, source) in self.file.into_rest().chain(self.environment.into_rest()) {
            refusals.push(unknown(&names, key, source));
        }
        let result = match refusals.is_empty() {
            true => Ok(()),
            false => Err(Errors(refusals)),
        };
        (self.keys, result)
    }

    fn one<T>(&mut self, key: &Key, shape: Shape, parse: &impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let items = self.items(key, shape);
        let item = items.first()?;
        match parse(item) {
            Ok(value) => return Some(value),
            Err(wrong) if key.secret => {
                self.refuse(key, format!("the value {}", wrong.what), wrong.right);
            }
            Err(wrong) => self.refuse(key, format!("{:?} {}", **item, wrong.what), wrong.right),
        }
        None
    }

    /// The texts of a key, one unless it is a list; none where there is nothing, or nothing usable.
    fn items(&mut self, key: &Key, shape: Shape) -> Vec<Zeroizing<String>> {
        self.keys.push(*key);
        let written = match self.find(key) {
            Ok(Some((written, source))) => {
                self.sources.insert(key.name, source);
                written
            }
            Ok(None) => {
                self.sources.insert(key.name, Source::Default);
                let Some(default) = key.default else {
                    if key.required {
                        self.refuse_missing(key, shape);
                    }
                    return Vec::new();
                };
                Written::Untyped(Zeroizing::new(default.to_owned()))
            }
            Err(refusal) => {
                self.refusals.push(refusal);
                return Vec::new();
            }
        };
        match (shape, written) {
            (Shape::Text, Written::Text(text)) => vec![text],
            (Shape::Integer, Written::Integer(number)) => vec![Zeroizing::new(number)],
            (Shape::List, Written::List(texts)) => self.filled(key, shape, texts),
            (Shape::List, Written::Untyped(text)) => self.filled(key, shape, split(&text)),
            (_, Written::Untyped(text)) => vec![text],
            (_, other) => {
                let what = format!("is {}, not {}", kind(&other), shape.name());
                self.refuse(key, what, format!("write {}", shape.example(key)));
                Vec::new()
            }
        }
    }

    fn filled(&mut self, key: &Key, shape: Shape, texts: Vec<Zeroizing<String>>) -> Vec<Zeroizing<String>> {
        if key.required && texts.is_empty() {
            let right = format!("write {}, as {}", key.help, shape.example(key));
            self.refuse(key, "is an empty list".to_owned(), right);
        }
        texts
    }

    fn refuse_missing(&mut self, key: &Key, shape: Shape) {
        let file = match key.has_file {
            true => format!(", or name its file in {}_file", key.name),
            false => String::new(),
        };
        self.sources.insert(key.name, Source::Nowhere);
        let right = format!("write {}, as {}{file}", key.help, shape.example(key));
        self.refuse(key, "is required, and nowhere set".to_owned(), right);
    }

    /// What the highest layer says. A `_file` competes with the plain key inside its layer only.
    fn find(&mut self, key: &Key) -> Result<Option<(Written, Source)>, Refusal> {
        let file_key = format!("{}_file", key.name);
        let mut found = None;
        for layer in [&mut self.file, &mut self.environment] {
            let plain = layer.take(key.name);
            let named = match key.has_file {
                true => layer.take(&file_key),
                false => None,
            };
            found = match (plain, named) {
                (None, None) => found,
                (Some(plain), None) => Some(Ok(plain)),
                (None, Some((written, source))) => Some(read_named(&file_key, &written, source)),
                (Some(_), Some((_, source))) => Some(Err(Refusal {
                    key: file_key.clone(),
                    source,
                    what: format!("stands beside {}", key.name),
                    right: "keep one of the two".to_owned(),
                })),
            };
        }
        found.transpose()
    }
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::List => "a list of strings",
        }
    }

    fn example(self, key: &Key) -> String {
        match self {
            Self::Text => format!("{:?}", key.example),
            Self::Integer => key.example.to_owned(),
            Self::List => format!("[{:?}]", key.example),
        }
    }
}

pub(super) fn file_name(key: &Key) -> Option<String> {
    key.has_file.then(|| format!("{}_file", key.name))
}

fn fallback<T>(key: &Key, parse: &impl Fn(&str) -> Result<T, Wrong>) -> T {
    match parse(key.example) {
        Ok(value) => value,
        Err(wrong) => unreachable!("the example of {}: {}", key.name, wrong.what),
    }
}

fn kind(written: &Written) -> &'static str {
    match written {
        Written::Text(_) | Written::Untyped(_) => "a string",
        Written::Integer(_) => "an integer",
        Written::List(_) => "a list",
        Written::Other(name) => name,
    }
}

fn split(text: &str) -> Vec<Zeroizing<String>> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| Zeroizing::new(item.to_owned()))
        .collect()
}

/// The content of the file that a `_file` key names.
fn read_named(key: &str, written: &Written, source: Source) -> Result<(Written, Source), Refusal> {
    let refusal = |what: String, right: &str| Refusal {
        key: key.to_owned(),
        source: source.clone(),
        what,
        right: right.to_owned(),
    };
    let (Written::Text(path) | Written::Untyped(path)) = written else {
        let what = format!("is {}, not a string", kind(written));
        return Err(refusal(what, "write the path of a file"));
    };
    match read_text(Path::new(path.as_str())) {
        Ok(text) => {
            let value = text.trim_end_matches(['\n', '\r']).to_owned();
            Ok((Written::Untyped(Zeroizing::new(value)), source))
        }
        Err(error) => {
            let what = format!("{:?} cannot be read: {error}", **path);
            Err(refusal(what, "write the path of a file that this user can read"))
        }
    }
}

fn known_names(keys: &[Key]) -> Vec<String> {
    let plain = keys.iter().map(|key| key.name.to_owned());
    plain.chain(keys.iter().filter_map(file_name)).collect()
}

fn unknown(names: &[String], key: String, source: Source) -> Refusal {
    let as_written = |name: &str| match source {
        Source::Environment(_) => environment_name(name),
        _ => name.to_owned(),
    };
    let is_section = names.iter().any(|name| name.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
    let likely = key.to_ascii_lowercase().replace("__", ".");
    let nearest = names
        .iter()
        .map(|name| (distance(&likely, name), name))
        .min()
        // Further than a third of it, a suggestion is a guess.
        .filter(|(distance, name)| *distance <= name.len() / 3);
    let (what, right) = match nearest {
        _ if is_section => ("is a section, not a key", "write the keys in it".to_owned()),
        Some((_, name)) => ("is not a key", format!("did you mean {}?", as_written(name))),
        None => ("is not a key", "remove it; config/vestibule.toml has all that there are".to_owned()),
    };
    Refusal { key, source, what: what.to_owned(), right }
}

/// Levenshtein's, with one row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            let replaced = diagonal + usize::from(x != *y);
            row[j + 1] = replaced.min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
