//! What a script answers: a word, then integers and texts.

use fred::types::Value;

use crate::fault::{Dependency, Fault};

/// The answer of a decision.
#[derive(Debug)]
pub struct Reply {
    script: &'static str,
    word: String,
    rest: Vec<Value>,
}

impl Reply {
    pub(super) fn read(script: &'static str, value: Value) -> Result<Self, Fault> {
        let mut values = value.into_array().into_iter();
        let word = values.next().and_then(Value::into_string);
        match word {
            Some(word) => Ok(Self { script, word, rest: values.collect() }),
            None => Err(Fault::new(Dependency::Redis, format!("{script} answered without a word"))),
        }
    }

    /// The word, which names the verdict.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Whether the verdict is `word`.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.word == word
    }

    /// The `n`th value after the word, a count or a time.
    ///
    /// # Errors
    /// A [`Fault`] where it is no such number: the script and its reader disagree.
    pub fn number(&self, n: usize) -> Result<u64, Fault> {
        let number = self.rest.get(n).and_then(Value::as_i64);
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| self.surprise())
    }

    /// The `n`th value after the word, a text.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn text(&self, n: usize) -> Result<String, Fault> {
        self.rest.get(n).and_then(Value::as_string).ok_or_else(|| self.surprise())
    }

    /// All values after the word, as texts.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.rest.iter().filter_map(Value::as_string)
    }

    /// The fault of a reader that does not know this answer.
    #[must_use]
    pub fn surprise(&self) -> Fault {
        Fault::new(
            Dependency::Redis,
            format!("{} answered {:?} with {} values", self.script, self.word, self.rest.len()),
        )
    }
}
