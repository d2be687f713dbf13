//! When messages came, without a moment kept for each: a few marks of an id and when it came.
//!
//! Ids only grow, so a message came between the mark before it and the one behind it. A mark is made when the
//! last one is older than a pause; what came behind it came within that pause. With too many marks the pause
//! doubles and marks that are too near to the one before are dropped, so the pause is always the error.

use std::collections::VecDeque;

use crate::base::limits::{ARRIVAL_MARK_PAUSE_MS, ARRIVAL_MARKS_MAX};
use crate::base::{MessageId, Millis};

/// See the module.
#[derive(Debug)]
pub(in crate::broker) struct Arrivals {
    /// Messages below this id were there before this moment.
    began: Mark,
    /// In ascending order.
    marks: VecDeque<Mark>,
    pause_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    id: MessageId,
    at: Millis,
}

/// When a message came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Not before this moment, except when `or_before`.
    pub at: Millis,
    /// It came before the broker began to look, so at some time before `at`.
    pub or_before: bool,
}

impl Arrivals {
    /// For a queue whose next message gets this id.
    pub(in crate::broker) fn new(next: MessageId, now: Millis) -> Self {
        let began = Mark { id: next, at: now };
        Self { began, marks: VecDeque::new(), pause_ms: ARRIVAL_MARK_PAUSE_MS }
    }

    /// Messages came, the first of them with this id. `oldest` is the oldest message that is there; with
    /// `None` nothing is, and nothing needs to be known.
    #[inline]
    pub(in crate::broker) fn note(
        &mut self,
        first: MessageId,
        now: Millis,
        oldest: impl FnOnce() -> Option<MessageId>,
    ) {
        if self.is_due(now) || self.pause_ms > ARRIVAL_MARK_PAUSE_MS {
            self.mark(first, now, oldest());
        }
    }

    #[inline(never)]
    fn mark(&mut self, first: MessageId, now: Millis, oldest: Option<MessageId>) {
        if oldest.is_none_or(|oldest| oldest >= first) {
            self.marks.clear();
            self.pause_ms = ARRIVAL_MARK_PAUSE_MS;
        }
        let Some(oldest) = oldest.filter(|_| self.is_due(now)) else { return };
        if self.marks.len() >= ARRIVAL_MARKS_MAX {
            while self.marks.get(1).is_some_and(|second| second.id <= oldest) {
                self.marks.pop_front();
            }
        }
        while self.marks.len() >= ARRIVAL_MARKS_MAX {
            self.pause_ms *= 2;
            let (pause_ms, mut last) = (self.pause_ms, None);
            self.marks.retain(|mark| {
                let keeps = last.is_none_or(|last: Millis| mark.at.since(last) >= pause_ms);
                if keeps {
                    last = Some(mark.at);
                }
                keeps
            });
        }
        self.marks.push_back(Mark { id: first, at: now });
    }

    fn is_due(&self, now: Millis) -> bool {
        self.marks.back().is_none_or(|last| now.since(last.at) >= self.pause_ms)
    }

    /// When the message with this id came; `None` when that is not known.
    pub(in crate::broker) fn of(&self, id: MessageId) -> Option<Arrival> {
        if id < self.began.id {
            return Some(Arrival { at: self.began.at, or_before: true });
        }
        let behind = self.marks.partition_point(|mark| mark.id <= id);
        let mark = self.marks.get(behind.checked_sub(1)?)?;
        Some(Arrival { at: mark.at, or_before: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages come at these moments, one each with the ids from 1, and all stay.
    fn arrivals(moments: &[u64]) -> Arrivals {
        let mut arrivals = Arrivals::new(MessageId(1), Millis(0));
        for (id, at) in (1..).zip(moments) {
            arrivals.note(MessageId(id), Millis(*at), || Some(MessageId(1)));
        }
        arrivals
    }

    #[test]
    fn a_message_is_known_to_have_come_within_the_pause_behind_its_mark() {
        let moments = [5, 6, 900, 1005, 1010, 90_000, 90_500, 91_200];
        let arrivals = arrivals(&moments);
        for (id, at) in (1..).zip(moments) {
            let told = arrivals.of(MessageId(id)).expect("it is known").at.0;
            assert!(told <= at && at - told < ARRIVAL_MARK_PAUSE_MS, "{id}: {told} for {at}");
        }
    }

    #[test]
    fn many_marks_become_fewer_and_the_error_stays_small_against_the_age() {
        let moments: Vec<u64> = (0..100_000).map(|at| at * 1000).collect();
        let arrivals = arrivals(&moments);
        assert!(arrivals.marks.len() <= ARRIVAL_MARKS_MAX, "{}", arrivals.marks.len());
        for (id, at) in (1..).zip(moments) {
            let told = arrivals.of(MessageId(id)).expect("it is known").at.0;
            assert!(told <= at && at - told <= arrivals.pause_ms, "{id}: {told} for {at}");
        }
        assert!(arrivals.pause_ms <= 100_000_000 / 16, "{}", arrivals.pause_ms);
        let (mut arrivals, new) = (arrivals, MessageId(100_001));
        arrivals.note(new, Millis(100_000_001), || Some(new));
        let arrival = Arrival { at: Millis(100_000_001), or_before: false };
        assert_eq!(arrivals.of(new), Some(arrival), "the queue was empty, so marks are fine again");
    }

    #[test]
    fn what_was_there_before_is_older_than_the_look_and_an_empty_queue_forgets() {
        let mut arrivals = Arrivals::new(MessageId(10), Millis(700));
        let before = Arrival { at: Millis(700), or_before: true };
        assert_eq!(arrivals.of(MessageId(9)), Some(before));
        assert_eq!(arrivals.of(MessageId(10)), None);
        arrivals.note(MessageId(10), Millis(800), || Some(MessageId(9)));
        let then = Arrival { at: Millis(800), or_before: false };
        assert_eq!(
            (arrivals.of(MessageId(9)), arrivals.of(MessageId(11))),
            (Some(before), Some(then))
        );
        arrivals.note(MessageId(12), Millis(2000), || None);
        assert_eq!(arrivals.of(MessageId(12)), None, "it was handed out at once");
    }
}
