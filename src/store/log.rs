//! The message log as the broker sees it: facts go in, tickets come back, messages are read again.
//!
//! A queue machine's `Append` and `Release` become [`Entry`] values; one [`Submission`] carries what
//! one turn of one queue produced. Its ticket ([`Done`]) is called when everything in it is as safe as
//! `haremq.durability` promises. Tickets of one log are completed in the order of submission.
//!
//! What a caller must keep to:
//! * The ids of one queue are enqueued in ascending order.
//! * A body that is needed after its settle is read before the settle is submitted: a settled
//!   message may be gone from disk at any moment after that.
//! * A ticket runs on the log's own thread (or inside `submit`, for the log in memory): it hands over
//!   and returns, and must not call into the log's `close`.

use std::sync::Arc;

use super::{LogError, LogLoad};
use crate::base::{Message, MessageId, Millis};

/// A queue's number in the log: given once by the definitions, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueueNumber(pub u64);

impl QueueNumber {
    /// What the log knows the keys by that this queue remembers to find duplicates: a queue of its own,
    /// with a number that no queue has.
    #[must_use]
    pub fn keys(self) -> Self {
        Self(self.0 | 3 << 62)
    }
}

/// A run of message ids, both ends included.
pub type Run = (MessageId, MessageId);

/// Where a message's record lies. A hint: rewriting a segment moves records, and a reader then finds
/// the new place by queue and id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) length: u32,
}

impl Position {
    /// What reading the record brings into RAM.
    #[must_use]
    pub fn record_bytes(self) -> u64 {
        self.length.into()
    }
}

/// Whether a message outlives the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Lifetime {
    /// It comes back after a restart.
    #[default]
    Durable,
    /// It lies in the log only to save RAM, and is forgotten at the next start.
    Process,
}

/// What the index keeps about a message beside its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EnqueueOptions {
    /// When it expires, in milliseconds since 1970.
    pub expires_unix_ms: Option<u64>,
    /// Whether it outlives the process.
    pub lifetime: Lifetime,
}

/// What is counted of the attempts to deliver a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mark {
    /// It was handed out: after a restart it comes back marked redelivered.
    HandedOut,
    /// An attempt failed: it came back, and that counts for `x-delivery-limit`.
    Failed,
}

/// One fact.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A message is in a queue. Handles of one message ([`Message::same`]) that are written together
    /// share one record, whatever the number of queues.
    Enqueue {
        /// Which queue.
        queue: QueueNumber,
        /// Its id there.
        id: MessageId,
        /// The message.
        message: Message,
        /// What the index keeps about it.
        options: EnqueueOptions,
    },
    /// Messages are gone from a queue for good. Ids that are not there are ignored.
    Settle {
        /// Which queue.
        queue: QueueNumber,
        /// Which ids.
        runs: Vec<Run>,
    },
    /// Messages were handed out once more, or came back from an attempt that failed. Written with the next
    /// group, never synced for its own sake.
    Delivered {
        /// Which queue.
        queue: QueueNumber,
        /// Which of the two.
        mark: Mark,
        /// Which ids.
        runs: Vec<Run>,
    },
    /// A queue is gone with everything in it.
    DropQueue {
        /// Which queue.
        queue: QueueNumber,
    },
}

/// Facts that belong together, and who is told.
pub struct Submission {
    /// The facts, in order.
    pub entries: Vec<Entry>,
    /// Whether the ticket waits for the disk; otherwise the facts ride along with the next group.
    pub durable: bool,
    /// Whether a crash must leave all of it or nothing (`tx.commit`).
    pub atomic: bool,
    /// The ticket.
    pub done: Option<Done>,
}

/// A ticket: called exactly once, in order of submission.
pub type Done = Box<dyn FnOnce(Result<Written, LogError>) + Send>;

/// What a completed submission brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// The places of its `Enqueue`s, in their order; `None` where a settle came before the write, so
    /// that nothing was written.
    pub positions: Vec<Option<Position>>,
}

/// A message to be read: its name, and where it was when the caller last heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Which queue.
    pub queue: QueueNumber,
    /// Its id there.
    pub id: MessageId,
    /// The hint.
    pub position: Position,
}

/// What the index knows about a waiting message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexEntry {
    /// Its id.
    pub id: MessageId,
    /// Where its record lies.
    pub position: Position,
    /// Bytes of routing key, content header and body.
    pub bytes: u64,
    /// How often it was handed out; more than 0 means that it comes back marked redelivered.
    pub deliveries: u16,
    /// How many of these attempts failed; stays at the highest number that fits.
    pub failures: u16,
    /// Its `priority`, 0 without one.
    pub priority: u8,
    /// When it expires, in milliseconds since 1970.
    pub expires_unix_ms: Option<u64>,
    /// Whether it outlives the process.
    pub lifetime: Lifetime,
}

impl IndexEntry {
    /// Whether it was handed out before.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        self.deliveries > 0
    }
}

/// A queue as the log knows it. Its messages are read with [`MessageLog::entries`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveredQueue {
    /// Its number.
    pub number: QueueNumber,
    /// The smallest id that was never used.
    pub next_id: MessageId,
    /// How many messages wait.
    pub messages: u64,
    /// The sum of their [`IndexEntry::bytes`].
    pub bytes: u64,
}

/// How the log is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogStatus {
    /// It takes what it is given.
    Healthy,
    /// The disk is full: messages wait, settles are still taken; it goes on by itself.
    Full {
        /// The `now` of the last [`MessageLog::tick`] before it was found.
        since: Millis,
    },
    /// A write or a sync failed: nothing is confirmed any more, for good.
    Failed {
        /// The first failure, for people.
        reason: String,
    },
}

/// Called with every change of the status, on the thread that noticed it.
pub type OnStatus = Box<dyn Fn(&LogStatus) + Send + Sync>;

/// Asked before each group that is written: how many milliseconds the log is to wait.
pub type Brake = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The log. See the module.
pub trait MessageLog: Send + Sync {
    /// Hands facts in. Takes a leaf lock and never blocks; the bound is [`Self::load`], which
    /// tells the broker to stop reading from publishers.
    fn submit(&self, submission: Submission);

    /// How much waits to be written.
    fn load(&self) -> LogLoad;

    /// Reads a message back, and checks its checksum. Blocks.
    fn read(&self, wanted: &Stored) -> Result<Message, LogError>;

    /// Reads several; the answers stand in the order of the question, the disk is read in its own.
    fn read_many(&self, wanted: &[Stored]) -> Vec<Result<Message, LogError>> {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|at| wanted[*at].position);
        let mut answers: Vec<Option<Result<Message, LogError>>> =
            wanted.iter().map(|_| None).collect();
        for at in order {
            answers[at] = Some(self.read(&wanted[at]));
        }
        answers.into_iter().flatten().collect()
    }

    /// The waiting messages of a queue with ids from `from` on, in order, at most `limit`. Blocks.
    /// A page of 1,024 ids that starts at a multiple of 1,024 is one read.
    fn entries(
        &self,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError>;

    /// Every queue that the log knows, by number.
    fn queues(&self) -> Vec<RecoveredQueue>;

    /// How the log is.
    fn status(&self) -> LogStatus;

    /// To be called a few times per second: writes what waits without a ticket, probes a full disk,
    /// and gives dead segments back. Does not block.
    fn tick(&self, now: Millis);

    /// Makes the log slow, for tests (`slow_disk` in docs/testing-faults.md), or lets it go. One that writes
    /// nothing has nothing to wait for.
    fn set_brake(&self, _brake: Option<Brake>) {}

    /// Writes everything and a checkpoint, so that the next start need not scan. Blocks; what is
    /// submitted later is answered with [`LogError::Closed`].
    fn close(&self) -> Result<(), LogError>;
}
