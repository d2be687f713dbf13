//! The settings that are in force for a queue, kept beside its cell.

use std::sync::{Arc, Mutex, PoisonError};

use super::Cell;
use super::policy::QueueEffective;

/// What is in force, swapped as a whole.
pub(super) struct InForce(Mutex<Arc<QueueEffective>>);

impl InForce {
    pub(super) fn new(effective: QueueEffective) -> Self {
        Self(Mutex::new(Arc::new(effective)))
    }

    fn get(&self) -> Arc<QueueEffective> {
        // A swap cannot leave it half changed.
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works it out and keeps it; `None` when nothing changed. It is worked out under the lock: of two
    /// who do it at the same time, the later one looks at policies that are not older.
    fn update(&self, effective: impl FnOnce() -> QueueEffective) -> Option<Arc<QueueEffective>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = effective();
        if **kept == new {
            return None;
        }
        *kept = Arc::new(new);
        Some(Arc::clone(&kept))
    }
}

impl Cell {
    /// What is in force for the queue.
    #[must_use]
    pub fn effective(&self) -> Arc<QueueEffective> {
        self.in_force.get()
    }

    /// Policies changed, or may have changed: works out what is in force now.
    pub(super) fn apply_effective(self: &Arc<Self>, effective: impl FnOnce() -> QueueEffective) {
        if let Some(changed) = self.in_force.update(effective) {
            self.configure(&changed);
        }
    }

    /// The seam to the machine: here the settings become a command to the queue when the machine has one
    /// for them. Until then they are kept and shown.
    fn configure(self: &Arc<Self>, effective: &QueueEffective) {
        tracing::debug!(
            queue = %self.info().name,
            policy = effective.policy.as_ref().map(tracing::field::display),
            operator_policy = effective.operator_policy.as_ref().map(tracing::field::display),
            "other settings are in force"
        );
    }
}
