//! Why a migration does not go on.

use std::path::PathBuf;

use crate::perf::PerfError;

/// Which of the two brokers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Source,
    Target,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

impl Side {
    /// The flag that names its management API.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Source => "--from",
            Self::Target => "--to",
        }
    }
}

/// Shown as one line on standard error. Names the server, and the queue if there is one.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    #[error("the {side} at {place}: {doing}: {reason}")]
    Api { side: Side, place: String, doing: String, reason: String },
    #[error("the {side} at {place}{queue}: {reason}")]
    Amqp { side: Side, place: String, queue: Of, reason: String, is_lost: bool },
    #[error(
        "queue '{queue}' in virtual host '{vhost}': the target took a message to no queue ({reason}); is its \
         queue still there? Nothing of this batch was acked at the source"
    )]
    Unroutable { vhost: String, queue: String, reason: String },
    #[error("{}: {reason}", path.display())]
    State { path: PathBuf, reason: String },
    #[error("{0}")]
    System(String),
}

/// The queue that was moved, as the middle of a sentence; empty without one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Of(pub(super) Option<(String, String)>);

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some((vhost, queue)) => write!(f, ", queue '{queue}' in virtual host '{vhost}'"),
            None => Ok(()),
        }
    }
}

impl MigrateError {
    /// What the AMQP side of a broker said or did not say.
    pub(super) fn amqp(side: Side, place: &str, queue: Of, error: PerfError) -> Self {
        let is_lost =
            !matches!(error, PerfError::Closed { what: "channel", .. } | PerfError::Cancelled(_));
        let reason = match error {
            PerfError::Connect { error, .. } => {
                format!("cannot connect: {error}; is it there? {}-amqp says where", side.flag())
            }
            other => other.to_string(),
        };
        Self::Amqp { side, place: place.to_owned(), queue, reason, is_lost }
    }

    /// Whether other queues would meet the same.
    pub(super) fn ends_everything(&self) -> bool {
        match self {
            Self::Amqp { is_lost, .. } => *is_lost,
            Self::Unroutable { .. } => false,
            Self::Usage(_) | Self::Api { .. } | Self::State { .. } | Self::System(_) => true,
        }
    }

    /// As `sysexits.h` has them.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::State { .. } => 65,
            Self::Api { .. } | Self::Amqp { .. } | Self::Unroutable { .. } => 69,
            Self::System(_) => 70,
        }
    }
}
