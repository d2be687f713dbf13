//! What one holder holds: unsettled messages, found by id.
//!
//! Messages are handed out almost always in order of their ids and settled almost always from the
//! front; so there is a list in order of ids, and a message that comes later than a younger one (it was
//! requeued) goes to a map beside it. A message settled in the middle leaves a gap in the list; gaps
//! never stand at an end and never make up more than half.
//!
//! What a message consists of goes in and out in pieces, not as a whole: so it travels in registers. As
//! a whole it is written to the stack in words and read from it in larger units, for which the
//! processor waits.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{HolderId, MessageId, Millis};

use super::entry::{Entry, Facts, Handed};
use super::slab::Key;

/// The unsettled messages of one holder.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Held<P> {
    /// Whose they are.
    pub(super) holder: HolderId,
    /// Its attached consumers; the record stays while there is one.
    pub(super) consumers: u32,
    in_order: VecDeque<Slot<P>>,
    gaps: usize,
    out_of_order: BTreeMap<MessageId, Handed<P>>,
}

#[derive(Clone, PartialEq, Debug)]
struct Slot<P> {
    id: MessageId,
    /// `None` is a gap.
    handed: Option<Handed<P>>,
}

impl<P> Held<P> {
    pub(super) fn new(holder: HolderId) -> Self {
        Self {
            holder,
            consumers: 0,
            in_order: VecDeque::new(),
            gaps: 0,
            out_of_order: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.out_of_order.is_empty()
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as a call it costs half as much again, in registers saved and words moved"
    )]
    pub(super) fn insert(
        &mut self,
        id: MessageId,
        payload: P,
        facts: Facts,
        consumer: Option<Key>,
        at: Millis,
    ) {
        let handed = Handed { entry: Entry { payload, facts }, at, consumer };
        if self.in_order.back().is_none_or(|last| last.id < id) {
            self.in_order.push_back(Slot { id, handed: Some(handed) });
        } else {
            self.insert_out_of_order(id, handed);
        }
    }

    #[inline(never)]
    fn insert_out_of_order(&mut self, id: MessageId, handed: Handed<P>) {
        let twin = self.out_of_order.insert(id, handed);
        assert!(twin.is_none(), "a message is held once (Q1)");
    }

    /// Takes out what lies in a run of ids, both ends included, in order of ids; what is not there is
    /// passed over.
    #[inline]
    pub(super) fn take_run(
        &mut self,
        first: MessageId,
        last: MessageId,
        mut each: impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        if self.out_of_order.is_empty() {
            self.take_in_order(first, last, &mut each);
        } else {
            self.take_both(first, last, &mut each);
        }
    }

    /// Looks at what lies in a run of ids, both ends included.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        let start = self.in_order.partition_point(|slot| slot.id < first);
        for slot in self.in_order.range_mut(start..) {
            if slot.id > last {
                break;
            }
            if let Some(handed) = &mut slot.handed {
                each(slot.id, &mut handed.entry);
            }
        }
        for (id, handed) in self.out_of_order.range_mut(first..=last) {
            each(*id, &mut handed.entry);
        }
    }

    fn take_in_order(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        match self.in_order.front() {
            None => {}
            Some(front) if front.id >= first => self.take_front(last, each),
            Some(_) => self.take_middle(first, last, each),
        }
    }

    fn take_front(
        &mut self,
        last: MessageId,
        each: &mut impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        while let Some(front) = self.in_order.front()
            && front.id <= last
        {
            if let Some(Slot { id, handed: Some(handed) }) = self.in_order.pop_front() {
                let Handed { entry: Entry { payload, facts }, consumer, .. } = handed;
                each(id, payload, facts, consumer);
            } else {
                self.gaps -= 1;
            }
        }
        self.close_gaps();
    }

    fn take_middle(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        let start = self.in_order.partition_point(|slot| slot.id < first);
        for slot in self.in_order.range_mut(start..) {
            if slot.id > last {
                break;
            }
            if let Some(handed) = slot.handed.take() {
                self.gaps += 1;
                let Handed { entry: Entry { payload, facts }, consumer, .. } = handed;
                each(slot.id, payload, facts, consumer);
            }
        }
        self.close_gaps();
    }

    /// As [`Self::take_in_order`], when there may be something in the map as well.
    #[cold]
    fn take_both(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        let mut taken = Vec::new();
        while first <= last
            && let Some((&id, _)) = self.out_of_order.range(first..=last).next()
        {
            let handed = self.out_of_order.remove(&id);
            taken.extend(handed.map(|Handed { entry, consumer, .. }| (id, entry, consumer)));
        }
        if taken.is_empty() {
            return self.take_in_order(first, last, each);
        }
        self.take_in_order(first, last, &mut |id, payload, facts, consumer| {
            taken.push((id, Entry { payload, facts }, consumer));
        });
        taken.sort_unstable_by_key(|(id, ..)| *id);
        for (id, Entry { payload, facts }, consumer) in taken {
            each(id, payload, facts, consumer);
        }
    }

    /// Takes out what this consumer was given, in order of ids.
    pub(super) fn take_of_consumer(
        &mut self,
        consumer: Key,
        mut each: impl FnMut(MessageId, Entry<P>),
    ) {
        let of_it = |handed: &Handed<P>| handed.consumer == Some(consumer);
        let mut taken = Vec::new();
        for slot in &mut self.in_order {
            if let Some(handed) = slot.handed.take_if(|handed| of_it(handed)) {
                self.gaps += 1;
                taken.push((slot.id, handed.entry));
            }
        }
        self.close_gaps();
        let others = self.out_of_order.iter().filter(|(_, handed)| of_it(handed));
        let others: Vec<_> = others.map(|(id, _)| *id).collect();
        for id in others {
            taken.extend(self.out_of_order.remove(&id).map(|handed| (id, handed.entry)));
        }
        taken.sort_unstable_by_key(|(id, _)| *id);
        for (id, entry) in taken {
            each(id, entry);
        }
    }

    /// What consumers were given, and when, in no order.
    pub(super) fn each_of_consumers(&self, each: &mut impl FnMut(Key, Millis)) {
        let in_order = self.in_order.iter().filter_map(|slot| slot.handed.as_ref());
        for handed in in_order.chain(self.out_of_order.values()) {
            if let Some(consumer) = handed.consumer {
                each(consumer, handed.at);
            }
        }
    }

    /// When the first of them was handed out. Those in order of ids are in order of time as well, because each came
    /// to the end.
    pub(super) fn oldest_at(&self) -> Option<Millis> {
        let in_order = self.in_order.iter().find_map(|slot| slot.handed.as_ref());
        in_order.into_iter().chain(self.out_of_order.values()).map(|handed| handed.at).min()
    }

    /// Restores what the module says about gaps, and gives memory back after a large window.
    #[inline]
    fn close_gaps(&mut self) {
        while self.gaps > 0 && self.in_order.front().is_some_and(|slot| slot.handed.is_none()) {
            self.in_order.pop_front();
            self.gaps -= 1;
        }
        while self.gaps > 0 && self.in_order.back().is_some_and(|slot| slot.handed.is_none()) {
            self.in_order.pop_back();
            self.gaps -= 1;
        }
        if self.gaps * 2 > self.in_order.len() {
            self.in_order.retain(|slot| slot.handed.is_some());
            self.gaps = 0;
        }
        let capacity = self.in_order.capacity();
        if capacity > KEPT_SLOTS_MAX && self.in_order.len() < capacity / 8 {
            self.in_order.shrink_to(capacity / 2);
        }
    }

    /// What is held, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Handed<P>)> {
        let in_order = self.in_order.iter().filter_map(|s| Some((s.id, s.handed.as_ref()?)));
        in_order.chain(self.out_of_order.iter().map(|(id, handed)| (*id, handed)))
    }
}

/// Room for this many unsettled messages of one holder is kept for ever; more is given back.
const KEPT_SLOTS_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn held(ids: impl IntoIterator<Item = u64>) -> Held<u64> {
        let mut held = Held::new(HolderId(1));
        for id in ids {
            held.insert(MessageId(id), id, Facts::new(1, false), None, Millis(0));
        }
        held
    }

    fn take(held: &mut Held<u64>, first: u64, last: u64) -> Vec<u64> {
        let mut taken = Vec::new();
        held.take_run(MessageId(first), MessageId(last), |id, payload, _, _| {
            assert_eq!(payload, id.0);
            taken.push(id.0);
        });
        taken
    }

    fn left(held: &Held<u64>) -> Vec<u64> {
        held.iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn runs_take_what_is_there_at_the_front_in_the_middle_and_at_the_end() {
        let mut held = held([1, 2, 4, 6, 8, 10, 11]);
        assert_eq!(take(&mut held, 1, 1), [1]);
        assert_eq!(take(&mut held, 5, 9), [6, 8]);
        assert!(take(&mut held, 5, 9).is_empty());
        assert_eq!(take(&mut held, 11, 99), [11]);
        assert!(take(&mut held, 9, 3).is_empty());
        assert_eq!(left(&held), [2, 4, 10]);
        assert_eq!(take(&mut held, 0, u64::MAX), [2, 4, 10]);
        assert!(held.is_empty());
    }

    #[test]
    fn a_message_that_comes_after_a_younger_one_is_found_as_well() {
        let mut held = held([5, 6, 3, 7, 1]);
        assert_eq!(take(&mut held, 6, 6), [6]);
        held.insert(MessageId(6), 6, Facts::new(1, false), None, Millis(0));
        assert_eq!(take(&mut held, 2, 6), [3, 5, 6]);
        assert_eq!(left(&held), [7, 1]);
    }

    #[test]
    fn one_old_message_does_not_keep_the_gaps_of_all_that_followed() {
        let mut held = held([1]);
        for id in 2..10_000 {
            held.insert(MessageId(id), id, Facts::new(1, false), None, Millis(0));
            if id > 10 {
                assert_eq!(take(&mut held, id - 8, id - 8), [id - 8]);
            }
        }
        assert!(held.in_order.len() < 30, "{} slots", held.in_order.len());
    }

    #[test]
    fn an_unsettled_message_costs_at_most_48_bytes_with_a_handle_of_8() {
        assert!(size_of::<Slot<u64>>() <= 48, "{}", size_of::<Slot<u64>>());
    }
}
