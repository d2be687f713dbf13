//! The settings that are in force for a queue, kept beside its cell.

use std::sync::{Arc, Mutex, PoisonError};

use super::policy::QueueEffective;
use super::queue_settings::QueueSettings;
use super::{Cell, Envelope};

/// What is in force, swapped as a whole.
pub(super) struct InForce(Mutex<Arc<QueueSettings>>);

impl InForce {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self(Mutex::new(Arc::new(settings)))
    }

    fn get(&self) -> Arc<QueueSettings> {
        // A swap cannot leave it half changed.
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works it out, keeps it and tells it; says whether something changed. Both happen under the lock:
    /// of two who do it at the same time, the later one looks at policies that are not older, and its
    /// settings are the later ones for the queue as well.
    fn update(
        &self,
        effective: impl FnOnce() -> QueueEffective,
        tell: impl FnOnce(&Arc<QueueSettings>),
    ) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = effective();
        if kept.effective == new {
            return false;
        }
        *kept = Arc::new(kept.with(new));
        tell(&kept);
        true
    }
}

impl Cell {
    /// What is in force for the queue: arguments, policy and operator policy together.
    #[must_use]
    pub fn effective(&self) -> QueueEffective {
        self.in_force.get().effective.clone()
    }

    /// What is in force for the queue, as the parts of the broker use it.
    pub(super) fn settings(&self) -> Arc<QueueSettings> {
        self.in_force.get()
    }

    /// Policies changed, or may have changed: works out what is in force now, and tells the queue.
    pub(super) fn apply_effective(self: &Arc<Self>, effective: impl FnOnce() -> QueueEffective) {
        let tell = |settings: &Arc<QueueSettings>| {
            let effective = &settings.effective;
            tracing::debug!(
                queue = %self.info().name,
                policy = effective.policy.as_ref().map(tracing::field::display),
                operator_policy = effective.operator_policy.as_ref().map(tracing::field::display),
                "other settings are in force"
            );
            self.enqueue(Envelope::Configure(Arc::clone(settings)));
        };
        if self.in_force.update(effective, tell) {
            self.drive(self.common().clock.now());
        }
    }
}
