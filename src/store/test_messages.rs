//! Messages and entries for the tests of this layer.

use bytes::Bytes;

use super::{EnqueueOptions, Entry, QueueNumber};
use crate::base::{Body, ExchangeName, Message, MessageHeader, MessageId};

/// A persistent message with this body.
pub(super) fn message(body: &[u8]) -> Message {
    Message::new(
        &ExchangeName::try_from("logs").expect("a short name"),
        b"key",
        b"\x10\x00\x02",
        Body::One(Bytes::copy_from_slice(body)),
        MessageHeader { persistent: true, ..MessageHeader::default() },
    )
}

/// The fact that this message is in this queue.
pub(super) fn enqueue(queue: QueueNumber, id: u64, message: &Message) -> Entry {
    let options = EnqueueOptions::default();
    Entry::Enqueue { queue, id: MessageId(id), message: message.clone(), options }
}
