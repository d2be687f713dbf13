//! What was put into a cell and not taken yet.

use std::collections::VecDeque;

use crate::base::limits::{CELL_INBOX_BATCHES_MAX, CELL_INBOX_BYTES_MAX, CELL_INBOX_MESSAGES_MAX};
use crate::broker::envelope::Envelope;
use crate::broker::handover::Waits;

/// See the module.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) commands: VecDeque<Envelope>,
    messages: usize,
    message_bytes: u64,
}

impl Waiting {
    /// What arrives is counted before the lock is taken: messages and their bytes.
    pub(super) fn push(&mut self, envelope: Envelope, arrivals: (usize, u64)) {
        let (messages, bytes) = arrivals;
        self.commands.push_back(envelope);
        self.messages += messages;
        self.message_bytes += bytes;
    }

    /// Gives everything for an empty list, whose room is used next; says how many messages it brings.
    pub(super) fn swap(&mut self, taken: &mut VecDeque<Envelope>) -> usize {
        std::mem::swap(&mut self.commands, taken);
        self.message_bytes = 0;
        std::mem::take(&mut self.messages)
    }
}

impl Waits for Waiting {
    fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    fn is_full(&self) -> bool {
        self.commands.len() >= CELL_INBOX_BATCHES_MAX
            || self.messages >= CELL_INBOX_MESSAGES_MAX
            || self.message_bytes >= CELL_INBOX_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{Body, ExchangeName, Message, MessageHeader};
    use crate::broker::Inbox;
    use crate::broker::payload::Payload;
    use crate::queue::Incoming;

    fn publish(count: usize, bytes: u64) -> Envelope {
        let exchange = ExchangeName::try_from("").expect("short");
        let body = Body::One(bytes::Bytes::new());
        let message = Message::new(&exchange, b"q", b"\0\0", body, MessageHeader::default());
        let incoming = |_| Incoming {
            payload: Payload::new(message.clone()),
            bytes,
            persistent: false,
            publish: None,
            ttl: None,
            priority: 0,
            due: None,
        };
        let messages = (0..count).map(incoming).collect();
        Envelope::Publish { messages, publisher: Arc::new(Inbox::new()) }
    }

    fn fill(waiting: &mut Waiting, count: usize, bytes: u64) -> usize {
        let mut batches = 0;
        while !waiting.is_full() {
            let envelope = publish(count, bytes);
            let arrivals = envelope.arrivals();
            waiting.push(envelope, arrivals);
            batches += 1;
        }
        batches
    }

    #[test]
    fn an_inbox_is_full_by_bytes_messages_or_batches_and_has_room_after_a_turn() {
        let mut waiting = Waiting::default();
        assert_eq!(fill(&mut waiting, 1, CELL_INBOX_BYTES_MAX / 8), 8);
        let mut taken = VecDeque::new();
        assert_eq!(waiting.swap(&mut taken), 8);
        assert_eq!(taken.len(), 8);
        assert_eq!(fill(&mut waiting, CELL_INBOX_MESSAGES_MAX / 4, 1), 4);
        assert_eq!(waiting.swap(&mut VecDeque::new()), CELL_INBOX_MESSAGES_MAX);
        assert_eq!(fill(&mut waiting, 1, 1), CELL_INBOX_BATCHES_MAX);
    }
}
