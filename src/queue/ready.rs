//! Messages that wait to be handed out, in order of their ids.
//!
//! Two parts. *Fresh* messages were never handed out: their ids are consecutive up to the newest, so
//! only the newest is stored. *Returned* ones were, and are therefore older than every fresh one (Q2):
//! an ordered map that is consumed first puts each back at its old place without touching the fresh.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Range;

use crate::base::MessageId;

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

/// A first-in-first-out list in pieces: a long list grows without a copy of what is there, and gives
/// its memory back piece by piece. A short one is a single ring that is used again and again.
#[derive(Clone, PartialEq, Debug)]
struct Chunks<T> {
    head: VecDeque<T>,
    /// What does not fit in `head`; none of them is empty.
    rest: VecDeque<VecDeque<T>>,
    /// An empty piece, kept so that a list at the edge of a piece does not allocate at every turn.
    spare: VecDeque<T>,
    len: usize,
}

impl<T> Chunks<T> {
    fn new() -> Self {
        Self { head: VecDeque::new(), rest: VecDeque::new(), spare: VecDeque::new(), len: 0 }
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn push_back(&mut self, value: T) {
        self.len += 1;
        if self.rest.is_empty() && self.head.len() < CHUNK_ENTRIES {
            self.head.push_back(value);
        } else {
            self.push_rest(value);
        }
    }

    #[inline]
    fn pop_front(&mut self) -> Option<T> {
        let value = self.head.pop_front()?;
        self.len -= 1;
        if self.head.is_empty() && !self.rest.is_empty() {
            self.next_chunk();
        }
        Some(value)
    }

    /// Looks at the values at these places, and at none beyond the end.
    fn visit(&mut self, places: Range<usize>, mut each: impl FnMut(usize, &mut T)) {
        let Range { start, end } = places;
        let in_head = self.head.len();
        for place in start..end.min(in_head) {
            each(place, &mut self.head[place]);
        }
        let skipped = start.saturating_sub(in_head) / CHUNK_ENTRIES;
        let chunks = self.rest.iter_mut().enumerate().skip(skipped);
        for (base, chunk) in chunks.map(|(at, chunk)| (in_head + at * CHUNK_ENTRIES, chunk)) {
            if base >= end {
                break;
            }
            for place in start.max(base)..end.min(base + chunk.len()) {
                each(place, &mut chunk[place - base]);
            }
        }
    }

    fn push_rest(&mut self, value: T) {
        if let Some(last) = self.rest.back_mut()
            && last.len() < CHUNK_ENTRIES
        {
            last.push_back(value);
            return;
        }
        let mut chunk = mem::take(&mut self.spare);
        chunk.reserve_exact(CHUNK_ENTRIES);
        chunk.push_back(value);
        self.rest.push_back(chunk);
    }

    fn next_chunk(&mut self) {
        if let Some(chunk) = self.rest.pop_front() {
            self.spare = mem::replace(&mut self.head, chunk);
        }
        if self.rest.is_empty() && self.rest.capacity() > CHUNK_ENTRIES {
            self.rest = VecDeque::new();
        }
    }

    #[cfg(test)]
    fn iter(&self) -> impl Iterator<Item = &T> {
        self.head.iter().chain(self.rest.iter().flatten())
    }
}

/// Entries of one piece: large enough that the pieces cost nothing, small enough to be given back soon.
const CHUNK_ENTRIES: usize = 1024;

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
    fn a_list_of_several_pieces_keeps_its_order_and_gives_the_pieces_back() {
        let mut chunks = Chunks::new();
        let count = 5 * CHUNK_ENTRIES + 7;
        let mut out = Vec::new();
        for value in 0..count {
            chunks.push_back(value);
            if value % 3 == 0 {
                out.extend(chunks.pop_front());
            }
        }
        assert_eq!(chunks.iter().count(), chunks.len());
        out.extend(std::iter::from_fn(|| chunks.pop_front()));
        assert_eq!(out, (0..count).collect::<Vec<_>>());
        assert_eq!((chunks.len(), chunks.rest.len()), (0, 0));
    }

    #[test]
    fn a_visit_sees_what_is_in_the_run_and_nothing_else() {
        let mut chunks = Chunks::new();
        let count = 3 * CHUNK_ENTRIES + 100;
        (0..count).for_each(|value| chunks.push_back(value));
        let gone = CHUNK_ENTRIES / 2;
        (0..gone).for_each(|_| assert!(chunks.pop_front().is_some()));
        let edge = CHUNK_ENTRIES - gone;
        for places in [0..1, 0..edge, edge - 1..edge + 1, edge..edge + CHUNK_ENTRIES + 1] {
            let mut seen = Vec::new();
            chunks.visit(places.clone(), |place, value| {
                assert_eq!(*value, place + gone);
                seen.push(place);
            });
            assert_eq!(seen, places.collect::<Vec<_>>());
        }
        let mut seen = 0;
        chunks.visit(0..usize::MAX, |_, _| seen += 1);
        chunks.visit(chunks.len()..usize::MAX, |_, _| panic!("beyond the end"));
        chunks.visit(Range { start: 9, end: 3 }, |_, _| panic!("an empty run"));
        assert_eq!(seen, chunks.len());
    }

    #[test]
    fn a_waiting_message_costs_24_bytes_with_a_handle_of_8() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }
}
