//! What a script answers: a word, then integers and texts.

use std::ops::Range;

use fred::types::Value;

use crate::fault::{Dependency, Fault};

/// The answer of a decision.
#[derive(Debug)]
pub struct Reply {
    script: &'static str,
    answer: Answer,
}

/// What Redis has answered, whichever way: its texts one after the other, and its items in order.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Integer(i64),
    Text(Range<usize>),
    /// Nothing, or nothing that a decision answers.
    Other,
}

impl Answer {
    /// Room for so many items, and for the texts of most answers.
    pub(super) fn with_room(items: usize) -> Self {
        Self { text: String::with_capacity(64), items: Vec::with_capacity(items) }
    }

    pub(super) fn push_integer(&mut self, integer: i64) {
        self.items.push(Item::Integer(integer));
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return self.push_other() };
        let start = self.text.len();
        self.text.push_str(text);
        self.items.push(Item::Text(start..self.text.len()));
    }

    pub(super) fn push_other(&mut self) {
        self.items.push(Item::Other);
    }

    pub(super) fn text(&self, n: usize) -> Option<&str> {
        match self.items.get(n)? {
            Item::Text(range) => Some(&self.text[range.clone()]),
            Item::Integer(_) | Item::Other => None,
        }
    }

    fn integer(&self, n: usize) -> Option<i64> {
        match self.items.get(n)? {
            Item::Integer(integer) => Some(*integer),
            Item::Text(range) => self.text[range.clone()].parse().ok(),
            Item::Other => None,
        }
    }

    /// The `n`th as a text, if it is one or can be written as one.
    pub(super) fn written(&self, n: usize) -> Option<String> {
        match self.items.get(n)? {
            Item::Integer(integer) => Some(integer.to_string()),
            Item::Text(range) => Some(self.text[range.clone()].to_owned()),
            Item::Other => None,
        }
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        let mut answer = Self::default();
        for value in value.into_array() {
            match value {
                Value::Integer(integer) => answer.push_integer(integer),
                Value::String(text) => answer.push_bytes(text.as_bytes()),
                Value::Bytes(bytes) => answer.push_bytes(&bytes),
                _ => answer.push_other(),
            }
        }
        answer
    }
}

impl Reply {
    pub(super) fn read(script: &'static str, answer: Answer) -> Result<Self, Fault> {
        match answer.text(0) {
            Some(_) => Ok(Self { script, answer }),
            None => Err(Fault::new(Dependency::Redis, format!("{script} answered without a word"))),
        }
    }

    /// The word, which names the verdict.
    #[must_use]
    pub fn word(&self) -> &str {
        self.answer.text(0).unwrap_or_default()
    }

    /// Whether the verdict is `word`.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.word() == word
    }

    /// The `n`th value after the word, a count or a time.
    ///
    /// # Errors
    /// A [`Fault`] where it is no such number: the script and its reader disagree.
    pub fn number(&self, n: usize) -> Result<u64, Fault> {
        let number = self.answer.integer(n + 1);
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| self.surprise())
    }

    /// The `n`th value after the word, a text.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn text(&self, n: usize) -> Result<String, Fault> {
        self.answer.written(n + 1).ok_or_else(|| self.surprise())
    }

    /// All values after the word, as texts.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        (1..self.answer.items.len()).filter_map(|n| self.answer.written(n))
    }

    /// The fault of a reader that does not know this answer.
    #[must_use]
    pub fn surprise(&self) -> Fault {
        Fault::new(
            Dependency::Redis,
            format!("{} answered {:?} with {} values", self.script, self.word(), self.answer.items.len() - 1),
        )
    }
}
