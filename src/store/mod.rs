//! What survives a restart: definitions here, messages in the log beside them.
//!
//! The store knows files and nothing of queues at work: `broker` tells it what to keep and is told when
//! it is on disk. Nothing is acknowledged before that, and after a failed write or sync nothing is
//! acknowledged any more. `docs/storage.md` draws the files byte by byte.

mod definitions;
mod error;
mod metadata;

pub use definitions::{
    Binding, Change, Definitions, DestinationKind, Exchange, FormatVersion, Kind, Permission,
    Queue, RecordKey, User, Vhost,
};
pub use error::StoreError;
pub use metadata::{
    DiskSync, Done, MemoryMetadata, MetadataOptions, MetadataStatus, MetadataStore, OpenReport,
    Opened, SledMetadata, Source, SyncPoint, Syncer,
};
