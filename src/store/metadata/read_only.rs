//! Definitions of a broker that is not running, read without touching them.
//!
//! Only mirror and journal are read: together they hold every group that was acknowledged, because a
//! group goes to the journal first. The database is left alone, since opening it writes into it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::DiskSync;
use super::files::Files;
use super::shadow::Shadow;
use crate::store::{Definitions, StoreError};

/// What a directory of definitions says. While this lives, no broker starts in the directory.
pub struct ReadOnlyDefinitions {
    /// What mirror and journal say together; `None` when they are missing or damaged.
    pub definitions: Option<Definitions>,
    /// What is missing or damaged in them, as sentences.
    pub problems: Vec<String>,
    _lock: Option<File>,
}

impl ReadOnlyDefinitions {
    /// Reads the directory; writes and creates nothing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a broker uses the directory, [`StoreError::NewerFormat`] when a newer
    /// one wrote it, and [`StoreError::Io`] when the system refuses.
    pub fn read(directory: &Path) -> Result<Self, StoreError> {
        let files = Files::existing(directory, Arc::new(DiskSync));
        let lock = lock(&files)?;
        let shadow = Shadow::read(&files)?;
        let problems = shadow.problems(&files);
        let definitions = shadow.known.map(|(definitions, _)| definitions);
        Ok(Self { definitions, problems, _lock: lock })
    }
}

/// Shares the lock with other readers; a broker wants it alone. Without the file there never was one.
fn lock(files: &Files) -> Result<Option<File>, StoreError> {
    let path = files.lock_path();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(StoreError::io("open", &path, cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(cause)) => Err(StoreError::io("lock", &path, cause)),
    }
}
