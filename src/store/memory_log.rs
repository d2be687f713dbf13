//! The log without a disk: for ephemeral brokers, and for tests.
//!
//! [`MemoryLog::new`] completes every ticket inside `submit`, after its lock is let go.
//! [`MemoryLog::with_held_tickets`] is for tests: nothing is durable until [`MemoryLog::flush`], and
//! [`MemoryLog::crash`] gives the log that would be found after a power cut, so a test sees the live
//! and the durable image apart.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Entry, IndexEntry, Lifetime, LogError, LogLoad, LogStatus, Mark, MessageLog, Position,
    QueueNumber, RecoveredQueue, Run, Stored, Submission, Written,
};
use crate::base::{Message, MessageId, Millis};

/// See the module.
#[derive(Default)]
pub struct MemoryLog {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Image,
    /// There when tickets are held.
    durable: Option<Image>,
    held: Vec<Submission>,
    failed: Option<String>,
    closed: bool,
}

type Image = BTreeMap<QueueNumber, Queue>;

#[derive(Clone, Default)]
struct Queue {
    next_id: u64,
    messages: BTreeMap<MessageId, (Message, IndexEntry)>,
}

impl MemoryLog {
    /// An empty log whose tickets are completed at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log for tests: tickets wait for [`Self::flush`].
    #[must_use]
    pub fn with_held_tickets() -> Self {
        let state = State { durable: Some(Image::new()), ..State::default() };
        Self { state: Mutex::new(state) }
    }

    /// What was submitted so far becomes durable; its tickets are completed. Gives their number.
    pub fn flush(&self) -> usize {
        let mut state = self.lock();
        let held = std::mem::take(&mut state.held);
        for submission in &held {
            if let Some(durable) = &mut state.durable {
                apply(durable, &submission.entries);
            }
        }
        drop(state);
        let count = held.len();
        for submission in held {
            complete(submission, Ok(()));
        }
        count
    }

    /// The disk breaks: held tickets and all that follow are refused.
    pub fn fail(&self, reason: &str) {
        let mut state = self.lock();
        state.failed = Some(reason.to_owned());
        let held = std::mem::take(&mut state.held);
        drop(state);
        for submission in held {
            complete(submission, Err(LogError::Failed { reason: reason.into() }));
        }
    }

    /// The log that is found after a power cut: what was flushed, and no ticket.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut durable = self.lock().durable.clone().unwrap_or_default();
        for queue in durable.values_mut() {
            queue.messages.retain(|_, (_, entry)| entry.lifetime == Lifetime::Durable);
        }
        let state = State { live: durable.clone(), durable: Some(durable), ..State::default() };
        Self { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The maps are whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MessageLog for MemoryLog {
    fn submit(&self, submission: Submission) {
        let mut state = self.lock();
        let refused = if state.closed {
            Some(LogError::Closed)
        } else {
            state.failed.as_ref().map(|reason| LogError::Failed { reason: reason.as_str().into() })
        };
        if refused.is_none() {
            apply(&mut state.live, &submission.entries);
            if state.durable.is_some() {
                state.held.push(submission);
                return;
            }
        }
        drop(state);
        complete(submission, refused.map_or(Ok(()), Err));
    }

    fn load(&self) -> LogLoad {
        LogLoad::NONE
    }

    fn read(&self, wanted: &Stored) -> Result<Message, LogError> {
        let state = self.lock();
        let queue = state.live.get(&wanted.queue);
        queue
            .and_then(|queue| queue.messages.get(&wanted.id))
            .map(|(message, _)| message.clone())
            .ok_or(LogError::Gone { queue: wanted.queue, id: wanted.id })
    }

    fn entries(
        &self,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        let state = self.lock();
        let Some(queue) = state.live.get(&queue) else { return Ok(Vec::new()) };
        let waiting = queue.messages.range(from..).take(limit);
        Ok(waiting.map(|(_, (_, entry))| *entry).collect())
    }

    fn queues(&self) -> Vec<RecoveredQueue> {
        let state = self.lock();
        let summary = |(number, queue): (&QueueNumber, &Queue)| RecoveredQueue {
            number: *number,
            next_id: MessageId(queue.next_id.max(1)),
            messages: queue.messages.len() as u64,
            bytes: queue.messages.values().map(|(_, entry)| entry.bytes).sum(),
        };
        state.live.iter().map(summary).collect()
    }

    fn status(&self) -> LogStatus {
        match &self.lock().failed {
            Some(reason) => LogStatus::Failed { reason: reason.clone() },
            None => LogStatus::Healthy,
        }
    }

    fn tick(&self, _now: Millis) {}

    fn close(&self) -> Result<(), LogError> {
        self.flush();
        self.lock().closed = true;
        Ok(())
    }
}

fn complete(submission: Submission, result: Result<(), LogError>) {
    let Some(done) = submission.done else { return };
    let is_enqueue = |entry: &&Entry| matches!(entry, Entry::Enqueue { .. });
    let enqueues = submission.entries.iter().filter(is_enqueue).count();
    done(result.map(|()| Written { positions: vec![Some(Position::default()); enqueues] }));
}

fn apply(image: &mut Image, entries: &[Entry]) {
    for entry in entries {
        match entry {
            Entry::Enqueue { queue, id, message, options } => {
                let queue = image.entry(*queue).or_default();
                queue.next_id = queue.next_id.max(id.0 + 1);
                let entry = IndexEntry {
                    id: *id,
                    position: Position::default(),
                    bytes: message.content_bytes(),
                    deliveries: 0,
                    failures: 0,
                    priority: message.header().priority.unwrap_or(0),
                    expires_unix_ms: options.expires_unix_ms,
                    lifetime: options.lifetime,
                };
                queue.messages.insert(*id, (message.clone(), entry));
            }
            Entry::Settle { queue, runs } => {
                if let Some(queue) = image.get_mut(queue) {
                    for id in ids_in(queue, runs) {
                        queue.messages.remove(&id);
                    }
                }
            }
            Entry::Delivered { queue, mark, runs } => {
                if let Some(queue) = image.get_mut(queue) {
                    for id in ids_in(queue, runs) {
                        if let Some((_, entry)) = queue.messages.get_mut(&id) {
                            let count = match mark {
                                Mark::HandedOut => &mut entry.deliveries,
                                Mark::Failed => &mut entry.failures,
                            };
                            *count = count.saturating_add(1);
                        }
                    }
                }
            }
            Entry::DropQueue { queue } => {
                image.remove(queue);
            }
        }
    }
}

fn ids_in(queue: &Queue, runs: &[Run]) -> Vec<MessageId> {
    let proper = runs.iter().filter(|(first, last)| first <= last);
    proper
        .flat_map(|(first, last)| queue.messages.range(*first..=*last).map(|(id, _)| *id))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::store::test_messages::{enqueue, message};

    const QUEUE: QueueNumber = QueueNumber(7);

    fn submit(log: &MemoryLog, entries: Vec<Entry>) -> Arc<AtomicUsize> {
        let told = Arc::new(AtomicUsize::new(0));
        let tell = Arc::clone(&told);
        let done: crate::store::LogDone = Box::new(move |result| {
            assert!(result.is_ok());
            tell.fetch_add(1, Ordering::SeqCst);
        });
        log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
        told
    }

    #[test]
    fn a_message_is_read_back_until_it_is_settled() {
        let log = MemoryLog::new();
        let told = submit(&log, vec![enqueue(QUEUE, 1, &message(b"one"))]);
        assert_eq!(told.load(Ordering::SeqCst), 1);
        let wanted = Stored { queue: QUEUE, id: MessageId(1), position: Position::default() };
        assert_eq!(log.read(&wanted).expect("it waits"), message(b"one"));
        let runs = vec![(MessageId(1), MessageId(1))];
        submit(&log, vec![Entry::Settle { queue: QUEUE, runs }]);
        assert!(matches!(log.read(&wanted), Err(LogError::Gone { .. })));
        assert_eq!(log.queues()[0].next_id, MessageId(2));
    }

    #[test]
    fn a_crash_loses_what_was_not_flushed() {
        let log = MemoryLog::with_held_tickets();
        let kept = submit(&log, vec![enqueue(QUEUE, 1, &message(b"one"))]);
        assert_eq!(kept.load(Ordering::SeqCst), 0);
        assert_eq!(log.flush(), 1);
        assert_eq!(kept.load(Ordering::SeqCst), 1);
        submit(&log, vec![enqueue(QUEUE, 2, &message(b"two"))]);
        let found = log.crash().entries(QUEUE, MessageId(0), 10).expect("memory does not fail");
        assert_eq!(found.iter().map(|entry| entry.id.0).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_message_of_the_process_does_not_come_back() {
        let log = MemoryLog::with_held_tickets();
        let mut entry = enqueue(QUEUE, 1, &message(b"one"));
        if let Entry::Enqueue { options, .. } = &mut entry {
            options.lifetime = Lifetime::Process;
        }
        submit(&log, vec![entry]);
        log.flush();
        assert_eq!(log.crash().queues()[0].messages, 0);
    }

    #[test]
    fn after_a_failure_every_ticket_is_refused() {
        let log = MemoryLog::with_held_tickets();
        log.fail("the disk is gone");
        let (entries, refused) = (Vec::new(), Arc::new(AtomicUsize::new(0)));
        let tell = Arc::clone(&refused);
        let done: crate::store::LogDone = Box::new(move |result| {
            assert!(matches!(result, Err(LogError::Failed { .. })));
            tell.fetch_add(1, Ordering::SeqCst);
        });
        log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
        assert_eq!(refused.load(Ordering::SeqCst), 1);
        assert!(matches!(log.status(), LogStatus::Failed { .. }));
    }
}
