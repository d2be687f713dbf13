//! Messages that were handed out and are not settled, by who holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::limits::OUTSTANDING_LOOKED_AT_MAX;
use crate::base::{ConsumerId, HolderId, Message, MessageId, Millis};
use crate::broker::payload::Payload;
use crate::broker::{Cell, ConsumerReport};

/// See the module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Holdings {
    /// Who holds something.
    pub holders: Vec<Holding>,
    /// Whether there is more than was looked at.
    pub is_cut: bool,
}

/// What one consumer, or one channel without a consumer of this queue, holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Holding {
    /// The opening of the channel.
    pub holder: HolderId,
    /// The consumer; `None` for what was fetched, or whose consumer has left.
    pub consumer: Option<ConsumerReport>,
    /// How many messages.
    pub count: u64,
    /// The oldest of them, in the order in which they were handed out.
    pub messages: Vec<HoldingMessage>,
}

/// A message that somebody holds.
#[derive(Clone, PartialEq, Debug)]
pub struct HoldingMessage {
    /// Its id in the queue.
    pub id: MessageId,
    /// When it was handed out.
    pub at: Millis,
    /// How often it was handed out before that.
    pub acquired_count: u16,
    /// The message; `None` when it cannot be read from disk.
    pub message: Option<Message>,
}

type Held = BTreeSet<(Millis, MessageId, u16)>;

/// The oldest so many of one holder.
#[derive(Default)]
struct Oldest {
    count: u64,
    held: Held,
    payloads: BTreeMap<MessageId, Payload>,
}

impl Oldest {
    fn add(&mut self, at: Millis, id: MessageId, acquired: u16, payload: &Payload, most: usize) {
        self.count += 1;
        if self.held.len() == most {
            let Some(youngest) = self.held.last().copied() else { return };
            if youngest <= (at, id, acquired) {
                return;
            }
            self.held.remove(&youngest);
            self.payloads.remove(&youngest.1);
        }
        self.held.insert((at, id, acquired));
        self.payloads.insert(id, payload.clone());
    }
}

impl Cell {
    /// What is held, with the oldest `most` messages of each holder. Blocks on the disk when their bodies are
    /// there.
    #[must_use]
    pub fn holdings(self: &Arc<Self>, most: usize) -> Holdings {
        let (mut all, mut looks) = (BTreeMap::<_, Oldest>::new(), 0_usize);
        let mut reports: BTreeMap<ConsumerId, ConsumerReport> = BTreeMap::new();
        let unsettled = self.look(|core| {
            core.machine.outstanding(|one| {
                let oldest = all.entry((one.holder, one.consumer)).or_default();
                oldest.add(one.at, one.id, one.acquired_count, one.payload, most);
                looks += 1;
                looks < OUTSTANDING_LOOKED_AT_MAX
            });
            for (consumer, unacknowledged, active) in core.machine.attached() {
                let report = core.executor.consumer_report(consumer, unacknowledged, active);
                reports.extend(report.map(|report| (consumer.id, report)));
            }
            core.machine.unsettled()
        });
        let holders = all.into_iter().map(|((holder, consumer), oldest)| {
            let Oldest { count, held, mut payloads } = oldest;
            let messages = held.into_iter().filter_map(|(at, id, acquired_count)| {
                let message = self.content_of(payloads.remove(&id)?, id).load().ok();
                Some(HoldingMessage { id, at, acquired_count, message })
            });
            let consumer = consumer.and_then(|id| reports.get(&id).cloned());
            Holding { holder, consumer, count, messages: messages.collect() }
        });
        Holdings { holders: holders.collect(), is_cut: (looks as u64) < unsettled }
    }
}
