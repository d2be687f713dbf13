//! What the log is told when it is opened.

/// What a ticket of a durable submission waits for (`haremq.durability`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// The disk: a power cut loses nothing that was confirmed.
    #[default]
    Fsync,
    /// The operating system: a killed process loses nothing, a power cut may.
    Os,
}

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogOptions {
    /// What a confirm means.
    pub durability: Durability,
    /// Bytes of a segment; at least 64 KiB, at most 1 GiB.
    pub segment_bytes: u64,
    /// RAM for the index of waiting messages.
    pub index_ram_bytes: usize,
    /// Bytes that may wait to be written before the pressure ([`crate::store::LogLoad`]) is high.
    pub waiting_bytes_high: u64,
    /// The room of what waits, which [`crate::store::LogLoad`] gives what is left of.
    pub waiting_bytes_room: u64,
    /// Any number that nobody outside can know; drawn anew for every start. It keeps bytes inside of
    /// messages from looking like records.
    pub salt: u64,
}

impl LogOptions {
    /// The usual values.
    #[must_use]
    pub fn with_salt(salt: u64) -> Self {
        Self {
            durability: Durability::Fsync,
            segment_bytes: 16 * 1024 * 1024,
            index_ram_bytes: 8 * 1024 * 1024,
            waiting_bytes_high: 32 * 1024 * 1024,
            waiting_bytes_room: 48 * 1024 * 1024,
            salt,
        }
    }

    pub(in crate::store) fn clamped(mut self) -> Self {
        self.segment_bytes = self.segment_bytes.clamp(64 * 1024, 1 << 30);
        self
    }

    /// How many entries of the index fit into its RAM.
    pub(in crate::store) fn index_slots_max(&self) -> usize {
        self.index_ram_bytes / SLOT_BYTES
    }
}

/// What an entry costs in RAM, with the room that a growing list keeps.
const SLOT_BYTES: usize = 56;
