//! Why a command has no answer.

use std::io;
use std::path::PathBuf;

use crate::store::{LogError, StoreError};

/// Shown as one line on standard error.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The folder is not what a broker leaves.
    #[error(
        "there is no store in {}: it has no folder '{missing}'; name the data folder of a broker \
         (haremq.data_dir)",
        folder.display()
    )]
    NoStore {
        /// What was named.
        folder: PathBuf,
        /// What should be in it.
        missing: &'static str,
    },
    /// A broker is running there.
    #[error(
        "{} is in use by a running broker; stop it, or look at a copy of the folder",
        folder.display()
    )]
    InUse {
        /// What was named.
        folder: PathBuf,
    },
    /// The definitions cannot be read.
    #[error("{0}")]
    Definitions(#[from] StoreError),
    /// Without definitions nobody knows which messages belong to which name.
    #[error("the names of the queues cannot be read: {problems}")]
    NoDefinitions {
        /// What is wrong with them.
        problems: String,
    },
    /// The message log cannot be read.
    #[error("{0}")]
    Log(#[from] LogError),
    /// Nobody declared such a queue, or it was not durable.
    #[error("there is no queue '{queue}' in vhost '{vhost}'; {known}")]
    NoQueue {
        /// Its name.
        queue: String,
        /// Its virtual host.
        vhost: String,
        /// Which there are, as half a sentence.
        known: String,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}
