//! What is wrong with a configuration, told so that the reader can put it right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The name of the variable.
    Environment(String),
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// Built in.
    Default,
    /// A required key that nobody set.
    Nowhere,
}

/// One thing that is wrong. The value of a secret is never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// As in the file, whatever the source.
    pub key: String,
    /// Where the value came from.
    pub source: Source,
    /// What is wrong, as `"10 parsecs" is not a duration`.
    pub what: String,
    /// What would be right, as `write a number with ms, s, m, h or d, as "10s"`.
    pub right: String,
}

/// Everything that is wrong, so that one start is enough to see it; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(pub Vec<Refusal>);

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, refusal) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{refusal}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, source, what, right } = self;
        match source {
            Source::Environment(name) => write!(f, "{key}: {what} (from {name}); {right}"),
            Source::File { path, line } => {
                write!(f, "{key}: {what} (from {}, line {line}); {right}", path.display())
            }
            Source::Default => write!(f, "{key}: {what} (the default); {right}"),
            Source::Nowhere => write!(f, "{key}: {what}; {right}"),
        }
    }
}
