//! Who works at a queue: a core behind a lock that is tried, and what waits for it behind a lock of its own.
//!
//! Whoever brings something puts it in first and tries the core then. Who gets it works for everybody; who does not
//! leaves what was brought to the one who has it. This file is the whole of that agreement, and knows no queue:
//! `tests/loom` runs it in every order of threads.
//!
//! Invariants (C1 and C2 of `cell.rs` stand on them):
//! * H1: when the last driver has returned, nothing waits, or somebody was scheduled: the holder looks again after it has
//!   let go, and a loser's part was in before it tried.
//! * H2: what is scheduled is resumed once, and what is scheduled from then on is resumed again: the flag falls before
//!   the resumed one drives.
//! * H3: who finds the core taken and too much waiting waits for the core.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, TryLockError};

use super::sync::{AtomicBool, Mutex, MutexGuard};

/// What waits for a core.
pub(super) trait Waits {
    /// Whether there is nothing.
    fn is_empty(&self) -> bool;

    /// Whether there is so much that who brings more waits for the core.
    fn is_full(&self) -> bool;
}

/// See the module.
pub(super) struct Handover<W, C> {
    waiting: Mutex<W>,
    core: Mutex<C>,
    scheduled: AtomicBool,
}

impl<W: Waits, C> Handover<W, C> {
    pub(super) fn new(waiting: W, core: C) -> Self {
        Self {
            waiting: Mutex::new(waiting),
            core: Mutex::new(core),
            scheduled: AtomicBool::new(false),
        }
    }

    /// What waits. A leaf: nothing else is locked while it is held.
    pub(super) fn waiting(&self) -> MutexGuard<'_, W> {
        // A push or a swap cannot leave the list half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until nothing waits, unless somebody else is at it: `turn` with the core, `after` when the core was let go.
    /// `after` ends it early when it has scheduled somebody.
    #[inline]
    pub(super) fn drive<T>(
        &self,
        mut turn: impl FnMut(&mut C) -> T,
        mut after: impl FnMut(T) -> ControlFlow<()>,
    ) {
        loop {
            let done = match self.core() {
                Some(mut core) => turn(&mut core),
                None => return,
            };
            if after(done).is_break() {
                return;
            }
            if self.waiting().is_empty() {
                return;
            }
        }
    }

    /// The core, unless somebody else is at it. Whoever fills the inbox faster than its driver empties it waits for a
    /// turn of its own: that is the bound of the inbox.
    #[inline]
    fn core(&self) -> Option<MutexGuard<'_, C>> {
        match self.core.try_lock() {
            Ok(core) => Some(core),
            // A turn catches its panics before the lock is let go, and then says `crashed`.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if !self.waiting().is_full() => None,
            Err(TryLockError::WouldBlock) => Some(self.lock_core()),
        }
    }

    /// The core, when nobody is at it.
    #[cfg(test)]
    pub(super) fn core_if_free(&self) -> Option<MutexGuard<'_, C>> {
        self.core.try_lock().ok()
    }

    /// Looks at the core when who is at it has let go. Who came meanwhile left their part to this one, which only
    /// looks: `schedule` is called when there is such a part.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut C) -> T, schedule: impl FnOnce()) -> T {
        let seen = look(&mut self.lock_core());
        if !self.waiting().is_empty() {
            schedule();
        }
        seen
    }

    /// The core, when who is at it has let go.
    fn lock_core(&self) -> MutexGuard<'_, C> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `spawn` unless it was called already and [`Self::resume`] has not come since.
    pub(super) fn schedule(&self, spawn: impl FnOnce()) {
        if !self.scheduled.swap(true, Ordering::SeqCst) {
            spawn();
        }
    }

    /// What was scheduled has come: `drive` is to drive.
    pub(super) fn resume(&self, drive: impl FnOnce()) {
        self.scheduled.store(false, Ordering::SeqCst);
        drive();
    }
}
