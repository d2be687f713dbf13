//! Where definitions are kept: a trait, the store on disk, and one in memory.
//!
//! On disk they stand twice. The *database* (sled) is the first copy. The *shadow* is the second: the
//! mirror `definitions.json`, which people can read, and the journal, which holds every group of
//! changes since the mirror was written. A group goes to the journal first and to the database second,
//! and is answered when both are synced; so whichever copy is damaged, the other has everything that
//! was ever acknowledged. `docs/storage.md` has the bytes and the rules.

mod database;
mod files;
mod frame;
mod guard;
mod journal;
mod memory;
mod mirror;
mod options;
mod queue;
mod read_only;
mod recovery;
mod shadow;
mod sled_metadata;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use memory::MemoryMetadata;
pub use options::{DiskSync, MetadataOptions, SyncPoint, Syncer};
pub use read_only::ReadOnlyDefinitions;
pub use recovery::{OpenReport, Source};
pub use sled_metadata::{Opened, SledMetadata};
pub use store::{Done, MetadataStatus, MetadataStore};
