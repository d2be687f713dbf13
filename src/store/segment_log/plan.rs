//! What one group will write, worked out before the first byte.
//!
//! * A message whose settle is in the same group is not written, and neither is that part of the
//!   settle (L4): nobody who starts after a crash needs either.
//! * Handles of one message share one record.
//! * Settles and deliveries of one queue become one record with runs, unless they belong to an atomic
//!   submission, whose records stay together.

use std::collections::{BTreeMap, HashMap};

use super::runs::Runs;
use crate::base::{Message, MessageId};
use crate::store::format::{RECORD_HEADER_BYTES, Target, message_room};
use crate::store::{Entry, Lifetime, Mark, QueueNumber, Run, Submission};

/// One record to be written.
pub(super) enum Planned<'a> {
    Message {
        message: &'a Message,
        lifetime: Lifetime,
        first: Target,
        more: Vec<Target>,
    },
    Settle {
        queue: QueueNumber,
        runs: Runs,
    },
    /// Runs may overlap: every one counts.
    Delivered {
        queue: QueueNumber,
        mark: Mark,
        runs: Vec<Run>,
    },
    DropQueue {
        queue: QueueNumber,
    },
    /// The next so many records count all or not at all.
    Batch {
        records: usize,
    },
}

/// See the module.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) records: Vec<Planned<'a>>,
    /// For every Enqueue of the group, in order: which record it is, if any.
    pub(super) places: Vec<Option<usize>>,
    /// Messages that are not written because they are settled already.
    pub(super) cancelled: BTreeMap<QueueNumber, Runs>,
    /// The most bytes it takes.
    pub(super) room: usize,
    settled: BTreeMap<QueueNumber, Runs>,
    /// Which record has the message of an address; asked only when several queues have messages.
    shared: HashMap<(usize, Lifetime), usize>,
    many_queues: bool,
}

/// What a group takes beside its records.
const GROUP_ROOM: usize = 64;

/// What a record of runs takes beside its runs.
const RUNS_ROOM: usize = RECORD_HEADER_BYTES + 8 + 8;

/// What one more queue of a message takes.
const TARGET_ROOM: usize = 24;

impl<'a> Plan<'a> {
    /// The plan for these submissions.
    pub(super) fn of(submissions: &'a [Submission]) -> Self {
        let settled = settled_by(submissions);
        let cancelled = cancelled_in(submissions, &settled);
        let many_queues = has_many_queues(submissions);
        let mut plan =
            Self { room: GROUP_ROOM, settled, cancelled, many_queues, ..Self::default() };
        for submission in submissions {
            if submission.atomic {
                let outside = std::mem::take(&mut plan.shared);
                plan.atomic(submission);
                plan.shared = outside;
            } else {
                plan.messages(&submission.entries);
            }
        }
        plan.facts(submissions);
        plan
    }

    fn messages(&mut self, entries: &'a [Entry]) {
        self.places.reserve(entries.len());
        for entry in entries {
            if let Entry::Enqueue { queue, id, message, options } = entry {
                let expires_unix_ms = options.expires_unix_ms;
                let target = Target { queue: *queue, id: *id, expires_unix_ms };
                let place = self.message(message, options.lifetime, target);
                self.places.push(place);
            }
        }
    }

    /// The record that holds this message for this queue; a new one unless another queue has it too.
    fn message(
        &mut self,
        message: &'a Message,
        lifetime: Lifetime,
        target: Target,
    ) -> Option<usize> {
        let cancelled = self.cancelled.get(&target.queue);
        if cancelled.is_some_and(|runs| runs.contains(target.id)) {
            return None;
        }
        let new_place = self.records.len();
        if self.many_queues {
            let key = (message.address(), lifetime);
            let place = *self.shared.entry(key).or_insert(new_place);
            if let Some(Planned::Message { more, .. }) = self.records.get_mut(place) {
                more.push(target);
                self.room += TARGET_ROOM;
                return Some(place);
            }
        }
        self.room += message_room(message, 1);
        self.records.push(Planned::Message { message, lifetime, first: target, more: Vec::new() });
        Some(new_place)
    }

    fn atomic(&mut self, submission: &'a Submission) {
        let start = self.records.len();
        self.records.push(Planned::Batch { records: 0 });
        self.room += RUNS_ROOM;
        self.messages(&submission.entries);
        for entry in &submission.entries {
            match entry {
                Entry::Enqueue { .. } => {}
                Entry::Settle { queue, runs } => {
                    self.settle(*queue, &runs.iter().copied().collect());
                }
                Entry::Delivered { queue, mark, runs } => {
                    self.delivered((*queue, *mark), runs.clone());
                }
                Entry::DropQueue { queue } => self.drop_queue(*queue),
            }
        }
        match self.records.len() - start - 1 {
            0 => self.records.truncate(start),
            records => self.records[start] = Planned::Batch { records },
        }
    }

    /// The facts of all submissions that are not atomic, by queue.
    fn facts(&mut self, submissions: &[Submission]) {
        let mut delivered: BTreeMap<(QueueNumber, Mark), Vec<Run>> = BTreeMap::new();
        let mut settled: BTreeMap<QueueNumber, Runs> = BTreeMap::new();
        let mut dropped = Vec::new();
        let plain = submissions.iter().filter(|submission| !submission.atomic);
        for entry in plain.flat_map(|submission| &submission.entries) {
            match entry {
                Entry::Enqueue { .. } => {}
                Entry::Delivered { queue, mark, runs } => {
                    let known = delivered.entry((*queue, *mark)).or_default();
                    known.extend(self.still_there(*queue, runs));
                }
                Entry::Settle { queue, runs } => {
                    let known = settled.entry(*queue).or_default();
                    known.extend(runs);
                }
                Entry::DropQueue { queue } => dropped.push(*queue),
            }
        }
        for (which, runs) in delivered {
            self.delivered(which, runs);
        }
        for (queue, mut runs) in settled {
            runs.tidy();
            self.settle(queue, &runs);
        }
        for queue in dropped {
            self.drop_queue(queue);
        }
    }

    /// These deliveries without those of messages that the group settles.
    fn still_there(&self, queue: QueueNumber, runs: &[Run]) -> Vec<Run> {
        match self.settled.get(&queue) {
            None => runs.to_vec(),
            Some(settled) => {
                let each = runs.iter().map(|run| Runs::from_iter([*run]).without(settled));
                each.flat_map(|left| left.as_slice().to_vec()).collect()
            }
        }
    }

    fn settle(&mut self, queue: QueueNumber, runs: &Runs) {
        let runs = match self.cancelled.get(&queue) {
            Some(cancelled) => runs.without(cancelled),
            None => runs.clone(),
        };
        if !runs.as_slice().is_empty() {
            self.room += RUNS_ROOM + 16 * runs.as_slice().len();
            self.records.push(Planned::Settle { queue, runs });
        }
    }

    fn delivered(&mut self, (queue, mark): (QueueNumber, Mark), runs: Vec<Run>) {
        if !runs.is_empty() {
            self.room += RUNS_ROOM + 16 * runs.len();
            self.records.push(Planned::Delivered { queue, mark, runs });
        }
    }

    fn drop_queue(&mut self, queue: QueueNumber) {
        self.room += RUNS_ROOM;
        self.records.push(Planned::DropQueue { queue });
    }
}

/// What the whole group settles, by queue: a dropped queue is settled as a whole.
pub(super) fn settled_by<'a>(
    submissions: impl IntoIterator<Item = &'a Submission>,
) -> BTreeMap<QueueNumber, Runs> {
    let mut settled: BTreeMap<QueueNumber, Runs> = BTreeMap::new();
    for entry in submissions.into_iter().flat_map(|submission| &submission.entries) {
        match entry {
            Entry::Enqueue { .. } | Entry::Delivered { .. } => {}
            Entry::Settle { queue, runs } => {
                let known = settled.entry(*queue).or_default();
                known.extend(runs);
            }
            Entry::DropQueue { queue } => {
                let all = (MessageId(0), MessageId(u64::MAX));
                settled.entry(*queue).or_default().push(all);
            }
        }
    }
    settled.values_mut().for_each(Runs::tidy);
    settled
}

/// Messages of the group that the group settles.
fn cancelled_in(
    submissions: &[Submission],
    settled: &BTreeMap<QueueNumber, Runs>,
) -> BTreeMap<QueueNumber, Runs> {
    let mut cancelled: BTreeMap<QueueNumber, Runs> = BTreeMap::new();
    if settled.is_empty() {
        return cancelled;
    }
    for entry in submissions.iter().flat_map(|submission| &submission.entries) {
        if let Entry::Enqueue { queue, id, .. } = entry
            && settled.get(queue).is_some_and(|runs| runs.contains(*id))
        {
            cancelled.entry(*queue).or_default().push((*id, *id));
        }
    }
    cancelled.values_mut().for_each(Runs::tidy);
    cancelled
}

fn has_many_queues(submissions: &[Submission]) -> bool {
    let mut seen = None;
    let entries = submissions.iter().flat_map(|submission| &submission.entries);
    let queues = entries.filter_map(|entry| match entry {
        Entry::Enqueue { queue, .. } => Some(*queue),
        Entry::Settle { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => None,
    });
    queues.into_iter().any(|queue| *seen.get_or_insert(queue) != queue)
}
