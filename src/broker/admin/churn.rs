//! How much came and went since the broker runs. Counted once for each connection, channel and queue, never for a
//! message.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::broker::Broker;

/// The counts of one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChurnCounts {
    /// Connections that opened a virtual host.
    pub connections_opened: u64,
    /// Those of them that are gone.
    pub connections_closed: u64,
    /// Channels that were opened.
    pub channels_opened: u64,
    /// Those of them that are gone.
    pub channels_closed: u64,
    /// Declares that were allowed, of queues that were there as well.
    pub queues_declared: u64,
    /// Queues that were new.
    pub queues_created: u64,
    /// Queues that are gone.
    pub queues_deleted: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::broker) struct Churn {
    pub(in crate::broker) connections_opened: Count,
    pub(in crate::broker) connections_closed: Count,
    pub(in crate::broker) channels_opened: Count,
    pub(in crate::broker) channels_closed: Count,
    pub(in crate::broker) queues_declared: Count,
    pub(in crate::broker) queues_created: Count,
    pub(in crate::broker) queues_deleted: Count,
}

/// A number that only grows. Nothing is read because of it, so its order beside other memory means nothing.
#[derive(Debug, Default)]
pub(in crate::broker) struct Count(AtomicU64);

impl Count {
    pub(in crate::broker) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Broker {
    /// How much came and went so far.
    #[must_use]
    pub fn churn(&self) -> ChurnCounts {
        let churn = &self.common().churn;
        ChurnCounts {
            connections_opened: churn.connections_opened.now(),
            connections_closed: churn.connections_closed.now(),
            channels_opened: churn.channels_opened.now(),
            channels_closed: churn.channels_closed.now(),
            queues_declared: churn.queues_declared.now(),
            queues_created: churn.queues_created.now(),
            queues_deleted: churn.queues_deleted.now(),
        }
    }
}
