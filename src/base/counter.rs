//! Numbers that one side counts and others may look at while it does.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer at a time. Counting is a plain load and store, never a locked instruction, so a hot path
/// pays what a field of its own would cost; whoever looks sees a value that was there a moment ago. Two writers at
/// once would lose counts, so whoever writes owns what the number counts: a session its channels, the holder of a
/// core its queue. Nothing is read because of it, so its order beside other memory means nothing.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// So much more.
    #[inline]
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// This and nothing else.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Numbers that are kept as [`Counter`]s and added up as plain ones.
pub trait Counted {
    /// The numbers of one moment.
    type Counts: Copy + Default + std::ops::AddAssign;

    /// Of this moment.
    fn counts(&self) -> Self::Counts;
}
