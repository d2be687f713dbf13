//! Counts and states that cost no look at a queue.

use std::sync::PoisonError;

use crate::broker::{Broker, Vhost};

/// What a virtual host holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VhostCounts {
    /// Exchanges, with those that are always there.
    pub exchanges: usize,
    /// Queues.
    pub queues: usize,
    /// Bindings, without those of the default exchange.
    pub bindings: usize,
}

/// The alarms that hold publishers back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AlarmState {
    /// Message bytes in RAM reached the watermark.
    pub memory: bool,
    /// The message log takes nothing more.
    pub disk: bool,
}

impl Vhost {
    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> VhostCounts {
        let table = self.table();
        VhostCounts {
            exchanges: table.exchange_count(),
            queues: table.queue_count(),
            bindings: table.binding_count(),
        }
    }
}

impl Broker {
    /// The alarms of this moment.
    #[must_use]
    pub fn alarm_state(&self) -> AlarmState {
        let (memory, disk) = self.common().alarms.state();
        AlarmState { memory, disk }
    }

    /// How many virtual hosts there are.
    #[must_use]
    pub fn vhost_count(&self) -> usize {
        self.vhosts.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Open channels of all connections.
    #[must_use]
    pub fn open_channels(&self) -> usize {
        self.common().limits.channels()
    }
}
