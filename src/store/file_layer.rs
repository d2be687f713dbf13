//! The few things the log asks of a file system, so that a test can take its place.
//!
//! [`DiskLayer`] is the operating system; [`SimulatedLayer`] keeps files in memory, knows what is
//! durable and what is not, and crashes, fills up or fails on command.
//!
//! What the log relies on, and the simulation breaks everything beyond:
//! * a sector of 512 bytes is written whole or not at all;
//! * what was written is durable after `sync_data`, a name after `sync_dir`;
//! * names change in the order of the calls, so a crash leaves the effect of some first ones.

mod disk;
mod simulated;

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

pub use disk::DiskLayer;
pub use simulated::{CrashImage, SimulatedLayer};

/// One folder of files.
pub trait FileLayer: Send + Sync {
    /// The names in it.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file of `bytes` bytes whose room is reserved, so that writing into it does not run out of
    /// space. Its content is zero.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn LogFile>>;

    /// A file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>>;

    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a file away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names durable.
    fn sync_dir(&self) -> io::Result<()>;

    /// The path of a name, for people.
    fn path(&self, name: &str) -> PathBuf;
}

/// One file. Reading and writing at places of one's own, from any thread.
pub trait LogFile: Send + Sync {
    /// Writes all pieces, one after the other, from `offset` on.
    fn write_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Whether the file still has a name: what is written into one without goes with the process.
    fn has_name(&self) -> io::Result<bool>;

    /// Fills `buffer` from `offset` on, as far as the file goes; gives the number of bytes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How long the file is.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file, or reserves room up to `bytes`.
    fn resize(&self, bytes: u64) -> io::Result<()>;
}
