//! What a test turns: time-outs, bounds, and the syncs themselves.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// What is being synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncPoint {
    /// The journal, once per group.
    Journal,
    /// The file of the database, once per group.
    Database,
    /// A mirror or a journal that is about to take the place of the one before.
    Replacement,
    /// A directory whose entries changed.
    Directory,
}

/// Brings a file's bytes to the disk.
pub trait Syncer: Send + Sync {
    /// Reserves blocks for the first `bytes` bytes of a file, whose length stays as it is, so that a full
    /// disk is met before anything is written. A file system that cannot reserve meets it later.
    fn reserve(&self, point: SyncPoint, file: &File, bytes: u64) -> io::Result<()>;

    /// Returns when the bytes are on the disk.
    fn sync(&self, point: SyncPoint, file: &File) -> io::Result<()>;
}

/// The machine's own sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskSync;

impl Syncer for DiskSync {
    fn reserve(&self, _: SyncPoint, file: &File, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn sync(&self, point: SyncPoint, file: &File) -> io::Result<()> {
        match point {
            SyncPoint::Journal | SyncPoint::Database => file.sync_data(),
            SyncPoint::Replacement | SyncPoint::Directory => file.sync_all(),
        }
    }
}

/// How a store on disk behaves.
#[derive(Clone)]
pub struct MetadataOptions {
    /// How long opening the database may take before it counts as damaged: a damaged file can make it
    /// hang for ever.
    pub open_timeout: Duration,
    /// How long no change comes before the mirror is written.
    pub mirror_idle: Duration,
    /// The mirror is written at the latest when the journal has this many bytes, or as many as the
    /// mirror itself, whichever is more.
    pub journal_bytes_max: u64,
    /// How often it is looked whether a full disk has room again.
    pub full_retry: Duration,
    /// Brings bytes to the disk.
    pub syncer: Arc<dyn Syncer>,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(20),
            mirror_idle: Duration::from_secs(1),
            journal_bytes_max: 1024 * 1024,
            full_retry: Duration::from_millis(200),
            syncer: Arc::new(DiskSync),
        }
    }
}

impl fmt::Debug for MetadataOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataOptions")
            .field("open_timeout", &self.open_timeout)
            .field("mirror_idle", &self.mirror_idle)
            .field("journal_bytes_max", &self.journal_bytes_max)
            .field("full_retry", &self.full_retry)
            .finish_non_exhaustive()
    }
}
