//! What survives a restart: definitions, and the messages of durable queues in a log beside them.
//!
//! Blocking file work lives here and nowhere else. The store knows `base` and files; it knows no queue
//! at work, no connection and no clock. `broker` tells it what to keep and is told when it is on disk.
//! Nothing is acknowledged before that, and after a failed write or sync nothing is acknowledged any
//! more. `docs/storage.md` draws the files byte by byte.

mod brakes;
mod definitions;
mod error;
mod file_layer;
mod flusher;
mod format;
mod index;
mod log;
mod log_error;
mod log_load;
mod memory_log;
mod metadata;
mod reclaim;
mod recovery;
mod segment_log;

#[cfg(test)]
mod test_messages;

pub use definitions::{
    Binding, BindingsOf, Change, Definitions, DestinationKind, Exchange, FormatVersion,
    GlobalParameter, Kind, OperatorPolicy, Parameter, Permission, Policy, Queue, RecordKey,
    TopicPermission, User, UserLimits, Vhost, VhostLimits,
};
pub use error::StoreError;
pub use file_layer::{CrashImage, DiskLayer, FileLayer, LogFile, SimulatedLayer};
pub use log::{
    Brake, Done as LogDone, EnqueueOptions, Entry, IndexEntry, Lifetime, LogStatus, Mark,
    MessageLog, OnStatus, Position, QueueNumber, RecoveredQueue, Run, Stored, Submission, Written,
};
pub use log_error::{Damage, LogError};
pub use log_load::LogLoad;
pub use memory_log::MemoryLog;
pub use metadata::{
    DiskSync, Done, MemoryMetadata, MetadataOptions, MetadataStatus, MetadataStore, OpenReport,
    Opened, ReadOnlyDefinitions, SledMetadata, Source, SyncPoint, Syncer,
};
pub use recovery::{CheckReport, Dump, OnProgress, Pass, Recovered, check};
pub use segment_log::{Durability, LogOptions, SegmentLog};
