//! The consumers of a queue: who is there, who may be given a message, whose turn it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{ConsumerId, HolderId};

use super::active::Standby;
use super::ring::Ring;
use super::slab::{Key, Slab};
use super::{Access, Acknowledge, Consumer, Flow, SharedCredit};

/// The consumers of one queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Consumers {
    slab: Slab<Attached>,
    by_id: BTreeMap<ConsumerId, Key>,
    by_holder: BTreeSet<(HolderId, ConsumerId)>,
    /// Those that can take a message (Q4).
    turns: Ring,
    /// How the only consumer, or all of them, came (Q7).
    access: Access,
    /// Whether only one is given messages.
    single_active: bool,
    pub(super) standby: Standby,
    /// How many ever came.
    arrivals: u64,
}

/// A consumer and what changes about it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Attached {
    /// As it was attached.
    pub(super) consumer: Consumer,
    /// The record of its holder among the unsettled.
    pub(super) holder_key: Key,
    /// Unsettled messages that it was given.
    pub(super) unsettled: u32,
    /// Whether it may be given messages.
    pub(super) flow: Flow,
    /// Whether another one is the single active consumer.
    pub(super) stands_by: bool,
    /// How many came before it.
    arrival: u64,
}

impl Attached {
    /// Q4: open, with credit of its own, and not standing by.
    #[inline]
    pub(super) fn can_take(&self) -> bool {
        self.flow == Flow::Open
            && !self.stands_by
            && match self.consumer.acknowledge {
                Acknowledge::Automatic => true,
                Acknowledge::Manual { prefetch, .. } => self.unsettled < prefetch,
            }
    }
}

/// One consumer's turn to be given one message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Turn {
    /// Who.
    pub(super) consumer: ConsumerId,
    /// Who holds what it is given.
    pub(super) holder: HolderId,
    /// The record of the holder.
    pub(super) holder_key: Key,
    /// Whose credit the message uses; `None` when it needs no ack.
    pub(super) credit: Option<Key>,
}

impl Consumers {
    pub(super) fn new(single_active: bool) -> Self {
        Self {
            slab: Slab::new(),
            by_id: BTreeMap::new(),
            by_holder: BTreeSet::new(),
            turns: Ring::new(),
            access: Access::Shared,
            single_active,
            standby: Standby::new(),
            arrivals: 0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.by_id.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether somebody can take a message, shared credit aside.
    #[inline]
    pub(super) fn has_turn(&self) -> bool {
        self.turns.first().is_some()
    }

    /// How many messages could be handed out now, shared credit aside; the highest number when somebody
    /// settles nothing.
    pub(super) fn credit(&self) -> u64 {
        let able = self.by_id.values().filter_map(|key| self.slab.get(*key));
        able.filter(|attached| attached.can_take()).fold(0, |sum, attached| {
            sum.saturating_add(match attached.consumer.acknowledge {
                Acknowledge::Automatic => u64::MAX,
                Acknowledge::Manual { prefetch, .. } => (prefetch - attached.unsettled).into(),
            })
        })
    }

    /// Whether a consumer that asks for `access` may come (Q7).
    pub(super) fn admits(&self, access: Access) -> bool {
        self.is_empty() || (self.access == Access::Shared && access == Access::Shared)
    }

    /// A consumer comes; it must be admitted.
    pub(super) fn attach(&mut self, consumer: Consumer, holder_key: Key) {
        assert!(self.admits(consumer.access), "an exclusive consumer is alone (Q7)");
        if let Acknowledge::Manual { prefetch, .. } = consumer.acknowledge {
            assert!(prefetch > 0, "the driver puts its own bound in for a prefetch of 0");
        }
        let (arrival, stands_by) = (self.arrivals, self.single_active);
        self.arrivals += 1;
        let (unsettled, flow) = (0, Flow::Open);
        let attached = Attached { consumer, holder_key, unsettled, flow, stands_by, arrival };
        let key = self.slab.insert(attached);
        let twin = self.by_id.insert(consumer.id, key);
        assert!(twin.is_none(), "a consumer id is used once");
        self.by_holder.insert((consumer.holder, consumer.id));
        self.access = consumer.access;
        if stands_by {
            self.standby.join(consumer.priority, arrival, consumer.id);
        } else {
            self.turns.insert(key.index(), consumer.priority);
        }
    }

    /// If nobody is active, somebody who stands by becomes it.
    pub(super) fn promote(&mut self) {
        let Some(consumer) = self.standby.promote() else { return };
        let Some(&key) = self.by_id.get(&consumer) else { return };
        if let Some(attached) = self.slab.get_mut(key) {
            attached.stands_by = false;
            if attached.can_take() {
                self.turns.insert(key.index(), attached.consumer.priority);
            }
        }
    }

    /// A consumer goes, if it is there.
    pub(super) fn detach(&mut self, consumer: ConsumerId) -> Option<Attached> {
        let key = self.by_id.remove(&consumer)?;
        let attached = self.slab.remove(key)?;
        let priority = attached.consumer.priority;
        self.turns.remove(key.index(), priority);
        if self.single_active {
            self.standby.leave(priority, attached.arrival, consumer);
        }
        self.by_holder.remove(&(attached.consumer.holder, consumer));
        Some(attached)
    }

    /// The consumer with this key, unless it is gone.
    pub(super) fn get(&self, key: Key) -> Option<&Consumer> {
        self.slab.get(key).map(|attached| &attached.consumer)
    }

    /// Every consumer.
    pub(super) fn all(&self) -> impl Iterator<Item = &Consumer> {
        self.by_id.values().filter_map(|key| self.get(*key))
    }

    /// The first consumer of this holder.
    pub(super) fn first_of(&self, holder: HolderId) -> Option<ConsumerId> {
        let mut of_holder = self.by_holder.range((holder, ConsumerId(0))..);
        of_holder.next().filter(|(of, _)| *of == holder).map(|(_, consumer)| *consumer)
    }

    /// The first consumer of all.
    pub(super) fn first(&self) -> Option<ConsumerId> {
        self.by_id.keys().next().copied()
    }

    /// Opens or holds a consumer, if it is there.
    pub(super) fn set_flow(&mut self, consumer: ConsumerId, flow: Flow) {
        let Some(&key) = self.by_id.get(&consumer) else { return };
        let Some(attached) = self.slab.get_mut(key) else { return };
        attached.flow = flow;
        let priority = attached.consumer.priority;
        if !attached.can_take() {
            self.turns.remove(key.index(), priority);
        } else if !self.turns.contains(key.index()) {
            self.turns.insert(key.index(), priority);
        }
    }

    /// A message of this consumer is settled: its credit returns, unless it is gone.
    #[inline]
    pub(super) fn give_back(&mut self, consumer: Option<Key>) {
        let Some(key) = consumer else { return };
        let Some(attached) = self.slab.get_mut(key) else { return };
        assert!(attached.unsettled > 0, "credit returns once per message (Q5)");
        attached.unsettled -= 1;
        if attached.can_take() && !self.turns.contains(key.index()) {
            self.turns.insert(key.index(), attached.consumer.priority);
        }
    }

    /// The next consumer that takes a message, its credit taken. Whoever is refused by the shared
    /// credit is held until [`super::Command::Flow`] opens it.
    #[inline]
    pub(super) fn take_turn(&mut self, credit: &mut dyn SharedCredit) -> Option<Turn> {
        while let Some(place) = self.turns.first() {
            let Some((consumer_key, attached)) = self.slab.at_mut(place) else {
                panic!("the circle holds attached consumers only (Q4)");
            };
            let Consumer { id, holder, acknowledge, priority, .. } = attached.consumer;
            let turn = Turn { consumer: id, holder, holder_key: attached.holder_key, credit: None };
            let Acknowledge::Manual { prefetch, shared } = acknowledge else {
                self.turns.turn();
                return Some(turn);
            };
            if shared && !credit.try_take(holder) {
                attached.flow = Flow::Held;
                self.turns.remove(place, priority);
                continue;
            }
            attached.unsettled += 1;
            assert!(attached.unsettled <= prefetch, "never more than the prefetch is open (Q5)");
            if attached.unsettled == prefetch {
                self.turns.remove(place, priority);
            } else {
                self.turns.turn();
            }
            return Some(Turn { credit: Some(consumer_key), ..turn });
        }
        None
    }

    /// Every consumer in the order of their ids.
    pub(super) fn attached(&self) -> impl Iterator<Item = &Attached> {
        self.by_id.values().filter_map(|key| self.slab.get(*key))
    }

    /// Every consumer, its key, and whether it is in the circle.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Attached, bool)> {
        assert_eq!(self.slab.len(), self.by_id.len());
        assert_eq!(self.by_holder.len(), self.by_id.len());
        self.by_id.values().map(|key| {
            let attached = self.slab.get(*key).expect("an indexed consumer is in the slab");
            (*key, attached, self.turns.contains(key.index()))
        })
    }
}
