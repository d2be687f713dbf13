//! Random commands against the model, and the laws of a deterministic machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::{ConsumerId, HolderId, MessageId, Millis, PublishSequence};
use crate::queue::{
    Burst, Command, Effect, Effects, Machine, Paged, Progress, QueueConfig, Reply, RequestId,
    Residence, Span,
};

use super::fixture::{NOW, Pool};
use super::index::Index;
use super::model::{Counts, Model};
use super::script::{Move, Past, Script, Step, beginning, step};

/// A machine with its shared credit and its index.
#[derive(Clone, Debug)]
struct Subject {
    machine: Machine<u64>,
    pool: Pool,
    index: Index,
    now: Millis,
}

impl Subject {
    fn new(config: QueueConfig, past: Option<&Past>) -> Self {
        let (messages, next) = past.map_or((Vec::new(), MessageId(1)), remembered);
        let machine = match (messages.first(), messages.last()) {
            (Some(oldest), Some(newest)) => {
                let away = Span {
                    // A lower bound is enough.
                    first: MessageId(oldest.id.0 / 2 + 1),
                    last: newest.id,
                    messages: messages.len() as u64,
                    bytes: messages.iter().map(|message| message.bytes).sum(),
                    appended: messages.len() as u64,
                };
                Machine::recover(config, next, Some(away))
            }
            _ => Machine::new(config),
        };
        let pool = Pool { left: 0, asked: Vec::new() };
        Self { machine, pool, index: Index::holding(messages), now: NOW }
    }

    fn take(&mut self, step: &Move) -> (Vec<Effect<u64>>, Progress) {
        let mut effects = Effects::new();
        let mut progress = Progress::Idle;
        match step {
            Move::Apply(command) => self.machine.apply(self.now, command.clone(), &mut effects),
            Move::Deliver(burst) => {
                progress = self.machine.deliver(self.now, *burst, &mut self.pool, &mut effects);
            }
            Move::SharedCredit(left) => self.pool.left = *left,
            Move::Exchange(first, last, residence) => {
                self.machine.exchange(*first, *last, |_, _| *residence);
            }
            Move::Answer(which) => {
                if let Some(answer) = self.index.answer(*which) {
                    self.machine.apply(self.now, answer, &mut effects);
                }
            }
            Move::Pass(ms) => {
                self.now = self.now.after(*ms);
                self.machine.apply(self.now, Command::Tick, &mut effects);
            }
        }
        let effects: Vec<_> = effects.drain().collect();
        self.index.execute(&effects);
        (effects, progress)
    }

    /// Whether the next message is away.
    fn is_stalled(&self) -> bool {
        !self.machine.ready.has_first() && !self.machine.ready.is_empty()
    }
}

/// The messages of a past, and the id of the next one.
fn remembered((messages, gap): &Past) -> (Vec<Paged<u64>>, MessageId) {
    let mut last = 0;
    let message = |(gap, bytes, acquired_count): &(u64, u64, u16)| {
        last += 1 + gap;
        let (id, residence) = (MessageId(last), Residence::Disk);
        let (bytes, acquired_count) = (*bytes, *acquired_count);
        Paged {
            id,
            payload: last,
            bytes,
            acquired_count,
            delivery_count: 0,
            appended: true,
            residence,
            damaged: false,
            expires: None,
            priority: u8::try_from(id.0 % 3).expect("small"),
            due: None,
        }
    };
    let messages = messages.iter().map(message).collect();
    (messages, MessageId(last + gap + 1))
}

/// Effects without what is left open: where confirms and releases stand, and how confirms are cut.
#[derive(PartialEq, Debug, Default)]
struct Outcome {
    handed_out: Vec<Effect<u64>>,
    appended: Vec<Effect<u64>>,
    departed: Vec<Effect<u64>>,
    failed: Vec<MessageId>,
    replies: Vec<(RequestId, Reply<u64>)>,
    released: Vec<MessageId>,
    released_bytes: u64,
    released_appended: u64,
    confirmed: Vec<(u64, u64)>,
    refused: Vec<(u64, u64)>,
    cancelled: Vec<ConsumerId>,
    deleted: bool,
    active: Vec<Option<ConsumerId>>,
}

impl Outcome {
    /// Of the effects of a queue that `knows` which ids were ever there: the others are gaps in spans.
    fn of(effects: Vec<Effect<u64>>, knows: impl Fn(u64) -> bool) -> Self {
        let mut outcome = Self::default();
        for effect in effects {
            match effect {
                Effect::Deliver { .. } => outcome.handed_out.push(effect),
                Effect::Append { .. } => outcome.appended.push(effect),
                Effect::DeadLetter { .. } | Effect::DeadLetterRefused { .. } => {
                    outcome.departed.push(effect);
                }
                Effect::AttemptFailed { id } => outcome.failed.push(id),
                Effect::Reply { request, reply } => outcome.replies.push((request, reply)),
                Effect::Release(Span { first, last, messages, bytes, appended }) => {
                    let before = outcome.released.len();
                    let there = (first.0..=last.0).filter(|id| knows(*id));
                    outcome.released.extend(there.map(MessageId));
                    assert_eq!((outcome.released.len() - before) as u64, messages);
                    outcome.released_bytes += bytes;
                    outcome.released_appended += appended;
                }
                Effect::Confirm { first, last: PublishSequence(last) } => {
                    assert!(first.sequence.0 <= last, "an empty run");
                    let run = first.sequence.0..=last;
                    outcome.confirmed.extend(run.map(|sequence| (first.holder.0, sequence)));
                }
                Effect::CancelConsumer { consumer } | Effect::ConsumerTimeout { consumer, .. } => {
                    outcome.cancelled.push(consumer);
                }
                Effect::Deleted => outcome.deleted = true,
                Effect::Lost { .. } => panic!("this index loses nothing"),
                Effect::ActiveConsumer { consumer } => outcome.active.push(consumer),
                Effect::Refuse { publish } => {
                    outcome.refused.push((publish.holder.0, publish.sequence.0));
                }
                // Paging is not to be seen from outside (Q10).
                Effect::PageOut { .. } | Effect::PageIn { .. } => {}
            }
        }
        outcome.released.sort_unstable();
        outcome.confirmed.sort_unstable();
        outcome.failed.sort_unstable();
        outcome.cancelled.sort_unstable();
        outcome
    }
}

/// What must hold over a whole run, whatever the model says.
#[derive(Debug, Default)]
struct Ledger {
    released: BTreeSet<MessageId>,
    confirmed: BTreeSet<(u64, u64)>,
    newest_fresh: u64,
    /// Whether priorities or moments change the order.
    levelled: bool,
}

impl Ledger {
    fn note(&mut self, outcome: &Outcome) {
        for id in &outcome.released {
            assert!(self.released.insert(*id), "Q1: {id} was released twice");
        }
        for publish in outcome.confirmed.iter().chain(&outcome.refused) {
            assert!(self.confirmed.insert(*publish), "Q6: {publish:?} was confirmed twice");
        }
        let mut last = 0;
        for effect in outcome.handed_out.iter().filter(|_| !self.levelled) {
            let Effect::Deliver { delivery, .. } = effect else { continue };
            assert!(last < delivery.id.0, "Q2: out of order within one call");
            last = delivery.id.0;
            if !delivery.redelivered {
                assert!(self.newest_fresh < last, "Q2: {last} is not fresh");
                self.newest_fresh = last;
            }
        }
    }
}

/// A machine and a model side by side. A machine that pages may do a command later than it was given,
/// and may hand out less at a time; the model does what the machine does when the machine does it.
struct Pair {
    subject: Subject,
    model: Model,
    model_pool: Pool,
    /// Commands that the model was not given yet, because the machine deferred them.
    held_back: VecDeque<Command<u64>>,
    ledger: Ledger,
}

impl Pair {
    fn new(config: QueueConfig, past: Option<&Past>) -> Self {
        let subject = Subject::new(config, past);
        let (messages, next) = past.map_or((Vec::new(), MessageId(1)), remembered);
        let model = Model::recover(config, next, &messages);
        let model_pool = subject.pool.clone();
        let levelled = subject.machine.ready.is_levelled();
        let ledger = Ledger { levelled, ..Ledger::default() };
        Self { subject, model, model_pool, held_back: VecDeque::new(), ledger }
    }

    fn take(&mut self, step: Move) {
        if let Move::Exchange(first, last, _) = step {
            return self.exchange(first, last, &step);
        }
        let residences = self.residences();
        let (effects, progress) = self.subject.take(&step);
        self.model.cold = cold(&effects, &residences);
        let given =
            effects.iter().filter(|effect| matches!(effect, Effect::Deliver { .. })).count();
        let (mut expected, mut expected_progress) = (Vec::new(), Progress::Idle);
        match step {
            Move::Apply(command @ Command::Departed { .. }) => {
                expected = self.model.apply(self.subject.now, command);
            }
            Move::Apply(command) => self.held_back.push_back(command),
            Move::Deliver(_) if self.subject.is_stalled() => {
                let burst = Burst { messages: given, bytes: u64::MAX };
                (expected, _) = self.model.deliver(self.subject.now, burst, &mut self.model_pool);
            }
            Move::Deliver(burst) => {
                (expected, expected_progress) =
                    self.model.deliver(self.subject.now, burst, &mut self.model_pool);
            }
            Move::SharedCredit(left) => self.model_pool.left = left,
            Move::Exchange(..) | Move::Answer(_) => {}
            Move::Pass(_) => expected = self.model.apply(self.subject.now, Command::Tick),
        }
        while self.held_back.len() > self.subject.machine.deferred.len() {
            let command = self.held_back.pop_front().expect("there are more than that");
            expected.extend(self.model.apply(self.subject.now, command));
        }
        let knows = |id| self.model.knows(id);
        let outcome = Outcome::of(effects, knows);
        self.ledger.note(&outcome);
        assert_eq!((outcome, progress), (Outcome::of(expected, knows), expected_progress));
        self.compare();
    }

    /// Every message in the run that is in RAM is shown once.
    fn exchange(&mut self, first: MessageId, last: MessageId, step: &Move) {
        let mut shown = Vec::new();
        let Move::Exchange(_, _, residence) = step else { return };
        self.subject.machine.exchange(first, last, |id, payload| {
            assert_eq!(Some(*payload), self.model.payload(id.0));
            shown.push(id.0);
            *residence
        });
        shown.sort_unstable();
        let away = self.subject.index.ids();
        let there = self.model.present().into_iter().filter(|id| !away.contains(id));
        let in_run = there.filter(|id| (first.0..=last.0).contains(id));
        assert_eq!(shown, in_run.collect::<Vec<_>>());
        self.compare();
    }

    /// Where the bytes of the ready messages in RAM are.
    fn residences(&self) -> BTreeMap<MessageId, Residence> {
        let ready = self.subject.machine.ready.iter();
        ready.map(|(id, entry)| (id, entry.facts.residence())).collect()
    }

    fn compare(&self) {
        let Self { subject: Subject { machine, pool, index, .. }, model, ledger, .. } = self;
        assert_eq!(pool.asked, self.model_pool.asked);
        machine.check_invariants();
        let away = machine.ready.away().map_or(0, |(_, away)| away.messages);
        assert_eq!(index.ids().len() as u64, away, "Q10: what is away");
        let counts = model.counts();
        let Counts { came, ready, held, delayed, departing, gone } = counts;
        let places = (machine.ready(), machine.unsettled(), machine.departing());
        assert_eq!(places, (ready as u64, held as u64, departing as u64));
        assert_eq!(machine.delayed(), delayed as u64);
        assert_eq!(
            ready + held + delayed + departing + ledger.released.len(),
            came,
            "conservation"
        );
        assert_eq!(ledger.released.len(), gone);
        assert_eq!((machine.ready_bytes(), machine.unsettled_bytes()), model.bytes());
        assert_eq!(machine.consumers(), model.member_ids().len() as u64);
        assert_eq!(machine.is_deleted(), model.is_deleted());
    }

    /// Everything that is on its way arrives, and what is ready is taken out one by one.
    fn finish(&mut self, published: &BTreeSet<(u64, u64)>) {
        loop {
            while self.subject.index.is_answering() {
                self.take(Move::Answer(0));
            }
            assert!(self.held_back.is_empty(), "Q10: a command waits for nothing");
            if self.subject.machine.ready() + self.subject.machine.delayed() == 0 {
                break;
            }
            let (holder, request) = (HolderId(1), RequestId(0));
            self.take(Move::Apply(Command::Get { holder, no_ack: true, request }));
            let runs = vec![(MessageId(0), MessageId(u64::MAX))];
            self.take(Move::Apply(Command::Departed { runs }));
            self.take(Move::Pass(50));
        }
        let runs = vec![(MessageId(0), MessageId(u64::MAX))];
        self.take(Move::Apply(Command::Departed { runs }));
        self.take(Move::Apply(Command::Persisted { up_to: MessageId(u64::MAX) }));
        assert_eq!(&self.ledger.confirmed, published, "Q6: every publish is answered");
    }
}

/// The messages that were held for being read; of those that were there before, exactly those whose
/// bytes were elsewhere (Q3).
fn cold(effects: &[Effect<u64>], residences: &BTreeMap<MessageId, Residence>) -> BTreeSet<u64> {
    let delivery = |effect: &Effect<u64>| match effect {
        Effect::Deliver { delivery, .. } => Some(delivery.clone()),
        Effect::Reply { reply: Reply::Got { delivery, .. }, .. } => delivery.clone(),
        _ => None,
    };
    let handed_out: Vec<_> = effects.iter().filter_map(delivery).collect();
    for delivery in &handed_out {
        let no_ack = delivery.until_read || delivery.holder.is_none();
        if no_ack && let Some(residence) = residences.get(&delivery.id) {
            assert_eq!(delivery.until_read, *residence == Residence::Disk, "Q3");
        }
    }
    let held = handed_out.iter().filter(|delivery| delivery.until_read);
    held.map(|delivery| delivery.id.0).collect()
}

fn run_against_model(config: QueueConfig, past: Option<&Past>, steps: &[Step]) {
    let mut pair = Pair::new(config, past);
    let mut script = Script::new(config, next_of(past));
    for step in steps {
        let step = script.resolve(step, &pair.model.member_ids());
        pair.take(step);
    }
    pair.finish(&script.published);
}

fn next_of(past: Option<&Past>) -> MessageId {
    past.map_or(MessageId(1), |past| remembered(past).1)
}

/// The moves of a script, with the members as a machine of its own says.
fn resolved(config: QueueConfig, past: Option<&Past>, steps: &[Step]) -> Vec<Move> {
    let next = next_of(past);
    let mut script = Script::new(config, next);
    let mut model = Model::recover(config, next, &[]);
    let resolve = |step: &Step| {
        let step = script.resolve(step, &model.member_ids());
        if let Move::Apply(command) = &step {
            model.apply(NOW, command.clone());
        }
        step
    };
    steps.iter().map(resolve).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Q10 as well: the model pages nothing.
    #[test]
    fn the_machine_does_what_the_model_does(
        (config, past) in beginning(),
        steps in vec(step(), 1..160),
    ) {
        run_against_model(config, past.as_ref(), &steps);
    }

    /// The same commands give the same effects and the same state, also from a copy taken midway.
    #[test]
    fn two_runs_and_a_copy_taken_midway_are_alike(
        (config, past) in beginning(),
        steps in vec(step(), 1..80),
        cut in any::<prop::sample::Index>(),
    ) {
        let past = past.as_ref();
        let moves = resolved(config, past, &steps);
        let cut = cut.index(moves.len());
        let (mut first, mut second) = (Subject::new(config, past), Subject::new(config, past));
        for step in &moves[..cut] {
            prop_assert_eq!(first.take(step), second.take(step));
        }
        let mut copy = first.clone();
        for step in &moves[cut..] {
            let effects = first.take(step);
            prop_assert_eq!(&effects, &second.take(step));
            prop_assert_eq!(&effects, &copy.take(step));
        }
        prop_assert_eq!(&first.machine, &second.machine);
        prop_assert_eq!(&first.machine, &copy.machine);
    }
}
