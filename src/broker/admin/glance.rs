//! Counts and states that cost no look at a queue.

use std::sync::PoisonError;

use crate::base::{Millis, Pressure};
use crate::broker::{Broker, Vhost};
use crate::store::LogStatus;

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

/// The alarms with what is needed to say why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmReport {
    /// Since when the memory alarm is on.
    pub memory_since: Option<Millis>,
    /// Message bytes in RAM.
    pub memory_used_bytes: u64,
    /// At how many of them the alarm goes on.
    pub memory_watermark_bytes: u64,
    /// Below how many it goes off.
    pub memory_clears_below_bytes: u64,
    /// Since when the disk alarm is on.
    pub disk_since: Option<Millis>,
    /// Free bytes at the last look; `None` when nobody looks.
    pub disk_free_bytes: Option<u64>,
    /// Below how many of them the alarm goes on.
    pub disk_limit_bytes: u64,
    /// How the message log is; `None` when there is none.
    pub log: Option<LogStatus>,
    /// Whether more waits to be written than the log likes to hold.
    pub log_is_behind: bool,
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

    /// The alarms of this moment with what is needed to say why.
    #[must_use]
    pub fn alarm_report(&self) -> AlarmReport {
        let common = self.common();
        let (memory_since, disk_since) = common.alarms.since();
        let (disk_free_bytes, disk_limit_bytes) = common.alarms.disk.get();
        AlarmReport {
            memory_since,
            memory_used_bytes: common.memory.used_bytes(),
            memory_watermark_bytes: common.memory.watermark_bytes(),
            memory_clears_below_bytes: common.memory.clears_below_bytes(),
            disk_since,
            disk_free_bytes,
            disk_limit_bytes,
            log: common.log.as_ref().map(|log| log.status()),
            log_is_behind: self.log_pressure() == Pressure::High,
        }
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
