//! Messages that wait to be handed out, in order of their ids.
//!
//! Two parts. *Fresh* messages were never handed out: their ids are consecutive up to the newest, so
//! only the newest is stored. *Returned* ones were, and are therefore older than every fresh one (Q2):
//! an ordered map that is consumed first puts each back at its old place without touching the fresh.

use std::collections::BTreeMap;

use crate::base::MessageId;

use super::chunks::Chunks;
use super::entry::Entry;

/// The ready messages of one queue. It also gives the ids.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ready<P> {
    fresh: Chunks<Entry<P>>,
    returned: BTreeMap<MessageId, Entry<P>>,
    /// The id of the next message to come.
    next: MessageId,
    bytes: u64,
}

impl<P> Ready<P> {
    pub(super) fn new() -> Self {
        Self { fresh: Chunks::new(), returned: BTreeMap::new(), next: MessageId(1), bytes: 0 }
    }

    /// Takes a new message and gives it its id.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<P>) -> MessageId {
        let id = self.next;
        self.next = id.next();
        self.bytes += entry.facts.bytes;
        self.fresh.push_back(entry);
        id
    }

    /// Takes the oldest message out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(MessageId, Entry<P>)> {
        if !self.returned.is_empty() {
            return self.pop_returned();
        }
        let id = self.first_fresh();
        let entry = self.fresh.pop_front()?;
        self.bytes -= entry.facts.bytes;
        Some((id, entry))
    }

    /// Puts a message that was handed out back to its old place.
    pub(super) fn put_back(&mut self, id: MessageId, entry: Entry<P>) {
        assert!(id < self.first_fresh(), "a returned message is older than every fresh one (Q2)");
        self.bytes += entry.facts.bytes;
        let twin = self.returned.insert(id, entry);
        assert!(twin.is_none(), "a message is in one place only (Q1)");
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.len() == 0 && self.returned.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        (self.fresh.len() + self.returned.len()) as u64
    }

    /// The bytes that its messages cost.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Looks at the messages of a run of ids, both ends included.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        for (id, entry) in self.returned.range_mut(first..=last) {
            each(*id, entry);
        }
        let fresh = self.first_fresh().0;
        let place = |id: u64| usize::try_from(id.saturating_sub(fresh)).unwrap_or(usize::MAX);
        self.fresh.visit(place(first.0)..place(last.0.saturating_add(1)), |place, entry| {
            each(MessageId(fresh + place as u64), entry);
        });
    }

    /// The oldest first.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        let returned = self.returned.iter().map(|(id, entry)| (*id, entry));
        let ids = (self.first_fresh().0..).map(MessageId);
        returned.chain(ids.zip(self.fresh.iter()))
    }

    #[cold]
    fn pop_returned(&mut self) -> Option<(MessageId, Entry<P>)> {
        let (id, entry) = self.returned.pop_first()?;
        self.bytes -= entry.facts.bytes;
        Some((id, entry))
    }

    /// The id of the first fresh message; of the next to come when there is none.
    #[inline]
    fn first_fresh(&self) -> MessageId {
        MessageId(self.next.0 - self.fresh.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Facts;
    use super::*;

    fn entry(payload: u64) -> Entry<u64> {
        Entry { payload, facts: Facts::new(payload, false) }
    }

    fn drained(ready: &mut Ready<u64>) -> Vec<u64> {
        std::iter::from_fn(|| ready.pop()).map(|(id, _)| id.0).collect()
    }

    /// Q2.
    #[test]
    fn a_returned_message_comes_before_younger_ones_whatever_the_order_of_return() {
        let mut ready = Ready::new();
        for payload in 1..=5 {
            ready.push(entry(payload));
        }
        let mut out: Vec<_> = (0..4).filter_map(|_| ready.pop()).collect();
        for index in [2, 0, 0] {
            let (id, entry) = out.remove(index);
            ready.put_back(id, entry);
        }
        assert_eq!(ready.bytes(), 3 + 1 + 2 + 5);
        assert_eq!(ready.len(), 4);
        assert_eq!(drained(&mut ready), [1, 2, 3, 5]);
        assert_eq!(ready.bytes(), 0);
        assert_eq!(ready.push(entry(0)), MessageId(6), "ids are never used again");
    }

    #[test]
    fn a_waiting_message_costs_24_bytes_with_a_handle_of_8() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }
}
