//! The single active consumer (rabbitmq: consumers.md, single active consumer): one is given messages,
//! the others stand by. When it leaves, the one with the highest priority follows, and among equals the
//! one that came first; a newcomer of higher priority waits, as for classic queues.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::base::ConsumerId;

use super::{Effect, Effects, Machine};

/// Who is active, and who stands by. Not used in a queue that serves everybody.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Standby {
    active: Option<ConsumerId>,
    /// By priority and order of arrival.
    others: BTreeSet<(Reverse<i32>, u64, ConsumerId)>,
    /// Who was named active last.
    named: Option<ConsumerId>,
}

impl Standby {
    pub(super) fn new() -> Self {
        Self { active: None, others: BTreeSet::new(), named: None }
    }

    pub(super) fn active(&self) -> Option<ConsumerId> {
        self.active
    }

    /// One more stands by.
    pub(super) fn join(&mut self, priority: i32, arrival: u64, consumer: ConsumerId) {
        self.others.insert((Reverse(priority), arrival, consumer));
    }

    /// One leaves.
    pub(super) fn leave(&mut self, priority: i32, arrival: u64, consumer: ConsumerId) {
        if self.active == Some(consumer) {
            self.active = None;
        } else {
            self.others.remove(&(Reverse(priority), arrival, consumer));
        }
    }

    /// Who becomes active now, if nobody is.
    pub(super) fn promote(&mut self) -> Option<ConsumerId> {
        if self.active.is_some() {
            return None;
        }
        self.active = self.others.pop_first().map(|(_, _, consumer)| consumer);
        self.active
    }

    /// Whether the active one is another than was said last; it counts as said then.
    fn changed(&mut self) -> bool {
        let changed = self.named != self.active;
        self.named = self.active;
        changed
    }
}

impl<P: Clone> Machine<P> {
    /// The consumer that is given messages, in a queue with a single active consumer.
    #[must_use]
    pub fn active_consumer(&self) -> Option<ConsumerId> {
        self.consumers.standby.active()
    }

    /// Consumers came or left: sees to it that one is active, and says so when it is another.
    pub(super) fn elect(&mut self, effects: &mut Effects<P>) {
        if !self.config.single_active {
            return;
        }
        self.consumers.promote();
        if self.consumers.standby.changed() {
            effects.push(Effect::ActiveConsumer { consumer: self.active_consumer() });
        }
    }
}
