//! The consumers of a queue: who is there, who may be given a message, whose turn it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{ConsumerId, HolderId};

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
}

impl Attached {
    /// Q4: open, and with credit of its own.
    #[inline]
    pub(super) fn can_take(&self) -> bool {
        self.flow == Flow::Open
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
    pub(super) fn new() -> Self {
        Self {
            slab: Slab::new(),
            by_id: BTreeMap::new(),
            by_holder: BTreeSet::new(),
            turns: Ring::new(),
            access: Access::Shared,
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
        let attached = Attached { consumer, holder_key, unsettled: 0, flow: Flow::Open };
        let key = self.slab.insert(attached);
        let twin = self.by_id.insert(consumer.id, key);
        assert!(twin.is_none(), "a consumer id is used once");
        self.by_holder.insert((consumer.holder, consumer.id));
        self.access = consumer.access;
        self.turns.insert(key.index());
    }

    /// A consumer goes, if it is there.
    pub(super) fn detach(&mut self, consumer: ConsumerId) -> Option<Attached> {
        let key = self.by_id.remove(&consumer)?;
        self.turns.remove(key.index());
        let attached = self.slab.remove(key)?;
        self.by_holder.remove(&(attached.consumer.holder, consumer));
        Some(attached)
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
        let can_take = attached.can_take();
        if !can_take {
            self.turns.remove(key.index());
        } else if !self.turns.contains(key.index()) {
            self.turns.insert(key.index());
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
            self.turns.insert(key.index());
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
            let Consumer { id, holder, acknowledge, .. } = attached.consumer;
            let turn = Turn { consumer: id, holder, holder_key: attached.holder_key, credit: None };
            let Acknowledge::Manual { prefetch, shared } = acknowledge else {
                self.turns.turn();
                return Some(turn);
            };
            if shared && !credit.try_take(holder) {
                attached.flow = Flow::Held;
                self.turns.remove(place);
                continue;
            }
            attached.unsettled += 1;
            assert!(attached.unsettled <= prefetch, "never more than the prefetch is open (Q5)");
            if attached.unsettled == prefetch {
                self.turns.remove(place);
            } else {
                self.turns.turn();
            }
            return Some(Turn { credit: Some(consumer_key), ..turn });
        }
        None
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
