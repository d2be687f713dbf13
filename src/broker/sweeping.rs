//! Clears away what went with a queue or an exchange that had many bindings.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Vhost;
use crate::base::limits::SWEEP_STEP_BYTES;
use crate::routing::Rubble;

/// What a routing table has to be swept of. One for each virtual host at a time.
pub struct Sweeping(Arc<Vhost>);

impl Sweeping {
    /// Has a table swept, unless somebody is at it.
    pub(super) fn begin(vhost: Arc<Vhost>) {
        if !vhost.is_swept.swap(true, Ordering::SeqCst) {
            let common = Arc::clone(&vhost.common);
            common.scheduler.sweep(Self(vhost));
        }
    }

    /// One step, for which the table is locked; `None` when nothing is left to be swept up. What it gives is to
    /// be dropped, and that takes time as well.
    #[must_use]
    pub fn step(&self) -> Option<Rubble> {
        let mut table = self.0.table_to_change();
        if !table.has_fallen() {
            // Who makes something fall from here on looks at this with the table unlocked.
            self.0.is_swept.store(false, Ordering::SeqCst);
            return None;
        }
        Some(table.sweep(SWEEP_STEP_BYTES))
    }

    /// All steps, without a pause.
    pub fn run(self) {
        while let Some(rubble) = self.step() {
            drop(rubble);
        }
    }
}
