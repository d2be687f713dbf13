//! How far behind a queue is, in time.
//!
//! Messages do not say when they came, and a field for each of them would cost memory that nearly nobody looks at. A
//! queue notes now and then how far its ids had got: a message with that id or a later one came then or later. So an
//! age is told that the message has at most, and that is at most as much too long as two notes are apart.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::Cell;
use crate::base::limits::{ARRIVAL_NOTES_MAX, ARRIVAL_NOTES_MS};
use crate::base::{MessageId, Millis};

/// How long messages of a queue wait, in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lag {
    /// Since the message that is handed out next came, if there is one. At most: up to a second too long, and more in
    /// a queue whose backlog lasts for more than a minute (one part in thirty-two of it).
    pub oldest_ready_ms: Option<u64>,
    /// Since the unsettled message that was handed out first was, if there is one.
    pub oldest_unacknowledged_ms: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::broker) struct Arrivals {
    /// In ascending order of both.
    notes: VecDeque<(MessageId, Millis)>,
    /// How far two notes are apart at least, in ms; doubled when there are too many.
    apart_ms: u64,
}

impl Arrivals {
    /// The next message that comes gets this id, and comes now or later.
    #[inline]
    pub(in crate::broker) fn note(&mut self, next: MessageId, now: Millis) {
        match self.notes.back_mut() {
            // None has come since.
            Some((id, at)) if *id == next => *at = now,
            Some((_, at)) if now.since(*at) < self.apart_ms => {}
            _ => self.push(next, now),
        }
    }

    #[cold]
    fn push(&mut self, next: MessageId, now: Millis) {
        self.apart_ms = self.apart_ms.max(ARRIVAL_NOTES_MS);
        self.notes.push_back((next, now));
        if self.notes.len() > ARRIVAL_NOTES_MAX {
            let mut place = 0;
            self.notes.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.apart_ms = self.apart_ms.saturating_mul(2);
        }
    }

    /// How long ago this message came, at most. What is older than it is forgotten.
    pub(in crate::broker) fn age_ms(&mut self, first: MessageId, now: Millis) -> Option<u64> {
        while self.notes.get(1).is_some_and(|(id, _)| *id <= first) {
            self.notes.pop_front();
        }
        if self.notes.len() < ARRIVAL_NOTES_MAX / 4 {
            self.apart_ms = ARRIVAL_NOTES_MS;
        }
        self.notes.front().map(|(_, at)| now.since(*at))
    }
}

impl Cell {
    /// How long messages wait here. Waits for a turn of the queue to end, unless nothing is in it.
    #[must_use]
    pub fn lag(self: &Arc<Self>, now: Millis) -> Lag {
        let levels = self.numbers().levels;
        if levels.ready + levels.unacknowledged == 0 {
            return Lag::default();
        }
        self.look(|core| {
            let first = core.machine.oldest_ready();
            let handed_out = core.machine.oldest_unsettled_at();
            Lag {
                oldest_ready_ms: first.and_then(|first| core.arrivals.age_ms(first, now)),
                oldest_unacknowledged_ms: handed_out.map(|at| now.since(at)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_at_most_one_distance_of_notes_too_long() {
        let mut arrivals = Arrivals::default();
        // A message each 100 ms for ten minutes, none of them taken.
        for id in 1..=6_000 {
            arrivals.note(MessageId(id), Millis(id * 100));
        }
        assert!(arrivals.notes.len() <= ARRIVAL_NOTES_MAX);
        let now = Millis(600_000);
        for id in [1, 2, 500, 3_333, 5_999] {
            let age = arrivals.age_ms(MessageId(id), now).expect("noted");
            let real = now.since(Millis(id * 100));
            assert!(age >= real && age - real <= 600_000 / 32, "{id}: {age} instead of {real}");
        }
    }

    #[test]
    fn a_message_after_silence_is_as_old_as_it_is() {
        let mut arrivals = Arrivals::default();
        arrivals.note(MessageId(1), Millis(0));
        arrivals.note(MessageId(2), Millis(10));
        // Both are gone; a turn at a later moment brings the next.
        arrivals.note(MessageId(2), Millis(90_000));
        assert_eq!(arrivals.age_ms(MessageId(2), Millis(91_000)), Some(1_000));
    }
}
