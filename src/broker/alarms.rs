//! The alarms that hold publishers back, told to every connection: memory (on at the watermark, off
//! below nine tenths of it) and disk (on while the message log takes nothing more).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Inbox};
use crate::base::{Clock, ConnectionId, MemoryBudget, Millis, Pressure};

/// RabbitMQ's reasons, as `connection.blocked` carries them.
const REASONS: [Option<&str>; 4] =
    [None, Some("low on memory"), Some("low on disk"), Some("low on memory & disk")];

/// The memory alarm's bit in [`REASONS`].
const MEMORY: u8 = 1;

/// The disk alarm's bit.
const DISK: u8 = 2;

/// What the last look at the disk found.
#[derive(Default)]
pub(super) struct DiskFigures {
    /// 0: nobody has looked; else one more than the free bytes.
    free_bytes_and_one: AtomicU64,
    limit_bytes: AtomicU64,
}

impl DiskFigures {
    pub(super) fn set(&self, free_bytes: u64, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
        self.free_bytes_and_one.store(free_bytes.saturating_add(1), Ordering::Relaxed);
    }

    /// Free bytes when somebody looked, and the limit.
    pub(super) fn get(&self) -> (Option<u64>, u64) {
        let free = self.free_bytes_and_one.load(Ordering::Relaxed).checked_sub(1);
        (free, self.limit_bytes.load(Ordering::Relaxed))
    }
}

/// The alarms and those who hear them.
#[derive(Default)]
pub(super) struct Alarms {
    on: AtomicU8,
    /// Since when the memory alarm is on, when it is.
    memory_since_ms: AtomicU64,
    /// Since when the disk alarm is.
    disk_since_ms: AtomicU64,
    pub(super) disk: DiskFigures,
    listeners: Mutex<BTreeMap<ConnectionId, Arc<Inbox>>>,
}

impl Alarms {
    /// The reason for holding publishers back, if there is one.
    pub(super) fn reason(&self) -> Option<&'static str> {
        reason(self.on.load(Ordering::SeqCst))
    }

    /// Whether the memory alarm is on, and whether the disk alarm is.
    pub(super) fn state(&self) -> (bool, bool) {
        let on = self.on.load(Ordering::SeqCst);
        (on & MEMORY != 0, on & DISK != 0)
    }

    /// Since when the memory alarm is on, and since when the disk alarm is.
    pub(super) fn since(&self) -> (Option<Millis>, Option<Millis>) {
        let (memory, disk) = self.state();
        let at = |on: bool, of: &AtomicU64| on.then(|| Millis(of.load(Ordering::SeqCst)));
        (at(memory, &self.memory_since_ms), at(disk, &self.disk_since_ms))
    }

    /// Looks at the budget; on a change everybody is told. Costs two loads when nothing changes.
    /// Says to what the memory alarm changed, when it did.
    pub(super) fn observe(&self, memory: &MemoryBudget, clock: &dyn Clock) -> Option<bool> {
        let was_on = self.on.load(Ordering::SeqCst) & MEMORY != 0;
        let before = if was_on { Pressure::High } else { Pressure::Normal };
        let on = memory.pressure(before) == Pressure::High;
        if on == was_on || !self.set(MEMORY, on, clock.now()) {
            return None;
        }
        if on {
            tracing::warn!(
                bytes = memory.used_bytes(),
                watermark_bytes = memory.watermark_bytes(),
                "memory alarm: waiting messages reached the watermark, publishers are blocked until consumers drain them"
            );
        } else {
            tracing::info!(bytes = memory.used_bytes(), "memory alarm cleared, publishers go on");
        }
        Some(on)
    }

    /// The message log takes nothing more, or does again; says whether that is a change.
    pub(super) fn set_disk(&self, on: bool, now: Millis) -> bool {
        self.set(DISK, on, now)
    }

    /// Turns one alarm on or off and tells everybody; says whether that changed anything.
    fn set(&self, alarm: u8, on: bool, now: Millis) -> bool {
        // The change and its news go under one lock, so that two threads cannot tell in the wrong order.
        let listeners = self.listeners();
        let before = self.on.load(Ordering::SeqCst);
        let after = if on { before | alarm } else { before & !alarm };
        if after == before {
            return false;
        }
        let since = if alarm == MEMORY { &self.memory_since_ms } else { &self.disk_since_ms };
        since.store(now.0, Ordering::SeqCst);
        self.on.store(after, Ordering::SeqCst);
        for inbox in listeners.values() {
            inbox.push([Event::Alarm { reason: reason(after) }]);
        }
        true
    }

    pub(super) fn listen(&self, connection: ConnectionId, inbox: Arc<Inbox>) {
        let mut listeners = self.listeners();
        if let Some(reason) = self.reason() {
            inbox.push([Event::Alarm { reason: Some(reason) }]);
        }
        listeners.insert(connection, inbox);
    }

    pub(super) fn leave(&self, connection: ConnectionId) {
        self.listeners().remove(&connection);
    }

    /// Everybody who listens, which is every open connection.
    pub(super) fn everybody(&self) -> Vec<Arc<Inbox>> {
        self.listeners().values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.listeners().len()
    }

    fn listeners(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Arc<Inbox>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason(on: u8) -> Option<&'static str> {
    REASONS.get(usize::from(on)).copied().flatten()
}
