//! What was put into a cell and not taken yet.

use std::collections::VecDeque;

use crate::base::limits::{CELL_INBOX_BATCHES_MAX, CELL_INBOX_BYTES_MAX};
use crate::broker::envelope::Envelope;
use crate::broker::handover::Waits;

/// See the module.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) commands: VecDeque<Envelope>,
    message_bytes: u64,
}

impl Waiting {
    /// `message_bytes` is counted before the lock is taken.
    pub(super) fn push(&mut self, envelope: Envelope, message_bytes: u64) {
        self.commands.push_back(envelope);
        self.message_bytes += message_bytes;
    }

    /// Gives everything for an empty list, whose room is used next.
    pub(super) fn swap(&mut self, taken: &mut VecDeque<Envelope>) {
        std::mem::swap(&mut self.commands, taken);
        self.message_bytes = 0;
    }
}

impl Waits for Waiting {
    fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    fn is_full(&self) -> bool {
        self.commands.len() >= CELL_INBOX_BATCHES_MAX || self.message_bytes >= CELL_INBOX_BYTES_MAX
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

    fn publish(bytes: u64) -> Envelope {
        let exchange = ExchangeName::try_from("").expect("short");
        let body = Body::One(bytes::Bytes::new());
        let message = Message::new(&exchange, b"q", b"\0\0", body, MessageHeader::default());
        let payload = Payload::new(message);
        let incoming = Incoming {
            payload,
            bytes,
            persistent: false,
            publish: None,
            ttl: None,
            priority: 0,
            due: None,
        };
        Envelope::Publish { messages: vec![incoming], publisher: Arc::new(Inbox::new()) }
    }

    fn fill(waiting: &mut Waiting, bytes: u64) -> usize {
        let mut batches = 0;
        while !waiting.is_full() {
            let envelope = publish(bytes);
            let bytes = envelope.message_bytes();
            waiting.push(envelope, bytes);
            batches += 1;
        }
        batches
    }

    #[test]
    fn an_inbox_is_full_by_bytes_or_by_batches_and_has_room_after_a_turn() {
        let mut waiting = Waiting::default();
        assert_eq!(fill(&mut waiting, CELL_INBOX_BYTES_MAX / 8), 8);
        let mut taken = VecDeque::new();
        waiting.swap(&mut taken);
        assert_eq!(taken.len(), 8);
        assert_eq!(fill(&mut waiting, 1), CELL_INBOX_BATCHES_MAX);
    }
}
