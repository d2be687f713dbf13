//! What the log shows, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the log shows, and where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogSettings {
    /// What standard error shows; `None`: nothing goes there. `log.console`, `log.console.level`.
    pub console: Option<LogLevels>,
    /// A file that it is appended to. `log.file`, `log.dir`.
    pub file: Option<PathBuf>,
    /// What that file shows. `log.file.level`.
    pub file_levels: LogLevels,
    /// What is sent to the exchange of the log; `None`: nothing. `log.exchange`, `log.exchange.level`.
    pub exchange: Option<LogLevels>,
}

/// What the console or the file shows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogLevels {
    /// Of everything else. `log.default.level`.
    pub level: LogLevel,
    /// Of some parts of the broker. `log.connection.level` and its like.
    pub categories: BTreeMap<LogCategory, LogLevel>,
}

/// A part of the broker whose messages have a level of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogCategory {
    /// Listeners and connections.
    Connection,
    /// What happens on channels.
    Channel,
    /// Queues, exchanges, virtual hosts.
    Queue,
    /// Who changed users, permissions, policies and the like.
    Audit,
}

/// The least serious thing that the log shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum LogLevel {
    /// Nothing at all.
    None,
    /// Somebody must act.
    Error,
    /// Degraded, but running.
    Warn,
    /// Life cycle.
    #[default]
    Info,
    /// Each method.
    Debug,
    /// Each frame; only in builds for development.
    Trace,
}
