//! What the broker sees of the store of definitions.

use crate::store::{Change, Definitions, StoreError};

/// Told once, when a request is on disk or never will be.
///
/// It runs on the store's thread, or in [`MetadataStore::apply`] itself when the request is refused at
/// once; it must be short, must not block, and needs no lock that the caller of `apply` holds.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Whether the store still takes changes.
#[derive(Clone, Debug)]
pub enum MetadataStatus {
    /// Changes are stored.
    Running {
        /// Why the mirror could not be written lately, when it could not. Nothing is lost by that:
        /// the journal goes on, and the mirror is tried again soon.
        mirror_error: Option<StoreError>,
        /// Why changes wait, when the disk is full. They are stored by themselves when there is room.
        full: Option<StoreError>,
    },
    /// A write or sync failed; nothing is acknowledged any more.
    Stopped(StoreError),
    /// [`MetadataStore::close`] was called.
    Closed,
}

/// Keeps definitions.
pub trait MetadataStore: Send + Sync {
    /// The definitions as they were last acknowledged.
    fn load(&self) -> Definitions;

    /// Stores all of these changes or none, after everything that was handed in before, and says when
    /// they are on disk. It never blocks. While the disk is full, changes wait. `done` gets an error when they are not stored:
    /// [`StoreError::TooLarge`] and [`StoreError::Unfit`] for a record that cannot be,
    /// [`StoreError::Full`] when too much waits, [`StoreError::Stopped`] after a failure, from which
    /// on it is the only answer, and [`StoreError::Closed`].
    fn apply(&self, changes: Vec<Change>, done: Done);

    /// Whether changes are still taken.
    fn status(&self) -> MetadataStatus;

    /// Stores what waits, writes the mirror, and lets go of the files. A second call does nothing.
    fn close(&self) -> Result<(), StoreError>;
}
