//! Who asked for a queue to be deleted: the queue's machine does not know, and only the event needs it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Actor;
use crate::base::QueueId;

/// Entries are made while somebody wants events, and go with the answer: at most one for each connection,
/// and one for each queue of a virtual host that is deleted.
#[derive(Default)]
pub(in crate::broker) struct Deleters(Mutex<BTreeMap<QueueId, Actor>>);

impl Deleters {
    /// Somebody asks for this queue to be deleted.
    pub(in crate::broker) fn asked(&self, queue: QueueId, by: Actor) {
        self.lock().insert(queue, by);
    }

    /// The queue is gone, or stays after all: who asked, if anybody did.
    pub(in crate::broker) fn answered(&self, queue: QueueId) -> Option<Actor> {
        self.lock().remove(&queue)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<QueueId, Actor>> {
        // One map operation each.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
