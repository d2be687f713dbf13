//! A first-in-first-out list in pieces, for queues that may be one message or millions long.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

/// A first-in-first-out list in pieces: a long list grows without a copy of what is there, and gives
/// its memory back piece by piece. A short one is a single ring that is used again and again.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Chunks<T> {
    head: VecDeque<T>,
    /// What does not fit in `head`; none of them is empty between two calls.
    rest: VecDeque<VecDeque<T>>,
    /// An empty piece, kept so that a list at the edge of a piece does not allocate at every turn.
    spare: VecDeque<T>,
    len: usize,
}

impl<T> Chunks<T> {
    pub(super) fn new() -> Self {
        Self { head: VecDeque::new(), rest: VecDeque::new(), spare: VecDeque::new(), len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as a call it costs half as much again, in registers saved and words moved"
    )]
    pub(super) fn push_back(&mut self, value: T) {
        self.len += 1;
        // One place that writes the value: so it is written from registers, and not put on the stack
        // first to be handed to one of two.
        let piece = if self.rest.is_empty() && self.head.len() < CHUNK_ENTRIES {
            &mut self.head
        } else {
            self.last_of_rest()
        };
        piece.push_back(value);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `push_back`")]
    pub(super) fn pop_front(&mut self) -> Option<T> {
        let value = self.head.pop_front()?;
        self.len -= 1;
        if self.head.is_empty() && !self.rest.is_empty() {
            self.next_chunk();
        }
        Some(value)
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.head.front()
    }

    /// The values from this place on.
    pub(super) fn from(&self, start: usize) -> impl Iterator<Item = &T> {
        let in_head = self.head.len();
        let head = self.head.range(start.min(in_head)..);
        let start = start.saturating_sub(in_head);
        let (pieces, within) = (start / CHUNK_ENTRIES, start % CHUNK_ENTRIES);
        let rest = self.rest.iter().skip(pieces).enumerate();
        head.chain(rest.flat_map(move |(piece, values)| {
            let skipped = if piece == 0 { within.min(values.len()) } else { 0 };
            values.range(skipped..)
        }))
    }

    /// Looks at the values at these places, and at none beyond the end.
    pub(super) fn visit(&mut self, places: Range<usize>, mut each: impl FnMut(usize, &mut T)) {
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

    /// The last piece behind the head, with room for one more.
    fn last_of_rest(&mut self) -> &mut VecDeque<T> {
        if self.rest.back().is_none_or(|last| last.len() >= CHUNK_ENTRIES) {
            let mut chunk = mem::take(&mut self.spare);
            chunk.reserve_exact(CHUNK_ENTRIES);
            self.rest.push_back(chunk);
        }
        let Some(last) = self.rest.back_mut() else { panic!("there is a piece by now") };
        last
    }

    fn next_chunk(&mut self) {
        if let Some(chunk) = self.rest.pop_front() {
            self.spare = mem::replace(&mut self.head, chunk);
        }
        if self.rest.is_empty() && self.rest.capacity() > CHUNK_ENTRIES {
            self.rest = VecDeque::new();
        }
    }

    /// Bytes that its pieces take up, used or not.
    #[cfg(test)]
    pub(super) fn ram_cost(&self) -> usize {
        let rest = self.rest.iter().map(VecDeque::capacity).sum::<usize>();
        let values = self.head.capacity() + rest + self.spare.capacity();
        values * size_of::<T>() + self.rest.capacity() * size_of::<VecDeque<T>>()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.head.iter().chain(self.rest.iter().flatten())
    }
}

/// Entries of one piece: large enough that the pieces cost nothing, small enough to be given back soon.
const CHUNK_ENTRIES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

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
    fn values_are_shown_from_any_place_on() {
        let mut chunks = Chunks::new();
        let count = 3 * CHUNK_ENTRIES + 100;
        (0..count).for_each(|value| chunks.push_back(value));
        let gone = CHUNK_ENTRIES / 2;
        (0..gone).for_each(|_| assert!(chunks.pop_front().is_some()));
        let edge = CHUNK_ENTRIES - gone;
        for start in [0, 1, edge - 1, edge, edge + 1, edge + CHUNK_ENTRIES, chunks.len()] {
            let shown: Vec<_> = chunks.from(start).copied().collect();
            assert_eq!(shown, (start + gone..count).collect::<Vec<_>>(), "from {start}");
        }
        assert_eq!(chunks.from(usize::MAX).count(), 0);
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
}
