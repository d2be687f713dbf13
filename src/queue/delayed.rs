//! Messages that wait for a moment before they are ready (Q16): returned ones whose next attempt is
//! delayed (rabbitmq: quorum-queues.md, delayed retry), and new ones that are due later.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits::QUEUE_STEP_MESSAGES_MAX;
use crate::base::{MessageId, Millis};

use super::entry::Entry;
use super::releases::Leaving;
use super::{Attempt, Effects, Machine, Reason, WhenDue};

/// Neither ready nor unsettled. Empty for a plain queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Delayed<P> {
    messages: BTreeMap<MessageId, Entry<P>>,
    order: BTreeSet<(Millis, MessageId)>,
    bytes: u64,
}

impl<P> Delayed<P> {
    pub(super) fn new() -> Self {
        Self { messages: BTreeMap::new(), order: BTreeSet::new(), bytes: 0 }
    }

    /// One more waits.
    pub(super) fn insert(&mut self, until: Millis, id: MessageId, entry: Entry<P>) {
        self.bytes += entry.facts.bytes;
        self.order.insert((until, id));
        let twin = self.messages.insert(id, entry);
        assert!(twin.is_none(), "a message is in one place only (Q1)");
    }

    /// Bytes of their places, which stay in RAM when their bodies do not: the entries and keys of two
    /// ordered collections, whose nodes are half full when they come in order.
    pub(super) fn place_bytes(&self) -> u64 {
        let place = size_of::<(MessageId, Entry<P>)>() + size_of::<(Millis, MessageId)>();
        (self.messages.len() * place * 2) as u64
    }

    /// Takes out the first whose moment is this one or lies before it.
    pub(super) fn pop(&mut self, now: Millis) -> Option<(MessageId, Entry<P>)> {
        let &(until, id) = self.order.first()?;
        if until > now {
            return None;
        }
        self.order.pop_first();
        let entry = self.messages.remove(&id)?;
        self.bytes -= entry.facts.bytes;
        Some((id, entry))
    }

    /// Looks at the messages of a run of ids, both ends included.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        for (id, entry) in self.messages.range_mut(first..=last) {
            each(*id, entry);
        }
    }

    /// Its messages, in order of their ids.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        assert_eq!(self.messages.len(), self.order.len());
        self.messages.iter().map(|(id, entry)| (*id, entry))
    }
}

impl<P: Clone> Machine<P> {
    /// Messages that wait for their moment. They are in RAM, except for their bodies.
    #[must_use]
    pub fn delayed(&self) -> u64 {
        self.delayed.messages.len() as u64
    }

    /// The bytes that messages which wait for their moment cost.
    #[must_use]
    pub fn delayed_bytes(&self) -> u64 {
        self.delayed.bytes
    }

    /// Messages that wait, by their moment and then by their id, from this place on.
    pub fn delayed_from(
        &self,
        until: Millis,
        id: MessageId,
    ) -> impl Iterator<Item = (Millis, MessageId, &P)> {
        let Delayed { messages, order, .. } = &self.delayed;
        order
            .range((until, id)..)
            .filter_map(|(until, id)| messages.get(id).map(|entry| (*until, *id, &entry.payload)))
    }

    /// When the first of them is ready.
    pub(super) fn first_due(&self) -> Option<Millis> {
        let stuck = self.config.due == WhenDue::Forward && self.holds_back();
        if stuck { None } else { self.delayed.order.first().map(|(until, _)| *until) }
    }

    /// What is due is ready, or departs; as much as fits in one call.
    #[inline(never)]
    pub(super) fn wake(&mut self, now: Millis, effects: &mut Effects<P>) {
        let mut leaving = Leaving::new();
        for _ in 0..QUEUE_STEP_MESSAGES_MAX {
            if self.first_due().is_none() {
                break;
            }
            let Some((id, entry)) = self.delayed.pop(now) else { break };
            if self.config.due == WhenDue::Forward {
                self.give_up(Reason::Due, id, entry, &mut leaving, effects);
            } else {
                self.ready.put_back(id, entry);
            }
        }
        self.finish(leaving, effects);
    }

    /// Until when a message that returns has to wait, if it has to. `failed` of its attempts have failed;
    /// one that was only given back waits for as long as after the first of them.
    pub(super) fn retry_at(&self, now: Millis, failed: u32, attempt: Attempt) -> Option<Millis> {
        let retry = self.config.delayed_retry?;
        let delay = (u64::from(retry.min) * u64::from(failed.max(1))).min(retry.max.into());
        let applies = delay > 0 && retry.only.is_none_or(|only| only == attempt);
        applies.then(|| now.after(delay))
    }
}
