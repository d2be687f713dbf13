//! Where a value comes from, so that every message about it can say so.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// The program that the broker runs in.
    Program,
    /// Somebody asked the running broker.
    Request,
}

/// Sources by strength: the later one wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Default,
    File,
    Environment,
    Flag,
    Request,
}

impl Source {
    pub(super) fn rank(&self) -> Rank {
        match self {
            Self::Default => Rank::Default,
            Self::File { .. } => Rank::File,
            Self::Environment(_) => Rank::Environment,
            Self::Flag(_) | Self::Program => Rank::Flag,
            Self::Request => Rank::Request,
        }
    }
}

impl fmt::Display for Source {
    /// As the beginning of a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Program => f.write_str("program"),
            Self::Request => f.write_str("request"),
        }
    }
}

/// A value in force and who set it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectiveValue {
    /// As it was written; `[hidden]` for a password.
    pub value: String,
    /// By whom.
    pub source: Source,
}
