//! Consumers of a queue that did not acknowledge in time.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::Millis;

/// How many there were, and when the last one was. Written under the queue's core.
#[derive(Debug, Default)]
pub(in crate::broker) struct TimedOut {
    count: AtomicU64,
    last_ms: AtomicU64,
}

impl TimedOut {
    /// One more.
    pub(in crate::broker) fn note(&self, now: Millis) {
        self.last_ms.store(now.0, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many, and the last moment.
    pub(in crate::broker) fn get(&self) -> Option<(u64, Millis)> {
        let count = self.count.load(Ordering::Relaxed);
        (count > 0).then(|| (count, Millis(self.last_ms.load(Ordering::Relaxed))))
    }
}
