//! What can be seen of a queue.

use std::sync::Arc;

use crate::base::{ChannelId, ConnectionId, ConsumerId, ConsumerTag, FieldTable};
use crate::broker::Traffic;
use crate::broker::cell::{Cell, Core};

/// A queue at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueReport {
    /// Messages that wait.
    pub ready: u64,
    /// Messages that were handed out and not settled.
    pub unacknowledged: u64,
    /// Bytes of those that wait, with what they cost beside their content.
    pub ready_bytes: u64,
    /// Bytes of those that were handed out.
    pub unacknowledged_bytes: u64,
    /// Bytes of them all that are in RAM.
    pub ram_bytes: u64,
    /// Who consumes, in the order of their ids.
    pub consumers: Vec<ConsumerReport>,
    /// What went through it since it is there or the broker runs.
    pub traffic: Traffic,
    /// Whether it broke an invariant of its own and only can be deleted.
    pub is_crashed: bool,
}

/// A consumer of a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerReport {
    /// Its id.
    pub id: ConsumerId,
    /// Its tag.
    pub tag: ConsumerTag,
    /// Its connection.
    pub connection: ConnectionId,
    /// Its channel.
    pub channel: ChannelId,
    /// Whether what it is given must be settled.
    pub ack_required: bool,
    /// Whether it is alone.
    pub exclusive: bool,
    /// How many it may hold; 0 for no limit.
    pub prefetch: u32,
    /// How many it holds.
    pub unacknowledged: u32,
    /// Whether it is given messages: not when another one is the single active consumer.
    pub active: bool,
    /// `x-priority`.
    pub priority: i32,
    /// As it was declared.
    pub arguments: FieldTable,
}

impl Cell {
    /// Looks at the queue. Waits for a turn of it to end, which is bounded.
    #[must_use]
    pub fn report(self: &Arc<Self>) -> QueueReport {
        self.look(|core| self.report_of(core))
    }

    fn report_of(&self, core: &Core) -> QueueReport {
        let (machine, executor) = (&core.machine, &core.executor);
        let consumers = machine.attached().filter_map(|(consumer, unacknowledged, active)| {
            executor.consumer_report(consumer, unacknowledged, active)
        });
        QueueReport {
            ready: machine.ready(),
            unacknowledged: machine.unsettled(),
            ready_bytes: machine.ready_bytes(),
            unacknowledged_bytes: machine.unsettled_bytes(),
            ram_bytes: machine.ram_bytes(),
            consumers: consumers.collect(),
            traffic: executor.traffic(),
            is_crashed: self.is_crashed(),
        }
    }
}
