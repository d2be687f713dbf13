//! What stops the start, and what is only said.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use super::file::FileError;
use super::source::Source;

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is wrong, or asked for help or the version, which is not an error at all.
    #[error("{0}")]
    Arguments(#[from] clap::Error),
    /// A file that was named cannot be read.
    #[error("{source_name} names the file {}, which cannot be read: {error}", path.display())]
    Unreadable {
        /// Who named it.
        source_name: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A line of a file is no setting.
    #[error("{}:{}: {}", path.display(), error.line, error.reason)]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        error: FileError,
    },
    /// A value is not what its key wants.
    #[error("{source_name}: key '{key}' has value '{value}': expected {expected}")]
    Value {
        /// Where it stands.
        source_name: String,
        /// The key.
        key: String,
        /// The value; `[hidden]` for a password.
        value: String,
        /// What the key wants.
        expected: String,
    },
    /// A running broker was asked for a key that needs a restart.
    #[error(
        "key '{0}' cannot be changed while the broker runs: set it in the configuration and restart"
    )]
    NotLive(String),
    /// A running broker was asked for a key that is not there.
    #[error("unknown key '{0}'")]
    Unknown(String),
    /// An environment variable is no text.
    #[error("environment variable {0} is not UTF-8")]
    NotText(String),
}

impl ConfigError {
    /// Tells the person at the terminal (help and version on standard output, everything else on
    /// standard error) and returns the exit code: 0, 64 for usage, 78 for configuration.
    #[must_use]
    pub fn report(&self) -> u8 {
        match self {
            Self::Arguments(error) => {
                // A closed terminal is no reason to do anything else.
                let _ = error.print();
                if error.use_stderr() { EXIT_USAGE } else { 0 }
            }
            Self::Unreadable { .. }
            | Self::Syntax { .. }
            | Self::Value { .. }
            | Self::NotLive(_)
            | Self::Unknown(_)
            | Self::NotText(_) => {
                let _ = writeln!(std::io::stderr(), "haremq: {self}");
                EXIT_CONFIG
            }
        }
    }
}

/// Something that is said and does not stop the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Where it stands.
    pub source: Source,
    /// What is to be said.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.text)
    }
}

/// `EX_USAGE` of sysexits.h, as RabbitMQ's tools use it.
const EXIT_USAGE: u8 = 64;

/// `EX_CONFIG` of sysexits.h, as RabbitMQ's tools use it.
const EXIT_CONFIG: u8 = 78;
