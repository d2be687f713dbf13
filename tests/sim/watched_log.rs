//! The real log, and somebody who reads along: which facts were handed in, and up to which one they are on disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haremq::base::{MessageId, Millis};
use haremq::store::{
    Entry, IndexEntry, LogError, LogLoad, LogStatus, MessageLog, QueueNumber, RecoveredQueue,
    SegmentLog, SimulatedLayer, Stored, Submission,
};

use super::oracle::number_of;

/// Something the broker told its log.
pub(super) enum Fact {
    /// The message with this number of ours is in a queue of that number, by this id.
    Enqueued { queue: u64, id: u64, message: u64, at: u64 },
    /// These ids are gone from it.
    Settled { queue: u64, first: u64, last: u64, at: u64 },
    /// The queue is gone with everything in it.
    Dropped { queue: u64 },
}

impl Fact {
    /// The number of its queue.
    pub(super) fn queue(&self) -> u64 {
        match self {
            Self::Enqueued { queue, .. }
            | Self::Settled { queue, .. }
            | Self::Dropped { queue } => *queue,
        }
    }
}

/// What was seen since the beginning of the world, over all crashes.
#[derive(Default)]
pub(super) struct Seen {
    /// Facts that the oracle has not taken yet.
    pub(super) facts: Vec<Fact>,
    /// Submissions, counted from 1.
    pub(super) submitted: u64,
    /// Everything up to this submission is on disk.
    pub(super) on_disk: u64,
    /// The disk's count of syncs when the log began to write last.
    syncs: u64,
}

/// See the module.
pub(super) struct WatchedLog {
    log: SegmentLog,
    layer: SimulatedLayer,
    seen: Arc<Mutex<Seen>>,
}

impl WatchedLog {
    pub(super) fn new(log: SegmentLog, layer: SimulatedLayer, seen: Arc<Mutex<Seen>>) -> Self {
        Self { log, layer, seen }
    }

    /// Writes what waits; gives the number of submissions.
    pub(super) fn step(&self) -> usize {
        lock(&self.seen).syncs = self.layer.syncs();
        self.log.step()
    }

    fn note(&self, submission: &Submission) -> u64 {
        let mut seen = lock(&self.seen);
        seen.submitted += 1;
        let at = seen.submitted;
        for entry in &submission.entries {
            match entry {
                Entry::Enqueue { queue, id, message, .. } => {
                    let Some(message) = number_of(&message.body().to_vec()) else { continue };
                    seen.facts.push(Fact::Enqueued { queue: queue.0, id: id.0, message, at });
                }
                Entry::Settle { queue, runs } => {
                    seen.facts.extend(runs.iter().map(|(first, last)| Fact::Settled {
                        queue: queue.0,
                        first: first.0,
                        last: last.0,
                        at,
                    }));
                }
                Entry::DropQueue { queue } => seen.facts.push(Fact::Dropped { queue: queue.0 }),
                Entry::Delivered { .. } => {}
            }
        }
        at
    }
}

pub(super) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MessageLog for WatchedLog {
    fn submit(&self, mut submission: Submission) {
        let at = self.note(&submission);
        if submission.durable {
            let (seen, layer) = (Arc::clone(&self.seen), self.layer.clone());
            let inner = submission.done.take();
            submission.done = Some(Box::new(move |written| {
                {
                    let mut seen = lock(&seen);
                    // A group of which nothing had to be written is answered without a sync.
                    if written.is_ok() && layer.syncs() > seen.syncs {
                        seen.on_disk = seen.on_disk.max(at);
                    }
                }
                if let Some(inner) = inner {
                    inner(written);
                }
            }));
        }
        self.log.submit(submission);
    }

    fn load(&self) -> LogLoad {
        self.log.load()
    }

    fn read(&self, wanted: &Stored) -> Result<haremq::base::Message, LogError> {
        self.log.read(wanted)
    }

    fn entries(
        &self,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        self.log.entries(queue, from, limit)
    }

    fn queues(&self) -> Vec<RecoveredQueue> {
        self.log.queues()
    }

    fn status(&self) -> LogStatus {
        self.log.status()
    }

    fn tick(&self, now: Millis) {
        self.log.tick(now);
    }

    fn close(&self) -> Result<(), LogError> {
        self.log.close()
    }
}
