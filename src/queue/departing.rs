//! Messages that the queue gives up: dropped, or on their way to somebody else (Q11).

use std::collections::BTreeMap;

use crate::base::MessageId;

use super::entry::{Entry, Facts};
use super::releases::Leaving;
use super::{DeadLetter, Effect, Effects, Machine, Reason};

/// Dead letters that have not arrived yet: neither ready nor unsettled.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Departing<P> {
    messages: BTreeMap<MessageId, Entry<P>>,
    bytes: u64,
}

impl<P> Departing<P> {
    pub(super) fn new() -> Self {
        Self { messages: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.messages.len() as u64
    }

    /// The bytes that its messages cost.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes out the first message of a run of ids, both ends included.
    pub(super) fn take_first(
        &mut self,
        first: MessageId,
        last: MessageId,
    ) -> Option<(MessageId, Facts)> {
        if first > last {
            return None;
        }
        let (&id, entry) = self.messages.range(first..=last).next()?;
        let facts = entry.facts;
        self.messages.remove(&id);
        self.bytes -= facts.bytes;
        Some((id, facts))
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

    /// Its messages, in order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        self.messages.iter().map(|(id, entry)| (*id, entry))
    }

    fn insert(&mut self, id: MessageId, entry: Entry<P>) {
        self.bytes += entry.facts.bytes;
        let twin = self.messages.insert(id, entry);
        assert!(twin.is_none(), "a message is in one place only (Q1)");
    }
}

/// Messages that a queue without dead letters dropped, by reason: they are lost, so they are counted.
/// Counts from the start of the machine, not kept over a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// Rejected by a consumer.
    pub rejected: u64,
    /// Waited too long.
    pub expired: u64,
    /// Dropped because the queue was longer than it may be.
    pub max_len: u64,
    /// Its attempts failed too often.
    pub delivery_limit: u64,
    /// Never taken because the queue was full, and nobody waited for a confirm to hear of it.
    pub refused: u64,
}

impl Losses {
    fn count(&mut self, reason: Reason) {
        match reason {
            Reason::Rejected => self.rejected += 1,
            Reason::Expired => self.expired += 1,
            Reason::MaxLen => self.max_len += 1,
            Reason::DeliveryLimit => self.delivery_limit += 1,
            Reason::Due => {}
        }
    }
}

impl<P: Clone> Machine<P> {
    /// Dead letters that were handed to the driver and have not arrived yet ([`Effect::DeadLetter`]).
    /// They are in RAM: a driver that is slow to pass them on holds its publishers back by this.
    #[must_use]
    pub fn departing(&self) -> u64 {
        self.departing.len()
    }

    /// The bytes that dead letters on their way cost.
    #[must_use]
    pub fn departing_bytes(&self) -> u64 {
        self.departing.bytes()
    }

    /// How many messages were dropped so far, whatever for.
    #[must_use]
    #[inline]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was dropped so far, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Whether messages that are given up go to somebody else.
    pub(super) fn has_dead_letters(&self) -> bool {
        self.config.dead_letter != DeadLetter::Drop
    }

    /// Whether nothing more is given up of the queue's own accord for now.
    pub(super) fn holds_back(&self) -> bool {
        match self.config.dead_letter {
            DeadLetter::Drop | DeadLetter::AtMostOnce => false,
            DeadLetter::AtLeastOnce { departing_max } => self.departing() >= departing_max.into(),
        }
    }

    /// Gives up a message that was just taken out of its place.
    pub(super) fn give_up(
        &mut self,
        reason: Reason,
        id: MessageId,
        mut entry: Entry<P>,
        leaving: &mut Leaving,
        effects: &mut Effects<P>,
    ) {
        let facts = entry.facts;
        if self.config.dead_letter == DeadLetter::Drop && reason != Reason::Due {
            self.losses.count(reason);
            self.dropped += 1;
            return leaving.let_go(&mut self.waiting, id, facts, effects);
        }
        let (payload, delivery_count) = (entry.payload.clone(), facts.delivery_count());
        effects.push(Effect::DeadLetter { id, payload, reason, delivery_count });
        if facts.expires() {
            entry.facts.set_expires(false);
            self.expiries.forget(id);
        }
        self.departing.insert(id, entry);
    }

    /// Dead letters have arrived.
    pub(super) fn departed(
        &mut self,
        runs: &[(MessageId, MessageId)],
        leaving: &mut Leaving,
        effects: &mut Effects<P>,
    ) {
        for &(first, last) in runs {
            while let Some((id, facts)) = self.departing.take_first(first, last) {
                leaving.let_go(&mut self.waiting, id, facts, effects);
            }
        }
    }
}
