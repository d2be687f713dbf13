//! The file that holds the number of the process, for scripts that wait for it or end it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file; gone when this is dropped.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Written whole or not at all. Its folder is made: RabbitMQ's lies beside the data of a broker that may
    /// never have run.
    pub(crate) fn write(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("tmp");
        fs::write(&beside, format!("{}\n", std::process::id()))?;
        fs::rename(&beside, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), error = %error, "the pid file was not removed");
        }
    }
}
