//! Why a document is not taken.

use std::path::PathBuf;

use crate::base::limits::DEFINITIONS_BYTES_MAX;
use crate::store::StoreError;

/// Something wrong at a place of a document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {text}")]
pub struct Fault {
    /// Such as `queues[3].arguments`, counted from 0.
    pub place: String,
    /// What is wrong, and what was expected.
    pub text: String,
}

impl Fault {
    pub(super) fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

/// Why nothing was imported. Nothing is changed then.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DefinitionsError {
    /// Too many bytes.
    #[error(
        "a document of {0} bytes is too large: at most {DEFINITIONS_BYTES_MAX} are taken; split it"
    )]
    TooLarge(u64),
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON that says something that cannot be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The document is for one virtual host, and nobody says which, or it is not there.
    #[error("{0}")]
    Vhost(String),
    /// The disk does not take it.
    #[error("the definitions were not stored: {0}")]
    Store(#[from] StoreError),
}

/// Why the definitions of the configuration are not loaded. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the definitions in {}: {error}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It cannot be imported.
    #[error("the definitions in {} cannot be loaded: {error}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why.
        error: DefinitionsError,
    },
}
