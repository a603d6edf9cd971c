//! A small client of Redis, to look at what the product has left there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// One connection.
pub(crate) struct Resp(BufReader<UnixStream>);

/// What Redis answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nil,
    Integer(i64),
    Text(String),
    Array(Vec<Value>),
    Error(String),
}

impl Value {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) fn integer(&self) -> i64 {
        match self {
            Self::Integer(integer) => *integer,
            other => panic!("{other:?} is no integer"),
        }
    }

    pub(crate) fn array(&self) -> &[Value] {
        match self {
            Self::Array(values) => values,
            other => panic!("{other:?} is no array"),
        }
    }
}

impl Resp {
    pub(crate) fn connect(socket: &Path) -> std::io::Result<Self> {
        UnixStream::connect(socket).map(|stream| Self(BufReader::new(stream)))
    }

    /// Sends one command and reads its answer.
    pub(crate) fn call(&mut self, words: &[&str]) -> Value {
        self.ask(words).unwrap()
    }

    /// The same of a server that may be going, or hang up on us.
    pub(crate) fn ask(&mut self, words: &[&str]) -> std::io::Result<Value> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(command.as_bytes())?;
        self.read()
    }

    /// Reads one value that the server sends by itself, as after MONITOR.
    pub(crate) fn read(&mut self) -> std::io::Result<Value> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let rest = line[1..].trim_end();
        Ok(match &line[..1] {
            "+" => Value::Text(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Integer(rest.parse().unwrap()),
            "$" if rest == "-1" => Value::Nil,
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut bytes)?;
                bytes.truncate(bytes.len() - 2);
                Value::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" if rest == "-1" => Value::Nil,
            "*" => Value::Array((0..rest.parse::<usize>().unwrap()).map(|_| self.read()).collect::<Result<_, _>>()?),
            other => panic!("{other:?} begins no answer of Redis"),
        })
    }

    /// Lets no script run until [`release`](Self::release); looking is still possible.
    pub(crate) fn hold(&mut self) {
        assert_eq!(self.call(&["CLIENT", "PAUSE", "60000", "WRITE"]), Value::Text("OK".to_owned()));
    }

    /// Connections whose scripts wait since [`hold`](Self::hold).
    pub(crate) fn held(&mut self) -> usize {
        let waits = |client: &&str| client.contains(" flags=b") && client.contains(" cmd=eval");
        self.call(&["CLIENT", "LIST"]).text().lines().filter(waits).count()
    }

    pub(crate) fn release(&mut self) {
        assert_eq!(self.call(&["CLIENT", "UNPAUSE"]), Value::Text("OK".to_owned()));
    }

    /// Every key by which something is decided: the audit trail is written beside requests, a moment later.
    pub(crate) fn keys(&mut self) -> Vec<String> {
        self.all_keys().into_iter().filter(|key| !key.contains(":audit:{") && !key.contains(":audit_batch:{")).collect()
    }

    /// Every key.
    pub(crate) fn all_keys(&mut self) -> Vec<String> {
        self.call(&["KEYS", "*"]).array().iter().map(|key| key.text().to_owned()).collect()
    }

    /// All of a hash, as pairs.
    pub(crate) fn hash(&mut self, key: &str) -> Vec<(String, String)> {
        let flat = self.call(&["HGETALL", key]);
        flat.array().chunks(2).map(|pair| (pair[0].text().to_owned(), pair[1].text().to_owned())).collect()
    }

    /// A field of a hash.
    pub(crate) fn field(&mut self, key: &str, field: &str) -> Option<String> {
        match self.call(&["HGET", key, field]) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Keys that would never go away, but for the one that may stay.
    pub(crate) fn keys_without_ttl(&mut self) -> Vec<String> {
        let keys = self.all_keys();
        keys.into_iter()
            .filter(|key| !key.ends_with(":meta") && self.call(&["PTTL", key]) == Value::Integer(-1))
            .collect()
    }

    /// Scripts that Redis was asked to run so far, by EVALSHA and EVAL.
    pub(crate) fn scripts_run(&mut self) -> u64 {
        self.calls_of("evalsha") + self.calls_of("eval")
    }

    /// How often a command was called so far; its name in small letters.
    pub(crate) fn calls_of(&mut self, command: &str) -> u64 {
        let info = self.call(&["INFO", "commandstats"]);
        let line = info.text().lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }
}
