//! A decision as it is asked: the script, its keys and its arguments.

use std::time::Duration;

use fred::types::Value;

use super::{Key, Script};
use crate::id::Id;

/// An ARGV of a script: text, or a number as text. (A Lua number costs a "%.17g".)
#[derive(Debug)]
pub struct Arg(Form);

/// Written into a command only where that is put together: a number and an id take no room on the heap before.
#[derive(Debug)]
enum Form {
    Text(String),
    Number(u64),
    Id(Id),
}

/// One call of a script.
pub(super) struct Call<'a> {
    pub(super) sha: &'a str,
    pub(super) source: &'static str,
    pub(super) slot: u16,
    keys: &'a [&'a Key],
    args: &'a [Arg],
}

impl<'a> Call<'a> {
    pub(super) fn new<const KEYS: usize, const ARGV: usize>(
        script: &'static Script<KEYS, ARGV>,
        keys: &'a [&'a Key; KEYS],
        args: &'a [Arg; ARGV],
    ) -> Self {
        Self { sha: script.sha(), source: script.source, slot: keys[0].slot, keys, args }
    }

    /// As the library wants it; `script` is the SHA or the source.
    pub(super) fn values(&self, script: &str) -> Vec<Value> {
        let mut values = Vec::with_capacity(2 + self.keys.len() + self.args.len());
        values.push(Value::String(script.into()));
        values.push(Value::Integer(i64::try_from(self.keys.len()).expect("a handful of keys")));
        values.extend(self.keys.iter().map(|key| Value::String(key.name.as_str().into())));
        values.extend(self.args.iter().map(|arg| arg.with_text(|text| Value::String(text.into()))));
        values
    }

    /// EVALSHA, as it goes over the wire.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_head(out, b'*', 3 + self.keys.len() + self.args.len());
        write_bulk(out, "EVALSHA");
        write_bulk(out, self.sha);
        write_bulk(out, itoa::Buffer::new().format(self.keys.len()));
        for key in self.keys {
            write_bulk(out, &key.name);
        }
        for arg in self.args {
            arg.with_text(|text| write_bulk(out, text));
        }
    }
}

impl Arg {
    fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Form::Text(text) => take(text),
            Form::Number(number) => take(itoa::Buffer::new().format(*number)),
            Form::Id(id) => take(id.write(&mut [0; 32])),
        }
    }
}

/// A command of RESP.
pub(super) fn write_command(out: &mut Vec<u8>, words: &[&str]) {
    write_head(out, b'*', words.len());
    for word in words {
        write_bulk(out, word);
    }
}

fn write_bulk(out: &mut Vec<u8>, text: &str) {
    write_head(out, b'$', text.len());
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_head(out: &mut Vec<u8>, kind: u8, count: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Id> for Arg {
    fn from(id: Id) -> Self {
        Self(Form::Id(id))
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Self(Form::Number(number))
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        u64::try_from(number).map_or_else(|_| Self::from(number.to_string()), Self::from)
    }
}

impl From<u32> for Arg {
    fn from(number: u32) -> Self {
        Self::from(u64::from(number))
    }
}

impl From<Duration> for Arg {
    /// In milliseconds.
    fn from(duration: Duration) -> Self {
        u64::try_from(duration.as_millis()).map_or_else(|_| Self::from(duration.as_millis().to_string()), Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_written_as_it_reads() {
        let id = Id::parse("000102030405060708090a0b0c0d0eff").unwrap();
        for (arg, text) in [
            (Arg::from("\u{e9}"), "\u{e9}"),
            (0_u64.into(), "0"),
            (u64::MAX.into(), "18446744073709551615"),
            (i64::MIN.into(), "-9223372036854775808"),
            (Duration::from_millis(1_500).into(), "1500"),
            (Duration::MAX.into(), "18446744073709551615999"),
            (id.into(), "000102030405060708090a0b0c0d0eff"),
        ] {
            let mut out = Vec::new();
            arg.with_text(|text| write_bulk(&mut out, text));
            assert_eq!(String::from_utf8(out).unwrap(), format!("${}\r\n{text}\r\n", text.len()));
        }
    }
}
