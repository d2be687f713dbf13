//! Q10: an index that loses, damages and finds messages, under random commands.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::{HolderId, MessageId};
use crate::queue::{
    Command, Effect, Machine, Paged, Paging, QueueConfig, Reply, RequestId, Residence, Span,
};

use super::fixture::{Queue, got};

/// What the index does to a message that it should give back.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Kept,
    Damaged,
    Lost,
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue(u64),
    Get,
    /// The open question is answered, with at most so many messages.
    Answer(usize),
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12u64).prop_map(Step::Enqueue),
        12 => Just(Step::Get),
        6 => (1..6usize).prop_map(Step::Answer),
        1 => Just(Step::Purge),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Kept), 1 => Just(Fate::Damaged), 2 => Just(Fate::Lost)]
}

/// A queue, its faulty index, and what became of every message.
struct World {
    queue: Queue,
    index: BTreeMap<u64, Fate>,
    question: Option<(MessageId, usize, MessageId)>,
    fates: Vec<Fate>,
    taken: BTreeSet<u64>,
    last: u64,
    lost: u64,
    released: u64,
    came: u64,
}

impl World {
    /// A queue that was told of every second message of a past; the index found some of the others.
    fn new(paging: Paging, past: &[(Fate, bool)], fates: Vec<Fate>) -> Self {
        let config = QueueConfig { paging: Some(paging), ..QueueConfig::default() };
        let mut queue = Queue::new(config);
        let mut index = BTreeMap::new();
        for (at, (fate, found)) in (0..).zip(past) {
            index.insert(2 * at + 1, *fate);
            if *found {
                index.insert(2 * at + 2, Fate::Kept);
            }
        }
        let messages = past.len() as u64;
        let last = MessageId(2 * messages);
        let away =
            Span { first: MessageId(1), last, messages, bytes: 10 * messages, appended: messages };
        let away = (messages > 0).then_some(away);
        queue.machine = Machine::recover(config, last.next(), away);
        Self {
            queue,
            index,
            question: None,
            fates,
            taken: BTreeSet::new(),
            last: 0,
            lost: 0,
            released: 0,
            came: messages,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Enqueue(count) => {
                self.came += count;
                let messages = (0..*count).map(|_| self.queue.message(false, None)).collect();
                self.apply(Command::Enqueue(messages));
            }
            Step::Get => self.apply(Command::Get {
                holder: HolderId(1),
                no_ack: true,
                request: RequestId(9),
            }),
            Step::Answer(most) => self.answer(*most),
            Step::Purge => self.apply(Command::Purge { request: RequestId(9) }),
        }
    }

    fn answer(&mut self, most: usize) {
        let Some((from, count, up_to)) = self.question.take() else { return };
        let known = self.index.range(from.0..=up_to.0).filter(|(_, fate)| **fate != Fate::Lost);
        let known: Vec<_> = known.map(|(id, fate)| (*id, *fate)).collect();
        let some = known.iter().take(most.min(count));
        let messages: Vec<_> = some
            .map(|(id, fate)| Paged {
                id: MessageId(*id),
                payload: *id,
                bytes: 10,
                acquired_count: 0,
                delivery_count: 0,
                appended: true,
                residence: Residence::Ram,
                damaged: *fate == Fate::Damaged,
                expires: None,
                priority: 0,
                due: None,
            })
            .collect();
        let more = messages.len() < known.len();
        self.apply(Command::PagedIn { from, messages, more });
    }

    fn apply(&mut self, command: Command<u64>) {
        let fates = self.fates.len() as u64;
        for effect in &self.queue.apply(command) {
            match effect {
                Effect::PageOut { messages } => {
                    for message in messages {
                        let at = usize::try_from(message.id.0 % fates).expect("a few");
                        self.index.insert(message.id.0, self.fates[at]);
                    }
                }
                Effect::PageIn { from, count, up_to } => {
                    assert_eq!(self.question, None, "one question at a time");
                    self.question = Some((*from, *count as usize, *up_to));
                }
                Effect::Lost { messages } => self.lost += messages,
                Effect::Release(span) => self.released += span.messages,
                Effect::Reply { reply: Reply::Purged { .. }, .. } => self.question = None,
                Effect::Reply { .. } => {
                    if let Some((id, _, _)) = got(std::slice::from_ref(effect)) {
                        assert!(self.last < id, "Q2: {id} after {}", self.last);
                        assert!(self.taken.insert(id), "Q1: {id} came twice");
                        self.last = id;
                    }
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// The fixture checks the sums after every command.
    #[test]
    fn whatever_the_index_loses_the_queue_goes_on_with_the_rest(
        (window, window_bytes, piece) in (1..6u32, 0..90u64, 1..6u32),
        past in vec((fate(), prop::bool::weighted(0.2)), 0..12),
        fates in vec(fate(), 1..40),
        steps in vec(step(), 1..80),
    ) {
        let mut world = World::new(Paging { window, window_bytes, piece }, &past, fates);
        for step in &steps {
            world.take(step);
        }
        let mut rounds = 0;
        while world.queue.machine.ready() > 0 || !world.queue.machine.deferred.is_empty() {
            rounds += 1;
            prop_assert!(rounds < 5000, "the queue stands still");
            world.take(&Step::Answer(3));
            world.take(&Step::Get);
        }
        let machine = &world.queue.machine;
        prop_assert_eq!((machine.ready_bytes(), machine.ram_bytes()), (0, 0));
        // A message that came goes once. What the index found beside is more than came.
        let found = past.iter().filter(|(_, found)| *found).count() as u64;
        let gone = world.released + world.lost;
        prop_assert!(world.came <= gone && gone <= world.came + found + 1, "{gone} of {}", world.came);
    }
}
