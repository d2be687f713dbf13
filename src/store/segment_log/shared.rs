//! What the writer and the readers of a log share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::LogOptions;
use super::files::SegmentFiles;
use crate::store::index::Index;
use crate::store::{LogError, LogStatus, OnStatus};

/// See the module.
pub(in crate::store) struct Shared {
    pub(in crate::store) files: SegmentFiles,
    pub(in crate::store) options: LogOptions,
    index: Mutex<Index>,
    status: Mutex<LogStatus>,
    on_status: OnStatus,
}

impl Shared {
    pub(in crate::store) fn new(
        files: SegmentFiles,
        options: LogOptions,
        index: Index,
        on_status: OnStatus,
    ) -> Self {
        let (index, status) = (Mutex::new(index), Mutex::new(LogStatus::Healthy));
        Self { files, options, index, status, on_status }
    }

    /// The index. A page may be read from disk while it is locked.
    pub(in crate::store) fn index(&self) -> MutexGuard<'_, Index> {
        // A panic in here is a broken invariant of ours; the writer dies of it and nothing is
        // confirmed any more. Readers may still try.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::store) fn status(&self) -> LogStatus {
        self.lock_status().clone()
    }

    pub(in crate::store) fn is_full(&self) -> bool {
        matches!(*self.lock_status(), LogStatus::Full { .. })
    }

    /// The answer to whoever still wants something, after a failure.
    pub(in crate::store) fn failure(&self) -> Option<LogError> {
        match &*self.lock_status() {
            LogStatus::Failed { reason } => {
                Some(LogError::Failed { reason: reason.as_str().into() })
            }
            LogStatus::Healthy | LogStatus::Full { .. } => None,
        }
    }

    /// A change; a failure stays.
    pub(in crate::store) fn set_status(&self, status: &LogStatus) {
        {
            let mut known = self.lock_status();
            if *known == *status || matches!(*known, LogStatus::Failed { .. }) {
                return;
            }
            *known = status.clone();
        }
        (self.on_status)(status);
    }

    /// The log has failed, for good.
    pub(in crate::store) fn fail(&self, error: &LogError) {
        if self.failure().is_none() {
            tracing::error!(%error, "the message log has stopped; nothing is confirmed any more");
            self.set_status(&LogStatus::Failed { reason: error.to_string() });
        }
    }

    fn lock_status(&self) -> MutexGuard<'_, LogStatus> {
        // One assignment; it cannot be half done.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
