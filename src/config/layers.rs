//! The two layers over the defaults, the TOML file and the environment, each as a flat map from key to what was written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::errors::{Errors, Refusal, Source};

const ENV_PREFIX: &str = "VESTIBULE_";

/// 64 KiB: the shipped file with all its comments is 9 KiB, eight keys of 32 bytes are 400 bytes.
/// It keeps a path to a device from filling the memory.
const FILE_BYTES_MAX: usize = 65_536;

/// A value as its author wrote it, before anybody knows what it should be.
pub(super) enum Written {
    Text(Zeroizing<String>),
    Integer(String),
    List(Vec<Zeroizing<String>>),
    /// From the environment or a secret's file, where everything is text.
    Untyped(Zeroizing<String>),
    /// What no key takes, by its name.
    Other(&'static str),
}

#[derive(Default)]
pub(super) struct Layer(BTreeMap<String, (Written, Source)>);

impl Layer {
    pub(super) fn take(&mut self, key: &str) -> Option<(Written, Source)> {
        self.0.remove(key)
    }

    /// What nobody took.
    pub(super) fn into_rest(self) -> impl Iterator<Item = (String, Source)> {
        self.0.into_iter().map(|(key, (_, source))| (key, source))
    }

    pub(super) fn environment(vars: &mut dyn Iterator<Item = (String, String)>) -> Self {
        let mut layer = Self::default();
        for (name, value) in vars {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            if is_reserved(rest) || is_kubernetes(rest, &value) {
                continue;
            }
            // A name with small letters is kept as it is, and so refused as unknown.
            let key = if rest.bytes().any(|b| b.is_ascii_lowercase()) {
                rest.to_owned()
            } else {
                rest.to_ascii_lowercase().replace("__", ".")
            };
            let written = Written::Untyped(Zeroizing::new(value));
            layer.0.insert(key, (written, Source::Environment(name)));
        }
        layer
    }

    pub(super) fn file(path: &Path) -> Result<Self, Errors> {
        let refusal = |line, what, right: &str| Refusal {
            key: "the file".to_owned(),
            source: Source::File { path: path.to_owned(), line },
            what,
            right: right.to_owned(),
        };
        let text = read_text(path).map_err(|error| {
            let what = format!("cannot be read: {error}");
            Errors(vec![refusal(1, what, "name a TOML file that can be read")])
        })?;

        let (table, mut errors) = DeTable::parse_recoverable(&text);
        if errors.is_empty() {
            let mut layer = Self::default();
            layer.flatten("", table.get_ref(), &text, path);
            return Ok(layer);
        }
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        // Only the message: the error's own Display shows the line, and the line may hold a secret.
        let errors = errors.iter().map(|error| {
            let line = error.span().map_or(1, |span| line_at(&text, span.start));
            let what = format!("is not TOML: {}", error.message());
            refusal(line, what, "correct that line")
        });
        Err(Errors(errors.collect()))
    }

    fn flatten(&mut self, prefix: &str, table: &DeTable<'_>, text: &str, path: &Path) {
        for (name, value) in table {
            let name = name.get_ref();
            let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let key = if name.bytes().all(bare) { format!("{prefix}{name}") } else { format!("{prefix}{name:?}") };
            if let DeValue::Table(inner) = value.get_ref() {
                self.flatten(&format!("{key}."), inner, text, path);
                continue;
            }
            let source = Source::File { path: path.to_owned(), line: line_at(text, value.span().start) };
            self.0.insert(key, (written(value.get_ref()), source));
        }
    }
}

/// The variable that sets a key.
pub(super) fn environment_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

pub(super) fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    // Allocated once, since a growing string leaves copies of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX + 1));
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(Zeroizing::new(text.to_string())),
        DeValue::Integer(number) => {
            let decimal = i128::from_str_radix(number.as_str(), number.radix());
            Written::Integer(decimal.map_or_else(|_| number.to_string(), |n| n.to_string()))
        }
        DeValue::Array(array) => {
            let texts = array.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(Zeroizing::new(text.to_string())),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or(Written::Other("a list of other things"), Written::List)
        }
        DeValue::Float(_) => Written::Other("a float"),
        DeValue::Boolean(_) => Written::Other("a boolean"),
        DeValue::Datetime(_) => Written::Other("a date"),
        DeValue::Table(_) => Written::Other("a table"),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|&&b| b == b'\n').count()
}

/// Names that mean something else: those of the tests, which have no section, the moved clock, and the path of the file itself.
fn is_reserved(rest: &str) -> bool {
    (rest.starts_with("TEST_") && !rest.contains("__")) || rest == "CLOCK" || rest == "CONFIG"
}

/// Kubernetes puts the address of a Service named `vestibule` or `vestibule-...` into every pod of the namespace
/// (`VESTIBULE_SERVICE_HOST`, `VESTIBULE_PORT=tcp://10.0.0.1:80`, `VESTIBULE_PORT_80_TCP_ADDR`);
/// refusing them as unknown would keep the fleet from starting for a reason that nobody here wrote.
fn is_kubernetes(rest: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let has_number = |(_, after): (&str, &str)| after.starts_with(|c: char| c.is_ascii_digit());
    let port = format!("_{rest}");
    port.ends_with("_SERVICE_HOST")
        || port.contains("_SERVICE_PORT")
        || (port.ends_with("_PORT") && is_address)
        || port.split_once("_PORT_").is_some_and(has_number)
}
