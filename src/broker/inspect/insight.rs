//! The facts of a queue from which it can be explained why it does not move.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Arrival;
use crate::base::limits::OUTSTANDING_LOOKED_AT_MAX;
use crate::base::{ConsumerId, Millis};
use crate::broker::cell::Core;
use crate::broker::{Cell, ConsumerReport, DeadLetterLosses};
use crate::queue::{Depths, Flow, Losses};

/// A queue at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueInsight {
    /// The moment.
    pub now: Millis,
    /// Messages that wait.
    pub ready: u64,
    /// Messages that were handed out and not settled.
    pub unacknowledged: u64,
    /// Messages that wait for their moment.
    pub delayed: u64,
    /// Dead letters that have not arrived yet.
    pub departing: u64,
    /// When the oldest waiting message came, as far as that is known.
    pub oldest_ready: Option<Arrival>,
    /// When the message was handed out that is held longest.
    pub oldest_unacknowledged: Option<Millis>,
    /// Messages that were fetched, or whose consumer has left, and when the oldest of them was handed out.
    pub unowned: Option<(u64, Millis)>,
    /// Who consumes.
    pub consumers: Vec<ConsumerInsight>,
    /// Sums of the machine.
    pub depths: Depths,
    /// What was dropped so far.
    pub losses: Losses,
    /// Dead letters that were lost.
    pub dead_letter_losses: DeadLetterLosses,
    /// Messages that cannot be read back from disk.
    pub lost: u64,
    /// Consumers that were cancelled because they did not acknowledge in time, and when the last one was.
    pub timed_out: Option<(u64, Millis)>,
    /// Bytes of messages in RAM.
    pub ram_bytes: u64,
    /// Whether it broke an invariant of its own.
    pub is_crashed: bool,
}

/// A consumer and what it holds.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerInsight {
    /// Who it is.
    pub report: ConsumerReport,
    /// What holds it back besides its prefetch.
    pub restraint: Restraint,
    /// How long it may take to settle a message, in ms.
    pub timeout_ms: Option<u64>,
    /// When the oldest message that it holds was handed out.
    pub oldest_at: Option<Millis>,
    /// When the newest one was: a consumer that is full is so since then.
    pub newest_at: Option<Millis>,
}

/// What holds a consumer back besides its prefetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restraint {
    /// Nothing.
    None,
    /// Its connection takes nothing more for now.
    Connection,
    /// The credit that the consumers of its channel share is used up; that many messages.
    SharedPrefetch(u32),
}

/// The moments of what one consumer holds.
#[derive(Clone, Copy)]
struct Span {
    count: u64,
    oldest: Millis,
    newest: Millis,
}

impl Span {
    fn add(&mut self, at: Millis) {
        self.count += 1;
        (self.oldest, self.newest) = (self.oldest.min(at), self.newest.max(at));
    }
}

impl Cell {
    /// Looks at the queue. Waits for a turn of it to end, which is bounded; of what was handed out it looks at
    /// [`OUTSTANDING_LOOKED_AT_MAX`] messages.
    #[must_use]
    pub fn insight(self: &Arc<Self>, now: Millis) -> QueueInsight {
        self.look(|core| self.insight_of(core, now))
    }

    fn insight_of(&self, core: &Core, now: Millis) -> QueueInsight {
        let (machine, executor) = (&core.machine, &core.executor);
        let mut held: BTreeMap<Option<ConsumerId>, Span> = BTreeMap::new();
        let mut looks = 0;
        machine.outstanding(|one| {
            let new = Span { count: 0, oldest: one.at, newest: one.at };
            held.entry(one.consumer).or_insert(new).add(one.at);
            looks += 1;
            looks < OUTSTANDING_LOOKED_AT_MAX
        });
        let consumers = machine.standings().filter_map(|standing| {
            let (consumer, active) = (standing.consumer, !standing.stands_by);
            let report = executor.consumer_report(consumer, standing.unsettled, active)?;
            let restraint = match standing.flow {
                Flow::Open => Restraint::None,
                Flow::Held => executor.restraint(consumer.holder),
            };
            let span = held.get(&Some(consumer.id));
            let (oldest_at, newest_at) = (span.map(|s| s.oldest), span.map(|s| s.newest));
            let timeout_ms = standing.timeout;
            Some(ConsumerInsight { report, restraint, timeout_ms, oldest_at, newest_at })
        });
        QueueInsight {
            now,
            ready: machine.ready(),
            unacknowledged: machine.unsettled(),
            delayed: machine.delayed(),
            departing: machine.departing(),
            oldest_ready: machine.oldest_ready().and_then(|id| core.arrivals.of(id)),
            oldest_unacknowledged: held.values().map(|span| span.oldest).min(),
            unowned: held.get(&None).map(|span| (span.count, span.oldest)),
            consumers: consumers.collect(),
            depths: machine.depths(),
            losses: machine.losses(),
            dead_letter_losses: self.dead_letter_losses(),
            lost: self.lost_messages(),
            timed_out: self.timed_out.get(),
            ram_bytes: machine.ram_bytes(),
            is_crashed: self.is_crashed(),
        }
    }
}
