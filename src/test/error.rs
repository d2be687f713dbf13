//! What can go wrong with a broker in a test.

use std::io;
use std::time::Duration;

use crate::broker::PassingVhostError;
use crate::config::ConfigError;
use crate::definitions::{DefinitionsError, SnapshotError};
use crate::net::TurnError;

/// Why a broker in a test does not do what it was asked to. Shown as one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// A setting of the builder is wrong.
    #[error("{0}")]
    Setting(#[from] ConfigError),
    /// A setting of the builder would have no effect.
    #[error("{0}")]
    Unused(String),
    /// The broker does not start, or did not end well.
    #[error("{0}")]
    Broker(String),
    /// There is no thread or runtime for it.
    #[error("no thread for the broker: {0}")]
    Thread(#[from] io::Error),
    /// Definitions of the builder are wrong.
    #[error("{0}")]
    Definitions(#[from] DefinitionsError),
    /// A virtual host or user cannot be made or deleted.
    #[error("{0}")]
    Vhost(#[from] PassingVhostError),
    /// A snapshot cannot be taken or rolled back to.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    /// The clock cannot be turned that far.
    #[error("{0}")]
    Clock(#[from] TurnError),
    /// What was waited for did not happen.
    #[error("after {} ms it has not happened: {what}", after.as_millis())]
    NotInTime {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// The broker has ended, or broke an invariant of its own.
    #[error("the broker has ended: look into what the test logs")]
    Ended,
}
