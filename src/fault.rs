//! A fault: a dependency failed. The caller hears "unavailable", the log hears the cause.

use std::fmt;
use std::time::Instant;

/// Which dependency failed, and how. Never holds a value of a request.
#[derive(Clone, Debug)]
pub struct Fault {
    dependency: Dependency,
    cause: String,
}

/// What can fail beside us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dependency {
    /// Redis did not answer, or answered what no script of ours answers.
    Redis,
    /// Postgres did not answer, or refused.
    Postgres,
    /// The relay did not take a mail.
    Mail,
    /// This node lacks a key that another one has made something with.
    Keys,
    /// This node has more to do than it may keep waiting.
    Load,
}

impl Fault {
    /// A fault of `dependency`; `cause` is for the log.
    pub fn new(dependency: Dependency, cause: impl Into<String>) -> Self {
        Self { dependency, cause: cause.into() }
    }

    /// Which failed.
    #[must_use]
    pub fn dependency(&self) -> Dependency {
        self.dependency
    }

    /// How, for an engineer.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }
}

impl Dependency {
    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Mail => "mail",
            Self::Keys => "keys",
            Self::Load => "load",
        }
    }
}

/// How long ago that was, for the words of a fault that is not of this moment.
#[must_use]
pub fn ago(at: Instant) -> String {
    match at.elapsed().as_secs() {
        seconds @ ..60 => format!("{seconds} s ago"),
        seconds @ ..3_600 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3_600),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.dependency.name(), self.cause)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_is_told_with_its_age() {
        for (age, told) in
            [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3_599, "59 min ago"), (7_200, "2 h ago")]
        {
            if let Some(at) = Instant::now().checked_sub(Duration::from_secs(age)) {
                assert_eq!(ago(at), told);
            }
        }
    }
}
