//! What one queue gives its log in one turn, and what it does when the log has it.
//!
//! Everything that a turn brought goes as one submission: messages that came in, runs of ids that are
//! gone, runs that were handed out. The log groups the submissions of all queues into one write and one
//! sync; its ticket comes back as [`Envelope::Written`].

use std::sync::Arc;

use super::HeaderParser;
use super::cell::Cell;
use super::envelope::Envelope;
use super::facts::delay_of;
use super::payload::Payload;
use crate::base::{Clock, MessageId, Plant, planted};
use crate::queue::Span;
use crate::store::{
    EnqueueOptions, Entry, Lifetime, LogError, Mark, MessageLog, QueueNumber, Run, Submission,
    Written,
};

/// See the module.
pub(super) struct Storing {
    log: Arc<dyn MessageLog>,
    queue: QueueNumber,
    /// Whether persistent messages outlive the process here.
    durable: bool,
    entries: Vec<Entry>,
    /// Messages among the entries, in order.
    ids: Vec<MessageId>,
    /// Whether somebody waits for the disk.
    awaited: bool,
    gone: Vec<Run>,
    delivered: Vec<Run>,
    failed: Vec<Run>,
    /// Keys of messages among the entries, and keys that are no longer needed.
    keys: Vec<Entry>,
    /// What the log has keys of this queue by, if it has.
    keys_number: Option<QueueNumber>,
    /// The time to live that the queue gives its messages, in ms.
    ttl: Option<u64>,
    /// There when an exchange delays its messages here: how their headers are read.
    delaying: Option<HeaderParser>,
}

impl Storing {
    pub(super) fn new(log: Arc<dyn MessageLog>, queue: QueueNumber, durable: bool) -> Self {
        Self {
            log,
            queue,
            durable,
            entries: Vec::new(),
            ids: Vec::new(),
            awaited: false,
            gone: Vec::new(),
            delivered: Vec::new(),
            failed: Vec::new(),
            keys: Vec::new(),
            keys_number: None,
            ttl: None,
            delaying: None,
        }
    }

    /// The log, and what this queue is called in it.
    pub(super) fn log(&self) -> (&Arc<dyn MessageLog>, QueueNumber) {
        (&self.log, self.queue)
    }

    /// Whether persistent messages outlive the process here.
    pub(super) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Keys of this queue are kept by this number, and go with it.
    pub(super) fn set_keys_number(&mut self, number: Option<QueueNumber>) {
        self.keys_number = number;
    }

    /// Something about keys that goes with this turn.
    pub(super) fn keep_keys(&mut self, entry: Option<Entry>) {
        self.keys.extend(entry);
    }

    /// The time to live of messages that come from now on.
    pub(super) fn set_ttl(&mut self, ttl: Option<u64>) {
        self.ttl = ttl;
    }

    /// Messages are due by their headers, and do not expire.
    pub(super) fn set_delaying(&mut self, delaying: Option<HeaderParser>) {
        self.delaying = delaying;
    }

    /// A message that the machine wants appended.
    pub(super) fn append(&mut self, id: MessageId, payload: &Payload, clock: &dyn Clock) {
        let Some(message) = payload.message() else {
            debug_assert!(false, "a message that comes in has its bytes in RAM");
            return;
        };
        let durable = self.durable && message.header().persistent;
        let lifetime = if durable { Lifetime::Durable } else { Lifetime::Process };
        let ttl = match self.delaying {
            None => [self.ttl, message.header().expiration_ms].into_iter().flatten().min(),
            // The log has one moment for each message: here it is when the message is due.
            Some(parse) => Some(delay_of(parse, message).unwrap_or(0).into()),
        };
        let expires_unix_ms = ttl.map(|ttl| clock.unix_ms().saturating_add(ttl));
        let options = EnqueueOptions { expires_unix_ms, lifetime };
        self.awaited |= durable;
        self.ids.push(id);
        self.entries.push(Entry::Enqueue {
            queue: self.queue,
            id,
            message: message.clone(),
            options,
        });
    }

    /// Messages that are gone; those that were never appended are not the log's business.
    pub(super) fn release(&mut self, span: &Span) {
        if span.appended > 0 {
            push_run(&mut self.gone, (span.first, span.last));
        }
    }

    /// A message that was handed out and is held.
    pub(super) fn deliver(&mut self, id: MessageId) {
        if self.durable {
            push_run(&mut self.delivered, (id, id));
        }
    }

    /// A message that came back from an attempt that failed.
    pub(super) fn attempt_failed(&mut self, id: MessageId) {
        if self.durable {
            push_run(&mut self.failed, (id, id));
        }
    }

    /// Hands in what the turn brought.
    pub(super) fn submit(&mut self, cell: &Arc<Cell>) {
        let queue = self.queue;
        // Behind the messages, whose places come back in their order.
        self.entries.append(&mut self.keys);
        for (mark, runs) in
            [(Mark::HandedOut, &mut self.delivered), (Mark::Failed, &mut self.failed)]
        {
            if !runs.is_empty() {
                let runs = std::mem::take(runs);
                self.entries.push(Entry::Delivered { queue, mark, runs });
            }
        }
        if !self.gone.is_empty() {
            let runs = std::mem::take(&mut self.gone);
            self.entries.push(Entry::Settle { queue, runs });
        }
        if self.entries.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.ids);
        let done = (!ids.is_empty()).then(|| {
            let cell = Arc::clone(cell);
            let done = move |written: Result<Written, LogError>| tell(&cell, ids, written);
            Box::new(done) as Box<dyn FnOnce(Result<Written, LogError>) + Send>
        });
        let done = done.and_then(|done| {
            if !planted(Plant::ConfirmBeforeFlush) {
                return Some(done);
            }
            done(Ok(Written::default()));
            None
        });
        self.log.submit(Submission {
            entries: std::mem::take(&mut self.entries),
            durable: std::mem::take(&mut self.awaited),
            // A turn is what a read brought, and a commit comes with one read; so a crash leaves all of
            // what one commit gave this queue, or nothing.
            atomic: true,
            done,
        });
    }

    /// The queue is deleted: the log forgets it, and everything of the turn with it.
    pub(super) fn drop_queue(&mut self) {
        self.entries.clear();
        self.ids.clear();
        self.gone.clear();
        self.delivered.clear();
        self.keys.clear();
        self.awaited = false;
        let numbers = [Some(self.queue), self.keys_number].into_iter().flatten();
        self.log.submit(Submission {
            entries: numbers.map(|queue| Entry::DropQueue { queue }).collect(),
            durable: false,
            atomic: false,
            done: None,
        });
    }
}

/// The ticket: nothing is confirmed of what the log did not take, and the log has said why.
fn tell(cell: &Arc<Cell>, ids: Vec<MessageId>, written: Result<Written, LogError>) {
    match written {
        Ok(Written { positions }) => {
            cell.enqueue(Envelope::Written { ids, positions });
            cell.schedule();
        }
        // The process is about to end: publishers are gone, and a dead letter that was on its way is ready
        // again in its queue after the next start.
        Err(LogError::Closed) => tracing::debug!(
            queue = %cell.info().name,
            messages = ids.len(),
            "messages came after the message log was closed"
        ),
        Err(error) => tracing::error!(
            queue = %cell.info().name,
            messages = ids.len(),
            error = %error,
            "messages were not written and are not confirmed"
        ),
    }
}

/// Runs that touch become one.
fn push_run(runs: &mut Vec<Run>, run: Run) {
    if let Some(last) = runs.last_mut()
        && last.1.next() == run.0
    {
        last.1 = run.1;
        return;
    }
    runs.push(run);
}
