//! Random commands against the model, and the laws of a deterministic machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{ConsumerId, HolderId, MessageId, PublishSequence};
use crate::queue::{
    Access, Acknowledge, Burst, Command, Consumer, DeleteCondition, Effect, Effects, Flow,
    Incoming, LogMode, Machine, Progress, QueueConfig, Reply, RequestId, Settlement, Span,
};

use super::fixture::{NOW, Pool, publish};
use super::model::Model;

/// One random step; numbers are made to fit when it is taken.
#[derive(Clone, Debug)]
enum Step {
    Enqueue(Vec<Draft>),
    Deliver(Burst),
    Settle(u64, Settlement, Vec<(usize, u64)>),
    Attach { holder: u64, acknowledge: Acknowledge, access: Access },
    Detach(usize),
    Release(u64),
    Recover(u64),
    Flow(usize, Flow),
    SharedCredit(u64),
    Get(Option<u64>),
    Purge,
    Inspect,
    Persisted(usize),
    Delete(DeleteCondition),
}

/// A message to come: persistence, bytes, and whose publish with how many sequences left out.
type Draft = (bool, u64, Option<(u64, u64)>);

/// What a step is on a real queue: the numbers of a script of steps, resolved.
#[derive(Clone, Debug)]
enum Move {
    Apply(Command<u64>),
    Deliver(Burst),
    SharedCredit(u64),
}

/// Turns steps into moves: gives ids, sequences and payloads, and picks among what is there.
#[derive(Clone, Debug, Default)]
struct Script {
    payloads: u64,
    consumers: u64,
    sequences: BTreeMap<u64, u64>,
    published: BTreeSet<(u64, u64)>,
}

impl Script {
    fn resolve(&mut self, step: &Step, members: &[ConsumerId]) -> Move {
        let request = RequestId(self.payloads);
        // A known consumer, or sometimes one that is not there.
        let pick = |at: usize| match at % (members.len() + 1) {
            at if at < members.len() => members[at],
            _ => ConsumerId(u64::MAX),
        };
        let id = |at: usize| at as u64 % (self.payloads + 2);
        Move::Apply(match step {
            Step::Deliver(burst) => return Move::Deliver(*burst),
            Step::SharedCredit(left) => return Move::SharedCredit(*left),
            Step::Enqueue(drafts) => {
                Command::Enqueue(drafts.iter().map(|draft| self.incoming(*draft)).collect())
            }
            Step::Settle(holder, settlement, runs) => {
                let run =
                    |(at, more): &(usize, u64)| (MessageId(id(*at)), MessageId(id(*at) + more));
                let (holder, settlement) = (HolderId(*holder), *settlement);
                Command::Settle { holder, settlement, messages: runs.iter().map(run).collect() }
            }
            Step::Attach { holder, acknowledge, access } => {
                self.consumers += 1;
                let (id, holder) = (ConsumerId(self.consumers), HolderId(*holder));
                let (acknowledge, access) = (*acknowledge, *access);
                Command::Attach { consumer: Consumer { id, holder, acknowledge, access }, request }
            }
            Step::Detach(at) => {
                let request = at.is_multiple_of(2).then_some(request);
                Command::Detach { consumer: pick(at / 2), request }
            }
            Step::Release(holder) => Command::Release { holder: HolderId(*holder) },
            Step::Recover(holder) => Command::Recover { holder: HolderId(*holder) },
            Step::Flow(at, flow) => Command::Flow { consumer: pick(*at), flow: *flow },
            Step::Get(holder) => Command::Get { holder: holder.map(HolderId), request },
            Step::Purge => Command::Purge { request },
            Step::Inspect => Command::Inspect { request },
            Step::Persisted(at) => Command::Persisted { up_to: MessageId(id(*at)) },
            Step::Delete(condition) => {
                Command::Delete { condition: *condition, request: Some(request) }
            }
        })
    }

    fn incoming(&mut self, (persistent, bytes, by): Draft) -> Incoming<u64> {
        self.payloads += 1;
        let publish = by.map(|(holder, left_out)| {
            let sequence = self.sequences.entry(holder).or_insert(0);
            *sequence += 1 + left_out;
            self.published.insert((holder, *sequence));
            publish(holder, *sequence)
        });
        Incoming { payload: self.payloads, bytes, persistent, publish }
    }
}

/// A machine with its shared credit.
#[derive(Clone, Debug)]
struct Subject {
    machine: Machine<u64>,
    pool: Pool,
}

impl Subject {
    fn new(config: QueueConfig) -> Self {
        Self { machine: Machine::new(config), pool: Pool { left: 0, asked: Vec::new() } }
    }

    fn take(&mut self, step: &Move) -> (Vec<Effect<u64>>, Progress) {
        let mut effects = Effects::new();
        let mut progress = Progress::Idle;
        match step {
            Move::Apply(command) => self.machine.apply(NOW, command.clone(), &mut effects),
            Move::Deliver(burst) => {
                progress = self.machine.deliver(NOW, *burst, &mut self.pool, &mut effects);
            }
            Move::SharedCredit(left) => self.pool.left = *left,
        }
        (effects.drain().collect(), progress)
    }
}

/// Effects without what is left open: where confirms and releases stand, and how confirms are cut.
#[derive(PartialEq, Debug, Default)]
struct Outcome {
    handed_out: Vec<Effect<u64>>,
    appended: Vec<Effect<u64>>,
    replies: Vec<(RequestId, Reply<u64>)>,
    released: Vec<MessageId>,
    released_bytes: u64,
    released_appended: u64,
    confirmed: Vec<(u64, u64)>,
    cancelled: Vec<ConsumerId>,
    deleted: bool,
}

impl Outcome {
    fn of(effects: Vec<Effect<u64>>) -> Self {
        let mut outcome = Self::default();
        for effect in effects {
            match effect {
                Effect::Deliver { .. } => outcome.handed_out.push(effect),
                Effect::Append { .. } => outcome.appended.push(effect),
                Effect::Reply { request, reply } => outcome.replies.push((request, reply)),
                Effect::Release(Span { first, last, messages, bytes, appended }) => {
                    let before = outcome.released.len();
                    outcome.released.extend((first.0..=last.0).map(MessageId));
                    assert_eq!((outcome.released.len() - before) as u64, messages);
                    outcome.released_bytes += bytes;
                    outcome.released_appended += appended;
                }
                Effect::Confirm { first, last: PublishSequence(last) } => {
                    assert!(first.sequence.0 <= last, "an empty run");
                    let run = first.sequence.0..=last;
                    outcome.confirmed.extend(run.map(|sequence| (first.holder.0, sequence)));
                }
                Effect::CancelConsumer { consumer } => outcome.cancelled.push(consumer),
                Effect::Deleted => outcome.deleted = true,
                Effect::Refuse { .. } => panic!("nothing is refused yet"),
                Effect::PageOut { .. } | Effect::PageIn { .. } => panic!("nothing is paged"),
            }
        }
        outcome.released.sort_unstable();
        outcome.confirmed.sort_unstable();
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
}

impl Ledger {
    fn note(&mut self, outcome: &Outcome) {
        for id in &outcome.released {
            assert!(self.released.insert(*id), "Q1: {id} was released twice");
        }
        for publish in &outcome.confirmed {
            assert!(self.confirmed.insert(*publish), "Q6: {publish:?} was confirmed twice");
        }
        let mut last = 0;
        for effect in &outcome.handed_out {
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

fn run_against_model(config: QueueConfig, steps: &[Step]) {
    let mut subject = Subject::new(config);
    let mut model = Model::new(config);
    let mut model_pool = subject.pool.clone();
    let mut script = Script::default();
    let mut ledger = Ledger::default();
    for step in steps {
        let step = script.resolve(step, &model.member_ids());
        let (effects, progress) = subject.take(&step);
        let (expected, expected_progress) = match step {
            Move::Apply(command) => (model.apply(command), Progress::Idle),
            Move::Deliver(burst) => model.deliver(burst, &mut model_pool),
            Move::SharedCredit(left) => {
                model_pool.left = left;
                (Vec::new(), Progress::Idle)
            }
        };
        let outcome = Outcome::of(effects);
        ledger.note(&outcome);
        assert_eq!((outcome, progress), (Outcome::of(expected), expected_progress));
        assert_eq!(subject.pool.asked, model_pool.asked);

        let machine = &subject.machine;
        machine.check_invariants();
        let (taken, [ready, held, gone]) = model.counts();
        assert_eq!(machine.ready() + machine.unsettled(), (ready + held) as u64);
        assert_eq!(ready + held + ledger.released.len(), taken, "conservation");
        assert_eq!(ledger.released.len(), gone);
        assert_eq!((machine.ready_bytes(), machine.unsettled_bytes()), model.bytes());
        assert_eq!(machine.consumers(), model.member_ids().len() as u64);
        assert_eq!(machine.is_deleted(), model.is_deleted());
    }
    let last = Move::Apply(Command::Persisted { up_to: MessageId(u64::MAX) });
    ledger.note(&Outcome::of(subject.take(&last).0));
    assert_eq!(ledger.confirmed, script.published, "Q6: every publish is confirmed");
}

/// The moves of a script, with the members as a machine of its own says.
fn resolved(config: QueueConfig, steps: &[Step]) -> Vec<Move> {
    let mut script = Script::default();
    let mut model = Model::new(config);
    let resolve = |step: &Step| {
        let step = script.resolve(step, &model.member_ids());
        if let Move::Apply(command) = &step {
            model.apply(command.clone());
        }
        step
    };
    steps.iter().map(resolve).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

        #[test]
        fn the_machine_does_what_the_model_does(config in config(), steps in vec(step(), 1..120)) {
            run_against_model(config, &steps);
        }

        /// The same commands give the same effects and the same state, also from a copy taken midway.
        #[test]
        fn two_runs_and_a_copy_taken_midway_are_alike(
            config in config(),
            steps in vec(step(), 1..80),
            cut in any::<prop::sample::Index>(),
        ) {
            let moves = resolved(config, &steps);
            let cut = cut.index(moves.len());
            let (mut first, mut second) = (Subject::new(config), Subject::new(config));
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

    fn draft() -> impl Strategy<Value = Draft> {
        (any::<bool>(), 0..50u64, prop::option::weighted(0.8, (1..3u64, 0..2u64)))
    }

    fn attach() -> impl Strategy<Value = Step> {
        let acknowledge = prop_oneof![
            1 => Just(Acknowledge::Automatic),
            4 => (1..5u32, prop::bool::weighted(0.3))
                .prop_map(|(prefetch, shared)| Acknowledge::Manual { prefetch, shared }),
        ];
        let access = prop_oneof![9 => Just(Access::Shared), 1 => Just(Access::Exclusive)];
        (1..4u64, acknowledge, access).prop_map(|(holder, acknowledge, access)| Step::Attach {
            holder,
            acknowledge,
            access,
        })
    }

    fn step() -> impl Strategy<Value = Step> {
        let holder = || 1..4u64;
        let settlement = prop_oneof![
            3 => Just(Settlement::Ack),
            2 => Just(Settlement::Requeue),
            1 => Just(Settlement::Discard),
        ];
        let flow = prop_oneof![3 => Just(Flow::Open), 1 => Just(Flow::Held)];
        let condition = (any::<bool>(), any::<bool>())
            .prop_map(|(if_unused, if_empty)| DeleteCondition { if_unused, if_empty });
        prop_oneof![
            24 => vec(draft(), 0..6).prop_map(Step::Enqueue),
            36 => (1..8usize, 1..150u64)
                .prop_map(|(messages, bytes)| Step::Deliver(Burst { messages, bytes })),
            30 => (holder(), settlement, vec((any::<usize>(), 0..4u64), 1..4))
                .prop_map(|(holder, settlement, runs)| Step::Settle(holder, settlement, runs)),
            12 => attach(),
            4 => any::<usize>().prop_map(Step::Detach),
            3 => holder().prop_map(Step::Release),
            3 => holder().prop_map(Step::Recover),
            10 => (any::<usize>(), flow).prop_map(|(who, flow)| Step::Flow(who, flow)),
            8 => (0..9u64).prop_map(Step::SharedCredit),
            8 => prop::option::weighted(0.7, holder()).prop_map(Step::Get),
            2 => Just(Step::Purge),
            2 => Just(Step::Inspect),
            12 => any::<usize>().prop_map(Step::Persisted),
            2 => condition.prop_map(Step::Delete),
        ]
    }

    fn config() -> impl Strategy<Value = QueueConfig> {
        let log = prop_oneof![1 => Just(LogMode::Volatile), 3 => Just(LogMode::Logged)];
        (log, prop::bool::weighted(0.2)).prop_map(|(log, auto_delete)| QueueConfig {
            log,
            auto_delete,
            paging: None,
        })
    }
}
