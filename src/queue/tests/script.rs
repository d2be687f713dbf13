//! Scripts of random steps, and how they become commands for a queue.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::{ConsumerId, HolderId, MessageId};
use crate::queue::{
    Access, Acknowledge, Burst, Command, Consumer, DeleteCondition, Flow, Incoming, LogMode,
    Paging, QueueConfig, RequestId, Residence, Settlement,
};

use super::fixture::publish;

/// One random step; numbers are made to fit when it is taken.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Enqueue(Vec<Draft>),
    Deliver(Burst),
    Settle(u64, Settlement, Vec<(usize, u64)>),
    Attach { holder: u64, acknowledge: Acknowledge, access: Access },
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
}

/// A message to come: persistence, bytes, and whose publish with how many sequences left out.
pub(super) type Draft = (bool, u64, Option<(u64, u64)>);

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
}

/// Turns steps into moves: gives ids, sequences and payloads, and picks among what is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    payloads: u64,
    consumers: u64,
    sequences: BTreeMap<u64, u64>,
    pub(super) published: BTreeSet<(u64, u64)>,
}

/// What a queue held before a restart: the gap before each message, its bytes, and how often it was
/// handed out; and the gap before the next message.
pub(super) type Past = (Vec<(u64, u64, u32)>, u64);

impl Script {
    /// A script for a queue whose next message has this id.
    pub(super) fn new(next: MessageId) -> Self {
        Self { payloads: next.0 - 1, ..Self::default() }
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

pub(super) fn step() -> impl Strategy<Value = Step> {
    let holder = || 1..5u64;
    let settlement = prop_oneof![
        3 => Just(Settlement::Ack),
        2 => Just(Settlement::Requeue),
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
    ]
}

fn residence() -> impl Strategy<Value = Residence> {
    prop_oneof![Just(Residence::Ram), Just(Residence::Disk)]
}

/// A configuration, and what the queue held before a restart if it was there before.
pub(super) fn beginning() -> impl Strategy<Value = (QueueConfig, Option<Past>)> {
    let log = prop_oneof![1 => Just(LogMode::Volatile), 3 => Just(LogMode::Logged)];
    let paging = (1..5u32, prop_oneof![Just(u64::MAX), 0..200u64], 1..5u32)
        .prop_map(|(window, window_bytes, piece)| Paging { window, window_bytes, piece });
    let config = (log, prop::bool::weighted(0.2), prop::option::weighted(0.7, paging))
        .prop_map(|(log, auto_delete, paging)| QueueConfig { log, auto_delete, paging });
    let past = (vec((0..3u64, 0..50u64, 0..3u32), 1..40), 0..3u64);
    (config, prop::option::weighted(0.3, past))
        .prop_map(|(config, past)| (config, past.filter(|_| config.paging.is_some())))
}
