//! Publisher confirms of one channel (rabbitmq: confirms.md).
//!
//! A publish is *open* until the broker said how many queues it reached and each of them confirmed
//! it. What is closed is written once per turn: the closed front of the list as few acks with
//! `multiple`, what lies behind an open one as single acks.
//!
//! - P3: every sequence number is answered exactly once, by an ack or a nack that covers it.
//! - P4: a number is answered only after all queues that it reached have answered.

use std::collections::VecDeque;

use crate::base::PublishSequence;

/// One frame for the publisher.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notice {
    /// `basic.ack`.
    Ack { last: PublishSequence, multiple: bool },
    /// `basic.nack`.
    Nack { last: PublishSequence, multiple: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
    /// Not every queue has answered. Until the broker has told their number, answers count below 0.
    Open { missing: i32, routed: bool, refused: bool },
    /// To be acked.
    Taken,
    /// To be nacked.
    Refused,
    /// Answered, behind an open one.
    Told,
}

/// The publishes of one channel that wait for a confirm.
#[derive(Debug)]
pub(super) struct Confirms {
    /// The sequence of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    /// How many slots at the front are known to be closed.
    closed_front: usize,
    /// Sequences that were closed behind an open one since the last [`Self::flush`].
    closed_behind: Vec<u64>,
}

impl Confirms {
    pub(super) fn new() -> Self {
        Self { first: 1, slots: VecDeque::new(), closed_front: 0, closed_behind: Vec::new() }
    }

    /// A new publish: its number.
    pub(super) fn publish(&mut self) -> PublishSequence {
        let sequence = PublishSequence(self.first + self.slots.len() as u64);
        self.slots.push_back(Slot::Open { missing: 0, routed: false, refused: false });
        sequence
    }

    /// How many publishes are not answered yet.
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| !matches!(slot, Slot::Told)).count()
    }

    /// The broker has routed a publish to this many queues.
    pub(super) fn published(&mut self, sequence: PublishSequence, queues: u32) {
        let queues = i32::try_from(queues).unwrap_or(i32::MAX);
        self.change(sequence.0, |missing, routed, _| {
            *missing = missing.saturating_add(queues);
            *routed = true;
        });
    }

    /// Somebody beside the queues holds a publish back that was not routed yet: it is answered only after
    /// [`Self::confirmed`] was said of it once more.
    pub(super) fn withheld(&mut self, sequence: PublishSequence) {
        self.change(sequence.0, |missing, _, _| *missing += 1);
    }

    /// One queue has all publishes from `first` to `last`.
    pub(super) fn confirmed(&mut self, first: PublishSequence, last: PublishSequence) {
        let end = self.first + self.slots.len() as u64;
        for sequence in first.0.max(self.first)..=last.0.min(end.saturating_sub(1)) {
            self.change(sequence, |missing, _, _| *missing -= 1);
        }
    }

    /// One queue has refused a publish.
    pub(super) fn refused(&mut self, sequence: PublishSequence) {
        self.change(sequence.0, |missing, _, refused| {
            *missing -= 1;
            *refused = true;
        });
    }

    /// Hands over the frames for everything that was closed since the last call; says how many publishes they
    /// confirm.
    pub(super) fn flush(&mut self, mut tell: impl FnMut(Notice)) -> u64 {
        self.advance();
        let mut confirmed = 0;
        if self.closed_front > 0 {
            confirmed += self.flush_front(&mut tell);
        }
        if self.closed_behind.is_empty() {
            return confirmed;
        }
        let mut behind = std::mem::take(&mut self.closed_behind);
        behind.sort_unstable();
        for sequence in behind.drain(..) {
            let notice = |slot: &Slot| match slot {
                Slot::Taken => {
                    Some(Notice::Ack { last: PublishSequence(sequence), multiple: false })
                }
                Slot::Refused => {
                    Some(Notice::Nack { last: PublishSequence(sequence), multiple: false })
                }
                Slot::Told | Slot::Open { .. } => None,
            };
            if let Some(slot) = self.slot_mut(sequence)
                && let Some(notice) = notice(slot)
            {
                confirmed += u64::from(*slot == Slot::Taken);
                *slot = Slot::Told;
                tell(notice);
            }
        }
        self.closed_behind = behind;
        confirmed
    }

    /// For a commit: `None` while publishes are open; otherwise how it went, and the list is empty.
    pub(super) fn finish(&mut self) -> Option<Finished> {
        self.advance();
        if self.closed_front < self.slots.len() {
            return None;
        }
        let refused = self.slots.iter().any(|slot| matches!(slot, Slot::Refused));
        self.first += self.slots.len() as u64;
        self.slots.clear();
        self.closed_front = 0;
        self.closed_behind.clear();
        self.release();
        Some(if refused { Finished::Refused } else { Finished::Taken })
    }

    fn slot_mut(&mut self, sequence: u64) -> Option<&mut Slot> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(index)
    }

    fn change(&mut self, sequence: u64, change: impl FnOnce(&mut i32, &mut bool, &mut bool)) {
        let Some(slot) = self.slot_mut(sequence) else { return };
        let Slot::Open { missing, routed, refused } = slot else { return };
        change(missing, routed, refused);
        if *missing > 0 || !*routed {
            return;
        }
        *slot = if *refused { Slot::Refused } else { Slot::Taken };
        if sequence == self.first + self.closed_front as u64 {
            self.closed_front += 1;
        } else {
            self.closed_behind.push(sequence);
        }
    }

    fn advance(&mut self) {
        while self
            .slots
            .get(self.closed_front)
            .is_some_and(|slot| !matches!(slot, Slot::Open { .. }))
        {
            self.closed_front += 1;
        }
    }

    /// One frame for every run of the same kind. What was told behind an open one joins any run:
    /// the client has taken it off its list already.
    fn flush_front(&mut self, tell: &mut impl FnMut(Notice)) -> u64 {
        let mut run: Option<(Slot, u64, u64)> = None;
        let mut confirmed = 0;
        for (offset, slot) in self.slots.drain(..self.closed_front).enumerate() {
            let sequence = self.first + offset as u64;
            confirmed += u64::from(slot == Slot::Taken);
            match (&mut run, slot) {
                (_, Slot::Told | Slot::Open { .. }) => {}
                (Some((kind, _, last)), slot) if *kind == slot => *last = sequence,
                (run, slot) => {
                    if let Some(run) = run.take() {
                        tell(Self::notice(run));
                    }
                    *run = Some((slot, sequence, sequence));
                }
            }
        }
        if let Some(run) = run {
            tell(Self::notice(run));
        }
        self.first += self.closed_front as u64;
        self.closed_front = 0;
        self.release();
        confirmed
    }

    /// A burst gives its memory back when the last of it is confirmed.
    fn release(&mut self) {
        if self.slots.is_empty() && self.slots.capacity() > SLOTS_KEPT {
            self.slots.shrink_to(SLOTS_KEPT);
            self.closed_behind.shrink_to(SLOTS_KEPT);
        }
    }

    fn notice((kind, first, last): (Slot, u64, u64)) -> Notice {
        let multiple = first < last;
        let last = PublishSequence(last);
        if kind == Slot::Refused {
            Notice::Nack { last, multiple }
        } else {
            Notice::Ack { last, multiple }
        }
    }
}

/// Room that an empty list keeps.
const SLOTS_KEPT: usize = 4096;

/// How the publishes of a commit ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finished {
    /// Every queue has taken them.
    Taken,
    /// At least one queue refused one.
    Refused,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn seq(n: u64) -> PublishSequence {
        PublishSequence(n)
    }

    fn confirms(count: u64, queues: u32) -> Confirms {
        let mut confirms = Confirms::new();
        for n in 1..=count {
            assert_eq!(confirms.publish(), seq(n));
            confirms.published(seq(n), queues);
        }
        confirms
    }

    fn flush(confirms: &mut Confirms) -> Vec<Notice> {
        let mut notices = Vec::new();
        confirms.flush(|notice| notices.push(notice));
        notices
    }

    fn ack(last: u64, multiple: bool) -> Notice {
        Notice::Ack { last: seq(last), multiple }
    }

    fn nack(last: u64, multiple: bool) -> Notice {
        Notice::Nack { last: seq(last), multiple }
    }

    #[test]
    fn the_closed_front_is_one_ack_with_multiple() {
        let mut confirms = confirms(5, 1);
        confirms.confirmed(seq(1), seq(3));
        assert_eq!(flush(&mut confirms), vec![ack(3, true)]);
        assert_eq!(flush(&mut confirms), vec![]);
        confirms.confirmed(seq(4), seq(4));
        assert_eq!(flush(&mut confirms), vec![ack(4, false)]);
        assert_eq!(confirms.len(), 1);
    }

    #[test]
    fn behind_an_open_publish_acks_are_single_and_later_covered() {
        let mut confirms = confirms(4, 1);
        confirms.confirmed(seq(4), seq(4));
        confirms.confirmed(seq(2), seq(2));
        assert_eq!(flush(&mut confirms), vec![ack(2, false), ack(4, false)]);
        confirms.confirmed(seq(1), seq(1));
        confirms.confirmed(seq(3), seq(3));
        assert_eq!(flush(&mut confirms), vec![ack(3, true)]);
        assert_eq!(confirms.slots.len(), 0);
    }

    #[test]
    fn a_publish_to_many_queues_waits_for_all_of_them() {
        let mut confirms = confirms(2, 3);
        confirms.confirmed(seq(1), seq(2));
        confirms.confirmed(seq(1), seq(2));
        assert_eq!(flush(&mut confirms), vec![]);
        confirms.confirmed(seq(1), seq(1));
        assert_eq!(flush(&mut confirms), vec![ack(1, false)]);
    }

    #[test]
    fn a_publish_to_no_queue_is_confirmed_at_once() {
        let mut confirms = confirms(1, 0);
        assert_eq!(flush(&mut confirms), vec![ack(1, false)]);
    }

    #[test]
    fn a_refusal_by_one_of_many_queues_is_a_nack_when_all_have_answered() {
        let mut confirms = confirms(3, 2);
        confirms.confirmed(seq(1), seq(3));
        confirms.refused(seq(2));
        confirms.confirmed(seq(1), seq(1));
        confirms.confirmed(seq(3), seq(3));
        assert_eq!(flush(&mut confirms), vec![ack(1, false), nack(2, false), ack(3, false)]);
    }

    #[test]
    fn a_queue_that_answers_before_the_routing_is_told_counts() {
        let mut confirms = Confirms::new();
        confirms.publish();
        confirms.confirmed(seq(1), seq(1));
        assert_eq!(flush(&mut confirms), vec![]);
        confirms.published(seq(1), 1);
        assert_eq!(flush(&mut confirms), vec![ack(1, false)]);
    }

    #[test]
    fn answers_for_unknown_numbers_change_nothing() {
        let mut confirms = confirms(1, 1);
        confirms.confirmed(seq(0), seq(u64::MAX));
        confirms.confirmed(seq(9), seq(9));
        confirms.refused(seq(0));
        confirms.published(seq(7), 1);
        assert_eq!(flush(&mut confirms), vec![ack(1, false)]);
        confirms.refused(seq(1));
        assert_eq!(flush(&mut confirms), vec![]);
    }

    #[test]
    fn a_commit_is_finished_when_nothing_is_open() {
        let mut confirms = confirms(2, 1);
        assert_eq!(confirms.finish(), None);
        confirms.confirmed(seq(2), seq(2));
        confirms.confirmed(seq(1), seq(1));
        assert_eq!(confirms.finish(), Some(Finished::Taken));
        assert_eq!(confirms.finish(), Some(Finished::Taken));
        assert_eq!(confirms.publish(), seq(3));
        confirms.published(seq(3), 1);
        confirms.refused(seq(3));
        assert_eq!(confirms.finish(), Some(Finished::Refused));
    }

    proptest! {
        /// P3: whatever the order of the queues' answers, the client can match every number once.
        #[test]
        fn every_number_is_answered_exactly_once(
            count in 1..40u64,
            order in prop::collection::vec((0..40u64, any::<bool>(), any::<bool>()), 0..200),
        ) {
            let mut confirms = confirms(count, 1);
            let mut open: BTreeSet<u64> = (1..=count).collect();
            let mut refused = BTreeSet::new();
            let mut answered = BTreeSet::new();
            let everything = (1..=count).map(|n| (n, false, true));
            for (n, refuse, flush_now) in order.into_iter().chain(everything) {
                if (1..=count).contains(&n) && answered.insert(n) {
                    if refuse {
                        refused.insert(n);
                        confirms.refused(seq(n));
                    } else {
                        confirms.confirmed(seq(n), seq(n));
                    }
                }
                if !flush_now {
                    continue;
                }
                for notice in flush(&mut confirms) {
                    let (last, multiple, nack) = match notice {
                        Notice::Ack { last, multiple } => (last.0, multiple, false),
                        Notice::Nack { last, multiple } => (last.0, multiple, true),
                    };
                    let covered: Vec<u64> = if multiple {
                        open.range(..=last).copied().collect()
                    } else {
                        vec![last]
                    };
                    for n in covered {
                        prop_assert!(open.remove(&n), "{} twice", n);
                        prop_assert!(answered.contains(&n));
                        prop_assert_eq!(refused.contains(&n), nack);
                    }
                }
            }
            prop_assert!(open.is_empty());
        }
    }
}
