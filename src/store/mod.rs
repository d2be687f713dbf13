//! What must survive: the message log.
//!
//! Blocking file work lives here and nowhere else. The layer knows `base` and files; it knows no
//! queue machine, no connection and no clock. Who calls it: `broker/executor.rs` submits what a
//! queue machine wants appended and settled, and is told when it is on disk (walk (a)).

mod file_layer;
mod flusher;
mod format;
mod index;
mod log;
mod log_error;
mod memory_log;
mod reclaim;
mod recovery;
mod segment_log;

#[cfg(test)]
mod test_messages;

pub use file_layer::{CrashImage, DiskLayer, FileLayer, LogFile, SimulatedLayer};
pub use log::{
    Done, EnqueueOptions, Entry, IndexEntry, Lifetime, LogStatus, MessageLog, OnStatus, Position,
    QueueNumber, RecoveredQueue, Run, Stored, Submission, Written,
};
pub use log_error::{Damage, LogError};
pub use memory_log::MemoryLog;
pub use recovery::{CheckReport, Dump, Recovered, check};
pub use segment_log::{Durability, LogOptions, SegmentLog};
