//! The snapshots that are kept, by their numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::VhostName;
use crate::base::limits::SNAPSHOTS_MAX;
use crate::definitions::VhostSnapshot;

/// See the module.
#[derive(Default)]
pub(in crate::http) struct Snapshots(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: u64,
    all: BTreeMap<u64, Arc<VhostSnapshot>>,
}

impl Snapshots {
    /// Keeps one more and gives its number; `None` when there are enough.
    pub(super) fn keep(&self, snapshot: VhostSnapshot) -> Option<u64> {
        let mut kept = self.lock();
        if kept.all.len() >= SNAPSHOTS_MAX {
            return None;
        }
        kept.last += 1;
        let id = kept.last;
        kept.all.insert(id, Arc::new(snapshot));
        Some(id)
    }

    /// One of a virtual host.
    pub(super) fn find(&self, vhost: &VhostName, id: u64) -> Option<Arc<VhostSnapshot>> {
        self.lock().all.get(&id).filter(|one| one.vhost() == vhost).cloned()
    }

    /// Lets one go; says whether it was there.
    pub(super) fn forget(&self, vhost: &VhostName, id: u64) -> bool {
        self.find(vhost, id).is_some() && self.lock().all.remove(&id).is_some()
    }

    /// Lets those of a virtual host go.
    pub(super) fn forget_vhost(&self, vhost: &VhostName) {
        self.lock().all.retain(|_, one| one.vhost() != vhost);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // One map operation each.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
