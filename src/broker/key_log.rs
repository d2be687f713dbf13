//! Keys of duplicates in the message log: what stands where, and how it is read back.
//!
//! The log keeps the keys of a window as messages of a queue that nobody sees: the body is the key, the
//! expiry is that of the key, and a key that is forgotten is settled. So checkpoints, reclaim and recovery
//! know nothing of it. An exchange has a number of its own in its definition; the window of a queue has the
//! queue's number with two more bits ([`QueueNumber::keys`]), so that it comes and goes with the queue.

use std::sync::Arc;

use super::dedup::Remembered;
use super::pages::moment;
use crate::base::{Body, Clock, ExchangeName, Message, MessageHeader, MessageId, Millis};
use crate::store::{
    EnqueueOptions, Entry, Lifetime, LogError, MessageLog, QueueNumber, RecoveredQueue, Stored,
};

/// Messages that are read at once at a start.
const READ_MESSAGES: usize = 1024;

/// The record of a key that expires at this moment.
pub(super) fn record(
    number: QueueNumber,
    id: MessageId,
    key: &[u8],
    expires: Option<Millis>,
    clock: &dyn Clock,
) -> Entry {
    let exchange = ExchangeName::try_from("").expect("the empty name is short");
    let body = Body::One(key.to_vec().into());
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    let message = Message::new(&exchange, b"", NO_PROPERTIES, body, header);
    let now = clock.now();
    let expires_unix_ms = expires.map(|at| clock.unix_ms().saturating_add(at.since(now)));
    let options = EnqueueOptions { expires_unix_ms, lifetime: Lifetime::Durable };
    Entry::Enqueue { queue: number, id, message, options }
}

/// Property flags without a property.
const NO_PROPERTIES: &[u8] = b"\0\0";

/// The records of keys that are no longer needed.
pub(super) fn obsolete(number: QueueNumber, ids: Vec<MessageId>) -> Option<Entry> {
    let runs: Vec<_> = ids.into_iter().map(|id| (id, id)).collect();
    (!runs.is_empty()).then_some(Entry::Settle { queue: number, runs })
}

/// What a window remembered before the restart, the oldest first. A key that cannot be read is forgotten,
/// which lets a duplicate pass and loses nothing. Blocks.
pub(super) fn read(
    log: &Arc<dyn MessageLog>,
    recovered: RecoveredQueue,
    clock: &dyn Clock,
) -> Vec<Remembered> {
    let (now, unix_ms) = (clock.now(), clock.unix_ms());
    let mut keys = Vec::new();
    each_message(log, recovered.number, |id, message, expires_unix_ms| {
        let expires = expires_unix_ms.map(|at| moment(at, now, unix_ms));
        let key = message.body().to_vec().into_boxed_slice();
        keys.push(Remembered { key, expires, record: Some(id) });
    });
    keys
}

/// Reads the messages of a queue in order. What cannot be read is said and left out. Blocks.
pub(super) fn each_message(
    log: &Arc<dyn MessageLog>,
    queue: QueueNumber,
    mut each: impl FnMut(MessageId, Message, Option<u64>),
) {
    let mut from = MessageId(0);
    loop {
        let page = match log.entries(queue, from, READ_MESSAGES) {
            Ok(page) => page,
            Err(error) => return unreadable(queue, &error),
        };
        let Some(last) = page.last() else { return };
        from = last.id.next();
        let stored =
            page.iter().map(|entry| Stored { queue, id: entry.id, position: entry.position });
        let stored: Vec<Stored> = stored.collect();
        for (entry, message) in page.iter().zip(log.read_many(&stored)) {
            match message {
                Ok(message) => each(entry.id, message, entry.expires_unix_ms),
                Err(error) => unreadable(queue, &error),
            }
        }
    }
}

fn unreadable(queue: QueueNumber, error: &LogError) {
    tracing::error!(
        queue_number = queue.0,
        error = %error,
        "keys of messages cannot be read from the message log: their duplicates are not found"
    );
}
