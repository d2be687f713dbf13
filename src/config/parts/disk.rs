//! How much room the disk must have.

/// When publishers are held back for want of room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskSettings {
    /// Free bytes below which publishers are held back; 0: not looked at. `disk_free_limit.*`, already
    /// worked out for this machine.
    pub free_bytes_min: u64,
}
