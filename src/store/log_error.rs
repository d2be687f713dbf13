//! What can go wrong in the message log. Cloned to everybody who waited, so causes are shared.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::QueueNumber;
use crate::base::MessageId;

/// A place in a file that is not what was written there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} at byte {offset}: {what}", file.display())]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where the damaged part begins.
    pub offset: u64,
    /// What is wrong, for people.
    pub what: String,
}

/// Why the log did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried: "write", "sync", …
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Its answer.
        cause: Arc<io::Error>,
    },
    /// Bytes on disk are not what was written.
    #[error("damaged record: {0}")]
    Damaged(Damage),
    /// The message is not in the log: it was settled, or never there.
    #[error("message {id} of queue number {} is not in the log", queue.0)]
    Gone {
        /// Whose message.
        queue: QueueNumber,
        /// Which.
        id: MessageId,
    },
    /// A write or a sync failed before; nothing is taken any more.
    #[error("the message log has stopped: {reason}")]
    Failed {
        /// The first failure.
        reason: Arc<str>,
    },
    /// A file was deleted while the log writes into it.
    #[error(
        "{} was deleted while the broker writes into it; what was confirmed before is lost with it, \
         put a copy of the data folder back or start with a new one",
        path.display()
    )]
    Deleted {
        /// The file.
        path: PathBuf,
    },
    /// The log was closed.
    #[error("the message log is closed")]
    Closed,
    /// A segment of a version this program does not read.
    #[error(
        "{} is of format version {version}, and this program reads version {known}; start the version that wrote it, \
         or a newer one",
        file.display()
    )]
    UnknownVersion {
        /// The segment.
        file: PathBuf,
        /// What it says.
        version: u32,
        /// What is understood.
        known: u32,
    },
}

impl LogError {
    /// An error of the operating system at a file.
    pub(super) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), cause: Arc::new(cause) }
    }

    /// Whether the reason is that a file is not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the reason is that the disk is full (or a quota is used up).
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { cause, .. } => {
                matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Damaged(_)
            | Self::Gone { .. }
            | Self::Failed { .. }
            | Self::Deleted { .. }
            | Self::Closed
            | Self::UnknownVersion { .. } => false,
        }
    }
}
