//! The ledger of one channel: which delivery tag stands for which message of which queue.
//!
//! Tags are given from 1 and only rise; lines stand in order of their tags. Acks that come in order
//! take lines from the front without a search and without an allocation; an ack in the middle leaves
//! a gap, and gaps are squeezed out when they outnumber the lines.
//!
//! - P1: every tag in the ledger was sent to the client and was not settled since.
//! - P2: lines are ordered by tag; the first and the last line are no gaps.

use std::collections::VecDeque;

use crate::base::{DeliveryTag, HolderId, MessageId, QueueId};

use super::action::{Action, Outcome, Settle};

/// How a message came to the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// `basic.deliver`: it took credit.
    Consumer,
    /// `basic.get-ok`: it took none.
    Get,
    /// `basic.deliver` of what was delivered before it: it took none.
    Again,
}

/// A message that the client was given and has not settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) tag: DeliveryTag,
    pub(super) queue: QueueId,
    pub(super) id: MessageId,
    pub(super) origin: Origin,
}

/// What an ack, nack or reject names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Selection {
    /// Exactly this one.
    One(DeliveryTag),
    /// Everything up to and with this one.
    UpTo(DeliveryTag),
    /// Everything (`multiple` with tag 0).
    All,
}

impl Selection {
    /// The fields of the method (spec: basic.ack, rules of `delivery-tag` and `multiple`).
    pub(super) fn new(tag: DeliveryTag, multiple: bool) -> Self {
        match (multiple, tag) {
            (true, DeliveryTag(0)) => Self::All,
            (true, tag) => Self::UpTo(tag),
            (false, tag) => Self::One(tag),
        }
    }
}

/// The tag is not in the ledger: it was never given, or it is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UnknownTag(pub(super) DeliveryTag);

#[derive(Clone, Copy, Debug)]
enum Slot {
    Held(Line),
    /// Settled in the middle; the tag keeps the order.
    Gap(DeliveryTag),
}

impl Slot {
    fn tag(&self) -> DeliveryTag {
        match self {
            Self::Held(line) => line.tag,
            Self::Gap(tag) => *tag,
        }
    }
}

/// The deliveries of one channel.
#[derive(Debug)]
pub(super) struct Ledger {
    slots: VecDeque<Slot>,
    gaps: usize,
    next_tag: u64,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { slots: VecDeque::new(), gaps: 0, next_tag: 1 }
    }

    /// How many messages wait for the client's word.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.gaps
    }

    /// How many of them came by a consumer and hold credit.
    pub(super) fn consumed(&self) -> usize {
        let is_consumed =
            |slot: &&Slot| matches!(slot, Slot::Held(line) if line.origin == Origin::Consumer);
        self.slots.iter().filter(is_consumed).count()
    }

    /// The tag for a delivery that is settled by being sent.
    pub(super) fn skip(&mut self) -> DeliveryTag {
        let tag = DeliveryTag(self.next_tag);
        self.next_tag += 1;
        tag
    }

    /// The tag for a delivery that the client must settle.
    pub(super) fn record(&mut self, queue: QueueId, id: MessageId, origin: Origin) -> DeliveryTag {
        let tag = self.skip();
        self.slots.push_back(Slot::Held(Line { tag, queue, id, origin }));
        tag
    }

    /// Takes the selected lines out and hands them over in order of their tags.
    ///
    /// A `multiple` needs its own tag in the ledger, as in RabbitMQ: one that names a settled tag is
    /// refused, and then nothing is taken.
    pub(super) fn take(
        &mut self,
        selection: Selection,
        mut each: impl FnMut(Line),
    ) -> Result<(), UnknownTag> {
        match selection {
            Selection::All => self.take_front(self.slots.len(), each),
            Selection::One(tag) if self.is_first(tag) => {
                self.take_front(1, each);
                if !self.slots.is_empty() {
                    return Ok(());
                }
            }
            Selection::One(tag) => {
                let index = self.find(tag).ok_or(UnknownTag(tag))?;
                if let Some(line) = self.open_gap(index) {
                    each(line);
                }
            }
            Selection::UpTo(tag) => {
                let index = self.find(tag).ok_or(UnknownTag(tag))?;
                self.take_front(index + 1, each);
            }
        }
        self.squeeze();
        Ok(())
    }

    /// Puts lines back that [`Self::take`] gave out (`tx.rollback`).
    pub(super) fn restore(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.slots.extend(lines.into_iter().map(Slot::Held));
        self.slots.retain(|slot| matches!(slot, Slot::Held(_)));
        self.gaps = 0;
        self.slots.make_contiguous().sort_unstable_by_key(Slot::tag);
    }

    /// Whether the first line has this tag and there is no gap: as long as a client acks in order.
    #[inline]
    fn is_first(&self, tag: DeliveryTag) -> bool {
        self.gaps == 0 && self.slots.front().is_some_and(|first| first.tag() == tag)
    }

    fn find(&self, tag: DeliveryTag) -> Option<usize> {
        let front = self.slots.front()?.tag();
        let offset = usize::try_from(tag.0.checked_sub(front.0)?).ok()?;
        let held = |slot: &Slot| matches!(slot, Slot::Held(line) if line.tag == tag);
        // Without gaps and without automatic deliveries in between the offset is the place.
        if self.slots.get(offset).is_some_and(held) {
            return Some(offset);
        }
        let index = self.slots.binary_search_by_key(&tag, Slot::tag).ok()?;
        self.slots.get(index).is_some_and(held).then_some(index)
    }

    fn take_front(&mut self, count: usize, mut each: impl FnMut(Line)) {
        for slot in self.slots.drain(..count) {
            match slot {
                Slot::Held(line) => each(line),
                Slot::Gap(_) => self.gaps -= 1,
            }
        }
    }

    fn open_gap(&mut self, index: usize) -> Option<Line> {
        let slot = self.slots.get_mut(index)?;
        let Slot::Held(line) = *slot else { return None };
        *slot = Slot::Gap(line.tag);
        self.gaps += 1;
        Some(line)
    }

    /// Restores P2 and keeps gaps fewer than lines, at a cost that every gap pays for once.
    fn squeeze(&mut self) {
        while let Some(Slot::Gap(_)) = self.slots.front() {
            self.slots.pop_front();
            self.gaps -= 1;
        }
        while let Some(Slot::Gap(_)) = self.slots.back() {
            self.slots.pop_back();
            self.gaps -= 1;
        }
        if self.gaps > GAPS_KEPT && self.gaps > self.slots.len() / 2 {
            self.slots.retain(|slot| matches!(slot, Slot::Held(_)));
            self.gaps = 0;
        }
        if self.slots.is_empty() && self.slots.capacity() > SLOTS_KEPT {
            self.slots.shrink_to(SLOTS_KEPT);
        }
    }
}

/// Adds one settled line to the actions, to an action that is there already where the order allows.
///
/// Only settlements and returned credit may be passed over on the way back: an ack that overtook a
/// publish would be kept although the publish before it closed the channel.
pub(super) fn settle(actions: &mut Vec<Action>, holder: HolderId, outcome: Outcome, line: Line) {
    for action in actions.iter_mut().rev().take(LOOK_BACK_ACTIONS) {
        match action {
            Action::Settle(open) if open.holder == holder && open.queue == line.queue => {
                if open.outcome == outcome {
                    extend_runs(&mut open.messages, line.id);
                    return;
                }
                break;
            }
            Action::Settle(_) | Action::ReturnCredit { .. } => {}
            _ => break,
        }
    }
    actions.push(Action::Settle(Settle {
        holder,
        queue: line.queue,
        outcome,
        messages: vec![(line.id, line.id)],
    }));
}

/// Returns the credit of settled deliveries, together with credit that is on its way back already.
pub(super) fn return_credit(actions: &mut Vec<Action>, holder: HolderId, messages: u32) {
    if messages == 0 {
        return;
    }
    for action in actions.iter_mut().rev().take(LOOK_BACK_ACTIONS) {
        match action {
            Action::ReturnCredit { holder: open, messages: sum } if *open == holder => {
                *sum = sum.saturating_add(messages);
                return;
            }
            Action::Settle(_) | Action::ReturnCredit { .. } => {}
            _ => break,
        }
    }
    actions.push(Action::ReturnCredit { holder, messages });
}

fn extend_runs(runs: &mut Vec<(MessageId, MessageId)>, id: MessageId) {
    match runs.last_mut() {
        Some((_, last)) if last.next() == id => *last = id,
        _ => runs.push((id, id)),
    }
}

/// Room that an empty ledger keeps: a burst gives its memory back when the last of it is settled.
const SLOTS_KEPT: usize = 1024;

/// Gaps that are not worth a squeeze.
const GAPS_KEPT: usize = 64;

/// How many actions are looked at for one to join: more queues than this on one channel in one read
/// are rare, and then an ack costs an action of its own.
const LOOK_BACK_ACTIONS: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const QUEUE: QueueId = QueueId(7);

    fn filled(count: u64) -> Ledger {
        let mut ledger = Ledger::new();
        for n in 1..=count {
            let tag = ledger.record(QUEUE, MessageId(100 + n), Origin::Consumer);
            assert_eq!(tag, DeliveryTag(n));
        }
        ledger
    }

    fn take(ledger: &mut Ledger, tag: u64, multiple: bool) -> Result<Vec<u64>, UnknownTag> {
        let mut taken = Vec::new();
        let selection = Selection::new(DeliveryTag(tag), multiple);
        ledger.take(selection, |line| taken.push(line.tag.0)).map(|()| taken)
    }

    #[test]
    fn acks_in_order_leave_nothing_behind() {
        let mut ledger = filled(1000);
        for tag in 1..=1000 {
            assert_eq!(take(&mut ledger, tag, false), Ok(vec![tag]));
        }
        assert_eq!(ledger.slots.len(), 0);
    }

    #[test]
    fn an_empty_ledger_gives_its_memory_back() {
        let mut ledger = filled(100_000);
        assert!(ledger.slots.capacity() >= 100_000);
        assert!(take(&mut ledger, 0, true).is_ok());
        assert!(ledger.slots.capacity() <= SLOTS_KEPT, "{}", ledger.slots.capacity());
    }

    #[test]
    fn acks_from_the_middle_do_not_pile_up_behind_one_that_stays() {
        let mut ledger = filled(10_000);
        for tag in 2..10_000 {
            assert_eq!(take(&mut ledger, tag, false), Ok(vec![tag]));
        }
        assert!(ledger.slots.len() <= 2 + GAPS_KEPT, "{} slots", ledger.slots.len());
        assert_eq!(take(&mut ledger, 0, true), Ok(vec![1, 10_000]));
    }

    #[test]
    fn multiple_takes_everything_up_to_its_tag_and_zero_takes_all() {
        let mut ledger = filled(5);
        assert_eq!(take(&mut ledger, 2, false), Ok(vec![2]));
        assert_eq!(take(&mut ledger, 3, true), Ok(vec![1, 3]));
        assert_eq!(take(&mut ledger, 0, true), Ok(vec![4, 5]));
        assert_eq!(take(&mut ledger, 0, true), Ok(vec![]));
    }

    #[test]
    fn unknown_and_used_tags_are_refused_and_take_nothing() {
        let mut ledger = filled(3);
        assert_eq!(take(&mut ledger, 2, false), Ok(vec![2]));
        for (tag, multiple) in [(2, false), (2, true), (4, false), (4, true), (0, false)] {
            assert_eq!(take(&mut ledger, tag, multiple), Err(UnknownTag(DeliveryTag(tag))));
        }
        assert_eq!(take(&mut ledger, 0, true), Ok(vec![1, 3]));
    }

    #[test]
    fn automatic_deliveries_use_tags_and_no_room() {
        let mut ledger = filled(1);
        for tag in 2..10_000 {
            assert_eq!(ledger.skip(), DeliveryTag(tag));
        }
        assert_eq!(ledger.record(QUEUE, MessageId(1), Origin::Get), DeliveryTag(10_000));
        assert_eq!(ledger.slots.len(), 2);
        assert_eq!(ledger.consumed(), 1);
        assert_eq!(take(&mut ledger, 5_000, true), Err(UnknownTag(DeliveryTag(5_000))));
        assert_eq!(take(&mut ledger, 10_000, true), Ok(vec![1, 10_000]));
    }

    #[test]
    fn restored_lines_stand_in_their_old_place() {
        let mut ledger = filled(5);
        let mut taken = Vec::new();
        for tag in [4, 2] {
            let selection = Selection::One(DeliveryTag(tag));
            assert_eq!(ledger.take(selection, |line| taken.push(line)), Ok(()));
        }
        ledger.restore(taken);
        assert_eq!(take(&mut ledger, 0, true), Ok(vec![1, 2, 3, 4, 5]));
    }

    fn line(queue: u64, id: u64) -> Line {
        Line {
            tag: DeliveryTag(id),
            queue: QueueId(queue),
            id: MessageId(id),
            origin: Origin::Consumer,
        }
    }

    fn settle_action(queue: u64, outcome: Outcome, runs: &[(u64, u64)]) -> Action {
        let messages = runs.iter().map(|(a, b)| (MessageId(*a), MessageId(*b))).collect();
        Action::Settle(Settle { holder: HolderId(1), queue: QueueId(queue), outcome, messages })
    }

    #[test]
    fn acks_of_one_read_become_runs_per_queue() {
        let mut actions = Vec::new();
        for id in [1, 2, 3, 7, 8] {
            settle(&mut actions, HolderId(1), Outcome::Ack, line(1, id));
            settle(&mut actions, HolderId(1), Outcome::Ack, line(2, id * 10));
            return_credit(&mut actions, HolderId(1), 2);
        }
        let expected = vec![
            settle_action(1, Outcome::Ack, &[(1, 3), (7, 8)]),
            settle_action(2, Outcome::Ack, &[(10, 10), (20, 20), (30, 30), (70, 70), (80, 80)]),
            Action::ReturnCredit { holder: HolderId(1), messages: 10 },
        ];
        assert_eq!(actions, expected);
    }

    #[test]
    fn a_settlement_overtakes_neither_another_outcome_nor_other_actions() {
        let mut actions = Vec::new();
        settle(&mut actions, HolderId(1), Outcome::Ack, line(1, 1));
        settle(&mut actions, HolderId(1), Outcome::Requeue, line(1, 2));
        settle(&mut actions, HolderId(1), Outcome::Ack, line(1, 3));
        actions.push(Action::Log(String::new()));
        settle(&mut actions, HolderId(1), Outcome::Ack, line(1, 4));
        let expected = vec![
            settle_action(1, Outcome::Ack, &[(1, 1)]),
            settle_action(1, Outcome::Requeue, &[(2, 2)]),
            settle_action(1, Outcome::Ack, &[(3, 3)]),
            Action::Log(String::new()),
            settle_action(1, Outcome::Ack, &[(4, 4)]),
        ];
        assert_eq!(actions, expected);
    }

    /// The ledger against a plain ordered set, with random calls.
    #[derive(Clone, Debug)]
    enum Call {
        Record,
        Skip,
        Take { tag: u64, multiple: bool },
    }

    fn call() -> impl Strategy<Value = Call> {
        prop_oneof![
            3 => Just(Call::Record),
            1 => Just(Call::Skip),
            3 => (0..200u64, any::<bool>()).prop_map(|(tag, multiple)| Call::Take { tag, multiple }),
        ]
    }

    fn model_take(model: &mut BTreeSet<u64>, tag: u64, multiple: bool) -> Option<Vec<u64>> {
        let taken: Vec<u64> = match (tag, multiple) {
            (0, true) => model.iter().copied().collect(),
            (tag, _) if !model.contains(&tag) => return None,
            (tag, true) => model.range(..=tag).copied().collect(),
            (tag, false) => vec![tag],
        };
        for tag in &taken {
            model.remove(tag);
        }
        Some(taken)
    }

    proptest! {
        #[test]
        fn the_ledger_does_what_a_plain_set_does(calls in prop::collection::vec(call(), 0..400)) {
            let mut ledger = Ledger::new();
            let mut model = BTreeSet::new();
            for call in calls {
                match call {
                    Call::Record => {
                        let tag = ledger.record(QUEUE, MessageId(1), Origin::Consumer);
                        model.insert(tag.0);
                    }
                    Call::Skip => {
                        ledger.skip();
                    }
                    Call::Take { tag, multiple } => {
                        let expected = model_take(&mut model, tag, multiple);
                        prop_assert_eq!(take(&mut ledger, tag, multiple).ok(), expected);
                    }
                }
                prop_assert_eq!(ledger.len(), model.len());
            }
        }
    }
}
