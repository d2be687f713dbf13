//! The memory alarm: on at the watermark, off below nine tenths of it, told to every connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Inbox};
use crate::base::{ConnectionId, MemoryBudget, Pressure};

/// RabbitMQ's reason, as `connection.blocked` carries it.
const LOW_ON_MEMORY: &str = "low on memory";

/// The alarm and those who hear it.
#[derive(Default)]
pub(super) struct Alarms {
    memory: AtomicBool,
    listeners: Mutex<BTreeMap<ConnectionId, Arc<Inbox>>>,
}

impl Alarms {
    /// The reason for holding publishers back, if there is one.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.memory.load(Ordering::SeqCst).then_some(LOW_ON_MEMORY)
    }

    /// Looks at the budget; on a change everybody is told. Costs two loads when nothing changes.
    pub(super) fn observe(&self, memory: &MemoryBudget) {
        let was_on = self.memory.load(Ordering::SeqCst);
        let before = if was_on { Pressure::High } else { Pressure::Normal };
        let on = memory.pressure(before) == Pressure::High;
        if on == was_on {
            return;
        }
        // The change and its news go under one lock, so that two threads cannot tell in the wrong order.
        let listeners = self.listeners();
        if self.memory.swap(on, Ordering::SeqCst) == on {
            return;
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
        for inbox in listeners.values() {
            inbox.push([Event::Alarm { reason: on.then_some(LOW_ON_MEMORY) }]);
        }
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
