//! Everything that can go wrong with files: where, during what, why, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of the store. Cheap to clone, because one failed sync answers everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused an operation on a file or directory.
    #[error("cannot {operation} {}: {cause}; {}", path.display(), advice(cause))]
    Io {
        /// What was being done, as a verb: `write`, `sync`, `create`.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: Arc<io::Error>,
    },
    /// Content that is not what was written, and nothing to rebuild it from.
    #[error("{} is damaged: {cause}; {advice}", path.display())]
    Damaged {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// What an operator can do.
        advice: String,
    },
    /// Another process uses the directory.
    #[error(
        "{} is in use by another process; stop that process, or give this one a directory of its own",
        path.display()
    )]
    Locked {
        /// The file that holds the lock.
        path: PathBuf,
    },
    /// The files were written by a newer version that this one must not touch.
    #[error(
        "{} has format version {found}, and this version understands {understood}; start the version \
         that wrote it, or a newer one",
        path.display()
    )]
    NewerFormat {
        /// The file or directory.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest version that can be read.
        understood: String,
    },
    /// A record that is larger than the store takes; nothing of that request was stored.
    #[error(
        "the {what} needs {bytes} bytes on disk, and at most {bytes_max} are stored; shorten its arguments"
    )]
    TooLarge {
        /// What the record describes.
        what: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A record that has no form on disk; nothing of that request was stored.
    #[error("the {what} cannot be stored: {cause}")]
    Unfit {
        /// What the record describes.
        what: String,
        /// Why not.
        cause: String,
    },
    /// More waits for the disk than the bound allows; nothing of that request was stored.
    #[error(
        "{waiting_bytes} bytes wait to be written to {}; try again when the disk has caught up",
        path.display()
    )]
    Full {
        /// The directory that is written to.
        path: PathBuf,
        /// What waits.
        waiting_bytes: usize,
    },
    /// A file was deleted while the store writes into it.
    #[error(
        "{} was deleted while the broker writes into it; put a copy of the data folder back, or start \
         with a new one",
        path.display()
    )]
    Deleted {
        /// The file.
        path: PathBuf,
    },
    /// An earlier write or sync failed. It is final: what reached the disk is unknown, so nothing is
    /// acknowledged until a restart has read it.
    #[error(
        "nothing is stored any more since an earlier failure ({0}); mend its cause and restart"
    )]
    Stopped(Arc<StoreError>),
    /// The store was closed.
    #[error("{} is closed; nothing more is stored there", path.display())]
    Closed {
        /// The directory of the store.
        path: PathBuf,
    },
}

impl StoreError {
    /// An [`StoreError::Io`].
    pub(super) fn io(operation: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { operation, path: path.to_path_buf(), cause: Arc::new(cause) }
    }

    /// Whether the reason is that the disk is full (or a quota is used up).
    pub(super) fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { cause, .. } if full.contains(&cause.kind()))
    }

    /// What everybody is told after this error.
    pub(super) fn stopped(&self) -> Self {
        match self {
            Self::Stopped(_) => self.clone(),
            other => Self::Stopped(Arc::new(other.clone())),
        }
    }
}

/// What an operator can do about a refusal of the system.
fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on that disk and restart"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "make it writable for the user of the broker and restart"
        }
        io::ErrorKind::NotFound => "create its directory, or name another one, and restart",
        _ => "check the disk and the system's log, and restart",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_why_and_what_to_do() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = StoreError::io("write", Path::new("/data/definitions.json"), full);
        assert_eq!(
            error.to_string(),
            "cannot write /data/definitions.json: no storage space; free space on that disk and \
             restart"
        );
        let stopped = error.stopped();
        assert!(stopped.to_string().contains("/data/definitions.json"), "{stopped}");
        assert_eq!(stopped.stopped().to_string(), stopped.to_string());
    }
}
