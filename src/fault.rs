//! A fault: a dependency failed. The caller hears "unavailable", the log hears the cause.

use std::fmt;

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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.dependency.name(), self.cause)
    }
}

impl std::error::Error for Fault {}
