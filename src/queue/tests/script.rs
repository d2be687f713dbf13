//! Scripts of random steps, and how they become commands for a queue.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::{ConsumerId, HolderId, MessageId, Millis, TimeToLive};
use crate::queue::{
    Access, Acknowledge, Attempt, Burst, Command, Consumer, DeadLetter, Delay, DelayedRetry,
    DeleteCondition, Flow, Incoming, LogMode, Overflow, Paging, QueueConfig, RequestId, Residence,
    Settlement, WhenDue,
};

use super::fixture::publish;

/// One random step; numbers are made to fit when it is taken.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Enqueue(Vec<Draft>),
    Deliver(Burst),
    Settle(u64, Settlement, Vec<(usize, u64)>),
    Attach { holder: u64, acknowledge: Acknowledge, access: Access, priority: i32 },
    Detach(usize),
    Release(u64),
    Flow(usize, Flow),
    SharedCredit(u64),
    Get(Option<u64>),
    Purge,
    Inspect,
    Persisted(usize),
    Delete(DeleteCondition),
    Exchange(usize, u64, Residence),
    Answer(usize),
    Configure(Features),
    Pass(u64),
    Departed(usize, u64),
}

/// What [`Command::Configure`] may change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    dead_letter: DeadLetter,
    message_ttl: Option<u64>,
    limits: (Option<u64>, Option<u64>, Overflow),
    delivery_limit: Option<u32>,
    delayed_retry: Option<DelayedRetry>,
}

/// A message to come: persistence, bytes, whose publish with how many sequences left out, its TTL, its
/// priority, and how much later it is due.
pub(super) type Draft = (bool, u64, Option<(u64, u64)>, Option<u64>, u8, Option<u32>);

/// What a step is on a real queue: the numbers of a script of steps, resolved.
#[derive(Clone, Debug)]
pub(super) enum Move {
    Apply(Command<u64>),
    Deliver(Burst),
    SharedCredit(u64),
    /// Shows the handles in a run of ids and says where their bytes are.
    Exchange(MessageId, MessageId, Residence),
    /// One of the answers that are on their way arrives.
    Answer(usize),
    /// So many milliseconds pass.
    Pass(u64),
}

/// Turns steps into moves: gives ids, sequences and payloads, and picks among what is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    declared: QueueConfig,
    timed: bool,
    now: Millis,
    payloads: u64,
    consumers: u64,
    sequences: BTreeMap<u64, u64>,
    pub(super) published: BTreeSet<(u64, u64)>,
}

/// What a queue held before a restart: the gap before each message, its bytes, and how often it was
/// handed out; and the gap before the next message.
pub(super) type Past = (Vec<(u64, u64, u16)>, u64);

impl Script {
    /// A script for a queue whose next message has this id.
    pub(super) fn new(declared: QueueConfig, next: MessageId) -> Self {
        let timed = declared.paging.is_none();
        Self { declared, timed, payloads: next.0 - 1, ..Self::default() }
    }

    pub(super) fn resolve(&mut self, step: &Step, members: &[ConsumerId]) -> Move {
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
            Step::Exchange(at, more, residence) => {
                let (first, last) = (MessageId(id(*at)), MessageId(id(*at) + more));
                return Move::Exchange(first, last, *residence);
            }
            Step::Answer(which) => return Move::Answer(*which),
            Step::Pass(ms) => {
                self.now = self.now.after(*ms);
                return Move::Pass(*ms);
            }
            Step::Configure(features) => {
                Command::Configure(Box::new(with(self.declared, *features)))
            }
            Step::Departed(at, more) => {
                Command::Departed { runs: vec![(MessageId(id(*at)), MessageId(id(*at) + more))] }
            }
            Step::Enqueue(drafts) => {
                Command::Enqueue(drafts.iter().map(|draft| self.incoming(*draft)).collect())
            }
            Step::Settle(holder, settlement, runs) => {
                let run =
                    |(at, more): &(usize, u64)| (MessageId(id(*at)), MessageId(id(*at) + more));
                let (holder, settlement) = (HolderId(*holder), *settlement);
                Command::Settle { holder, settlement, messages: runs.iter().map(run).collect() }
            }
            Step::Attach { holder, acknowledge, access, priority } => {
                self.consumers += 1;
                let (id, holder) = (ConsumerId(self.consumers), HolderId(*holder));
                let (acknowledge, access, priority) = (*acknowledge, *access, *priority);
                let consumer =
                    Consumer { id, holder, acknowledge, access, priority, timeout: None };
                Command::Attach { consumer, request }
            }
            Step::Detach(at) => {
                let request = at.is_multiple_of(2).then_some(request);
                Command::Detach { consumer: pick(at / 2), request }
            }
            Step::Release(holder) => Command::Release { holder: HolderId(*holder) },
            Step::Flow(at, flow) => Command::Flow { consumer: pick(*at), flow: *flow },
            Step::Get(holder) => {
                let (no_ack, holder) = (holder.is_none(), HolderId(holder.unwrap_or(4)));
                Command::Get { holder, no_ack, request }
            }
            Step::Purge => Command::Purge { request },
            Step::Inspect => Command::Inspect { request },
            Step::Persisted(at) => Command::Persisted { up_to: MessageId(id(*at)) },
            Step::Delete(condition) => {
                Command::Delete { condition: *condition, request: Some(request) }
            }
        })
    }

    fn incoming(&mut self, (persistent, bytes, by, ttl, priority, delay): Draft) -> Incoming<u64> {
        self.payloads += 1;
        let publish = by.map(|(holder, left_out)| {
            let sequence = self.sequences.entry(holder).or_insert(0);
            *sequence += 1 + left_out;
            self.published.insert((holder, *sequence));
            publish(holder, *sequence)
        });
        let ttl = ttl.filter(|_| self.timed).map(TimeToLive::from_ms);
        let due = delay.map(Delay::from_ms);
        Incoming { payload: self.payloads, bytes, persistent, publish, ttl, priority, due }
    }
}

fn draft() -> impl Strategy<Value = Draft> {
    let by = prop::option::weighted(0.8, (1..3u64, 0..2u64));
    let ttl = prop::option::weighted(0.3, 0..40u64);
    (any::<bool>(), 0..50u64, by, ttl, 0..5u8, prop::option::weighted(0.3, 0..40u32))
}

fn attach() -> impl Strategy<Value = Step> {
    let acknowledge = prop_oneof![
        1 => Just(Acknowledge::Automatic),
        4 => (1..5u32, prop::bool::weighted(0.3))
            .prop_map(|(prefetch, shared)| Acknowledge::Manual { prefetch, shared }),
    ];
    let access = prop_oneof![9 => Just(Access::Shared), 1 => Just(Access::Exclusive)];
    let priority = prop_oneof![3 => Just(0), 1 => -1..3i32];
    (1..4u64, acknowledge, access, priority).prop_map(|(holder, acknowledge, access, priority)| {
        Step::Attach { holder, acknowledge, access, priority }
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let holder = || 1..5u64;
    let settlement = prop_oneof![
        3 => Just(Settlement::Ack),
        2 => Just(Settlement::Requeue(Attempt::Returned)),
        1 => Just(Settlement::Requeue(Attempt::Failed)),
        1 => Just(Settlement::Discard),
    ];
    let flow = prop_oneof![3 => Just(Flow::Open), 1 => Just(Flow::Held)];
    let condition = (any::<bool>(), any::<bool>())
        .prop_map(|(if_unused, if_empty)| DeleteCondition { if_unused, if_empty });
    prop_oneof![
        28 => vec(draft(), 0..10).prop_map(Step::Enqueue),
        36 => (1..8usize, 1..150u64)
            .prop_map(|(messages, bytes)| Step::Deliver(Burst { messages, bytes })),
        30 => (holder(), settlement, vec((any::<usize>(), 0..4u64), 1..4))
            .prop_map(|(holder, settlement, runs)| Step::Settle(holder, settlement, runs)),
        12 => attach(),
        4 => any::<usize>().prop_map(Step::Detach),
        3 => holder().prop_map(Step::Release),
        10 => (any::<usize>(), flow).prop_map(|(who, flow)| Step::Flow(who, flow)),
        8 => (0..9u64).prop_map(Step::SharedCredit),
        8 => prop::option::weighted(0.7, holder()).prop_map(Step::Get),
        2 => Just(Step::Purge),
        2 => Just(Step::Inspect),
        16 => any::<usize>().prop_map(Step::Persisted),
        1 => condition.prop_map(Step::Delete),
        8 => (any::<usize>(), 0..9u64, residence())
            .prop_map(|(at, more, residence)| Step::Exchange(at, more, residence)),
        30 => any::<usize>().prop_map(Step::Answer),
        2 => features().prop_map(Step::Configure),
        14 => (0..20u64).prop_map(Step::Pass),
        16 => (any::<usize>(), 0..9u64).prop_map(|(at, more)| Step::Departed(at, more)),
    ]
}

fn features() -> impl Strategy<Value = Features> {
    let dead_letter = prop_oneof![
        4 => Just(DeadLetter::Drop),
        2 => Just(DeadLetter::AtMostOnce),
        2 => (1..4u32).prop_map(|departing_max| DeadLetter::AtLeastOnce { departing_max }),
    ];
    let overflow = prop_oneof![
        2 => Just(Overflow::DropHead),
        1 => Just(Overflow::RejectPublish),
        1 => Just(Overflow::RejectPublishDlx),
    ];
    let length = prop::option::weighted(0.3, 0..12u64);
    let limits = (length, prop::option::weighted(0.2, 0..300u64), overflow);
    let ttl = prop::option::weighted(0.3, 0..40u64);
    let attempt = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Attempt::Returned)),
        1 => Just(Some(Attempt::Failed)),
    ];
    let retry =
        (attempt, 0..20u32, 0..50u32).prop_map(|(only, min, max)| DelayedRetry { only, min, max });
    let returns = (prop::option::weighted(0.3, 0..3u32), prop::option::weighted(0.3, retry));
    (dead_letter, ttl, limits, returns).prop_map(
        |(dead_letter, message_ttl, limits, (delivery_limit, delayed_retry))| Features {
            dead_letter,
            message_ttl,
            limits,
            delivery_limit,
            delayed_retry,
        },
    )
}

/// What works of its own accord is left out of a queue that pages: its model has nothing away.
fn with(config: QueueConfig, features: Features) -> QueueConfig {
    let Features { dead_letter, delivery_limit, delayed_retry, .. } = features;
    let keeps_failures = delivery_limit.is_some();
    let config = QueueConfig { dead_letter, delivery_limit, keeps_failures, ..config };
    if config.paging.is_some() {
        return QueueConfig { due: WhenDue::Ignored, ..config };
    }
    let Features { message_ttl, limits: (max_length, max_length_bytes, overflow), .. } = features;
    let config = QueueConfig { message_ttl, delayed_retry, ..config };
    QueueConfig { max_length, max_length_bytes, overflow, ..config }
}

fn residence() -> impl Strategy<Value = Residence> {
    prop_oneof![Just(Residence::Ram), Just(Residence::Disk)]
}

/// A configuration, and what the queue held before a restart if it was there before.
pub(super) fn beginning() -> impl Strategy<Value = (QueueConfig, Option<Past>)> {
    let log = prop_oneof![1 => Just(LogMode::Volatile), 3 => Just(LogMode::Logged)];
    let paging = (1..5u32, prop_oneof![Just(u64::MAX), 0..200u64], 1..5u32)
        .prop_map(|(window, window_bytes, piece)| Paging { window, window_bytes, piece });
    let due = prop_oneof![
        4 => Just(WhenDue::Ignored),
        1 => Just(WhenDue::Ready),
        1 => Just(WhenDue::Forward),
    ];
    let levels = (prop::option::weighted(0.25, 1..4u8), due);
    let rare = || prop::bool::weighted(0.2);
    let paging = prop::option::weighted(0.7, paging);
    let declared = (log, rare(), paging, rare(), levels).prop_map(
        |(log, auto_delete, paging, single_active, (max_priority, due))| QueueConfig {
            log,
            auto_delete,
            paging,
            single_active,
            max_priority,
            due,
            ..QueueConfig::default()
        },
    );
    let config = (declared, features()).prop_map(|(config, features)| with(config, features));
    let past = (vec((0..3u64, 0..50u64, 0..3u16), 1..40), 0..3u64);
    (config, prop::option::weighted(0.3, past))
        .prop_map(|(config, past)| (config, past.filter(|_| config.paging.is_some())))
}
