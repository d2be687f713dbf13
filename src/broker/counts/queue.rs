//! What went through a queue and what is in it. Whoever holds the queue's core counts.

use std::ops::AddAssign;
use std::sync::OnceLock;

use super::dead_letters::{DeadLetterCounters, DeadLetterCounts};
use crate::base::{ConsumerId, Counted, Counter};
use crate::queue::{Command, Machine, Reason, Settlement};

/// Messages since the queue is there, or the broker runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Came in.
    pub publish: u64,
    /// Were handed to consumers that settle them.
    pub deliver: u64,
    /// Were handed to consumers that do not.
    pub deliver_no_ack: u64,
    /// Were fetched and are to be settled.
    pub get: u64,
    /// Were fetched and are not.
    pub get_no_ack: u64,
    /// Were not there to be fetched.
    pub get_empty: u64,
    /// Were handed out once more than once, whichever way.
    pub redeliver: u64,
    /// Were acknowledged.
    pub ack: u64,
}

impl Traffic {
    /// Everything that was handed out.
    #[must_use]
    pub fn deliver_get(&self) -> u64 {
        self.deliver + self.deliver_no_ack + self.get + self.get_no_ack
    }
}

/// What is in a queue, as of its last turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueLevels {
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
    /// Consumers.
    pub consumers: u64,
}

/// Both, of one queue or of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueNumbers {
    /// What went through.
    pub traffic: Traffic,
    /// What is there.
    pub levels: QueueLevels,
    /// What was given up.
    pub dead_letters: DeadLetterCounts,
    /// How many queues this is.
    pub queues: u64,
}

/// The counters of one queue.
#[derive(Debug, Default)]
pub(in crate::broker) struct QueueCounters {
    pub(in crate::broker) publish: Counter,
    deliver: Counter,
    deliver_no_ack: Counter,
    get: Counter,
    get_no_ack: Counter,
    pub(in crate::broker) get_empty: Counter,
    redeliver: Counter,
    ack: Counter,
    ready: Counter,
    unacknowledged: Counter,
    ready_bytes: Counter,
    unacknowledged_bytes: Counter,
    ram_bytes: Counter,
    consumers: Counter,
    /// Messages that were dropped, as of the last turn.
    dropped: Counter,
    /// There once a message was given up.
    dead_letters: OnceLock<Box<DeadLetterCounters>>,
}

impl QueueCounters {
    /// A message goes out; consumer 0 is a fetch.
    #[inline]
    pub(in crate::broker) fn hands_out(&self, consumer: ConsumerId, to_settle: bool, again: bool) {
        let counter = match (consumer, to_settle) {
            (ConsumerId(0), true) => &self.get,
            (ConsumerId(0), false) => &self.get_no_ack,
            (_, true) => &self.deliver,
            (_, false) => &self.deliver_no_ack,
        };
        counter.add(1);
        if again {
            self.redeliver.add(1);
        }
    }

    /// Messages are settled.
    #[inline]
    pub(in crate::broker) fn settles<P>(&self, command: &Command<P>) {
        if let Command::Settle { settlement: Settlement::Ack, messages, .. } = command {
            let runs = messages.iter();
            self.ack.add(runs.map(|(first, last)| last.0.saturating_sub(first.0) + 1).sum::<u64>());
        }
    }

    /// How the queue stands at the end of a turn, with so many bytes of it in RAM.
    #[inline]
    pub(in crate::broker) fn stands<P: Clone>(&self, machine: &Machine<P>, ram_bytes: u64) {
        self.ready.set(machine.ready());
        self.unacknowledged.set(machine.unsettled());
        self.ready_bytes.set(machine.ready_bytes());
        self.unacknowledged_bytes.set(machine.unsettled_bytes());
        self.ram_bytes.set(ram_bytes);
        self.consumers.set(machine.consumers());
        let dropped = machine.dropped();
        if dropped != self.dropped.get() {
            self.dropped.set(dropped);
            self.dead_letters().dropped(&machine.losses());
        }
    }

    /// A message is sent on instead of being dropped, once or until it is taken.
    pub(in crate::broker) fn gives_up(&self, reason: Reason, until_taken: bool) {
        self.dead_letters().sent(reason, until_taken);
    }

    /// For what is given up.
    pub(in crate::broker) fn dead_letters(&self) -> &DeadLetterCounters {
        self.dead_letters.get_or_init(Box::default)
    }

    /// The queue is gone, and what was in it with it.
    pub(in crate::broker) fn is_gone(&self) {
        let levels = [&self.ready, &self.unacknowledged, &self.ready_bytes];
        let more = [&self.unacknowledged_bytes, &self.ram_bytes, &self.consumers];
        levels.into_iter().chain(more).for_each(|level| level.set(0));
    }
}

impl Counted for QueueCounters {
    type Counts = QueueNumbers;

    fn counts(&self) -> QueueNumbers {
        QueueNumbers {
            traffic: Traffic {
                publish: self.publish.get(),
                deliver: self.deliver.get(),
                deliver_no_ack: self.deliver_no_ack.get(),
                get: self.get.get(),
                get_no_ack: self.get_no_ack.get(),
                get_empty: self.get_empty.get(),
                redeliver: self.redeliver.get(),
                ack: self.ack.get(),
            },
            levels: QueueLevels {
                ready: self.ready.get(),
                unacknowledged: self.unacknowledged.get(),
                ready_bytes: self.ready_bytes.get(),
                unacknowledged_bytes: self.unacknowledged_bytes.get(),
                ram_bytes: self.ram_bytes.get(),
                consumers: self.consumers.get(),
            },
            dead_letters: self.dead_letters.get().map(|dead| dead.counts()).unwrap_or_default(),
            queues: 1,
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.publish += other.publish;
        self.deliver += other.deliver;
        self.deliver_no_ack += other.deliver_no_ack;
        self.get += other.get;
        self.get_no_ack += other.get_no_ack;
        self.get_empty += other.get_empty;
        self.redeliver += other.redeliver;
        self.ack += other.ack;
    }
}

impl AddAssign for QueueLevels {
    fn add_assign(&mut self, other: Self) {
        self.ready += other.ready;
        self.unacknowledged += other.unacknowledged;
        self.ready_bytes += other.ready_bytes;
        self.unacknowledged_bytes += other.unacknowledged_bytes;
        self.ram_bytes += other.ram_bytes;
        self.consumers += other.consumers;
    }
}

impl AddAssign for QueueNumbers {
    fn add_assign(&mut self, other: Self) {
        self.traffic += other.traffic;
        self.levels += other.levels;
        self.dead_letters += other.dead_letters;
        self.queues += other.queues;
    }
}
