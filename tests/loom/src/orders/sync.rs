//! Loom's locks in the place of the standard library's.
//!
//! Loom lets threads meet where they take a lock, and not where they let it go: a `try_lock` that fails because the holder
//! has not let go yet would never be tried. So a lock here has a mark that the holder writes before it lets go and that a
//! `try_lock` reads first; loom tries both orders of these.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use loom::sync::atomic::{AtomicUsize, Ordering};

pub(super) use loom::sync::atomic::AtomicBool;

/// A lock of the broker.
#[derive(Default)]
pub(super) struct Mutex<T> {
    inner: loom::sync::Mutex<T>,
    mark: AtomicUsize,
}

/// It is held.
pub(super) struct MutexGuard<'a, T> {
    inner: loom::sync::MutexGuard<'a, T>,
    mark: &'a AtomicUsize,
}

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self { inner: loom::sync::Mutex::new(value), mark: AtomicUsize::new(0) }
    }

    pub(super) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.inner.lock() {
            Ok(inner) => Ok(self.guard(inner)),
            Err(poisoned) => Err(PoisonError::new(self.guard(poisoned.into_inner()))),
        }
    }

    pub(super) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        self.mark.load(Ordering::Relaxed);
        match self.inner.try_lock() {
            Ok(inner) => Ok(self.guard(inner)),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
            Err(TryLockError::Poisoned(poisoned)) => {
                Err(TryLockError::Poisoned(PoisonError::new(self.guard(poisoned.into_inner()))))
            }
        }
    }

    fn guard<'a>(&'a self, inner: loom::sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard { inner, mark: &self.mark }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mark.store(1, Ordering::Relaxed);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}
