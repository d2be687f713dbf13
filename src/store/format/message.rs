//! The Enqueue record: who has the message, then the message.
//!
//! After the targets:
//!
//! ```text
//! 1  length of the exchange's name         1  priority
//! 1  length of the routing key             4  length of the content header
//! 1  1 persistent, 2 priority, 4 expiration, 8 headers
//!    with 4: 8 expiration in ms; then exchange, routing key, content header, body
//! ```

use bytes::Bytes;

use super::{
    FLAG_EXPIRIES, FLAG_MOVED, FLAG_PROCESS, GroupBuffer, Kind, RECORD_HEADER_BYTES, Reader, Slot,
};
use crate::base::{Body, BodyRef, ExchangeName, Message, MessageHeader, MessageId};
use crate::store::{Lifetime, Position, QueueNumber};

/// One queue that has the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Target {
    pub(in crate::store) queue: QueueNumber,
    pub(in crate::store) id: MessageId,
    pub(in crate::store) expires_unix_ms: Option<u64>,
}

/// An Enqueue record as far as the index needs it.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::store) struct Enqueued<'a> {
    pub(in crate::store) targets: Vec<Target>,
    pub(in crate::store) lifetime: Lifetime,
    pub(in crate::store) priority: u8,
    /// Routing key, content header and body.
    pub(in crate::store) content_bytes: u64,
    /// Everything after the targets.
    pub(in crate::store) message: &'a [u8],
}

impl Enqueued<'_> {
    /// What the index keeps for one of the targets.
    pub(in crate::store) fn slot(&self, target: &Target, position: Position) -> Slot {
        Slot {
            position,
            bytes: u32::try_from(self.content_bytes).unwrap_or(u32::MAX),
            at: 0,
            deliveries: 0,
            failures: 0,
            priority: self.priority,
            expires_unix_ms: target.expires_unix_ms,
            lifetime: self.lifetime,
        }
    }
}

const PERSISTENT: u8 = 1;
const PRIORITY: u8 = 2;
const EXPIRATION: u8 = 4;
const HEADERS: u8 = 8;

/// The most bytes that a record of this message takes in a group, for this many targets.
pub(in crate::store) fn message_room(message: &Message, targets: usize) -> usize {
    let exchange = message.exchange_bytes().len();
    // A bound is all that is asked; a body beyond the address space does not exist.
    let content = usize::try_from(message.content_bytes()).unwrap_or(usize::MAX / 2);
    RECORD_HEADER_BYTES + 24 * targets + 24 + exchange + content + 8
}

/// Adds a message for these queues.
pub(in crate::store) fn write_message(
    group: &mut GroupBuffer,
    message: &Message,
    targets: &[Target],
    lifetime: Lifetime,
) -> Position {
    let flags = flags_of(targets, lifetime);
    let (packed, slices): (&[u8], &[Bytes]) = match message.body() {
        BodyRef::Packed(bytes) => (bytes, &[]),
        BodyRef::Slices(slices) => (&[], slices),
    };
    group.record(Kind::Enqueue, flags, targets.len(), slices, |payload| {
        write_targets(payload, targets, flags);
        let (exchange, key) = (message.exchange_bytes(), message.routing_key());
        let (header, properties) = (message.header(), message.properties());
        let bits = (u8::from(header.persistent) * PERSISTENT)
            | (u8::from(header.priority.is_some()) * PRIORITY)
            | (u8::from(header.expiration_ms.is_some()) * EXPIRATION)
            | (u8::from(header.has_headers) * HEADERS);
        // Names and keys are at most 255 bytes, a content header is within one frame.
        let short = |length: usize| u8::try_from(length).expect("at most 255 bytes");
        let properties_length = u32::try_from(properties.len()).expect("at most one frame");
        payload.extend_from_slice(&[short(exchange.len()), short(key.len()), bits]);
        payload.push(header.priority.unwrap_or(0));
        payload.extend_from_slice(&properties_length.to_le_bytes());
        if let Some(expiration) = header.expiration_ms {
            payload.extend_from_slice(&expiration.to_le_bytes());
        }
        payload.extend_from_slice(exchange);
        payload.extend_from_slice(key);
        payload.extend_from_slice(properties);
        payload.extend_from_slice(packed);
    })
}

/// Adds a copy of a message that lies in another segment, for those of its queues that still have it.
pub(in crate::store) fn write_moved(
    group: &mut GroupBuffer,
    message: &[u8],
    targets: &[Target],
    lifetime: Lifetime,
) -> Position {
    let flags = flags_of(targets, lifetime) | FLAG_MOVED;
    group.record(Kind::Enqueue, flags, targets.len(), &[], |payload| {
        write_targets(payload, targets, flags);
        payload.extend_from_slice(message);
    })
}

fn flags_of(targets: &[Target], lifetime: Lifetime) -> u8 {
    let expiries = targets.iter().any(|target| target.expires_unix_ms.is_some());
    (u8::from(expiries) * FLAG_EXPIRIES) | (u8::from(lifetime == Lifetime::Process) * FLAG_PROCESS)
}

fn write_targets(payload: &mut Vec<u8>, targets: &[Target], flags: u8) {
    for target in targets {
        payload.extend_from_slice(&target.queue.0.to_le_bytes());
        payload.extend_from_slice(&target.id.0.to_le_bytes());
        if flags & FLAG_EXPIRIES != 0 {
            let expires = target.expires_unix_ms.unwrap_or(NEVER);
            payload.extend_from_slice(&expires.to_le_bytes());
        }
    }
}

/// Reads what the index needs.
pub(in crate::store) fn read_enqueue(
    payload: &[u8],
    flags: u8,
    count: u32,
) -> Option<Enqueued<'_>> {
    let mut reader = Reader::new(payload);
    let mut targets = Vec::with_capacity((count as usize).min(payload.len() / 16));
    for _ in 0..count {
        let (queue, id) = (QueueNumber(reader.u64()?), MessageId(reader.u64()?));
        let expires = if flags & FLAG_EXPIRIES == 0 { NEVER } else { reader.u64()? };
        let expires_unix_ms = (expires != NEVER).then_some(expires);
        targets.push(Target { queue, id, expires_unix_ms });
    }
    let message = reader.rest();
    let exchange_length = reader.u8()?;
    let (_key_length, bits, priority) = (reader.u8()?, reader.u8()?, reader.u8()?);
    let _properties_length = reader.u32()?;
    if bits & EXPIRATION != 0 {
        reader.u64()?;
    }
    let content_bytes = (reader.rest().len() as u64).checked_sub(u64::from(exchange_length))?;
    let lifetime = if flags & FLAG_PROCESS == 0 { Lifetime::Durable } else { Lifetime::Process };
    Some(Enqueued { targets, lifetime, priority, content_bytes, message })
}

/// Reads the message of a record, after its targets. The body is a slice of `record`.
pub(in crate::store) fn read_message(record: &Bytes, message: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(message);
    let (exchange_length, key_length) = (reader.u8()?, reader.u8()?);
    let (bits, priority, properties_length) = (reader.u8()?, reader.u8()?, reader.u32()?);
    let expiration_ms = if bits & EXPIRATION == 0 { None } else { Some(reader.u64()?) };
    let exchange = ExchangeName::parse(reader.take(exchange_length.into())?).ok()?;
    let routing_key = reader.take(key_length.into())?;
    let properties = reader.take(properties_length as usize)?;
    let header = MessageHeader {
        persistent: bits & PERSISTENT != 0,
        priority: (bits & PRIORITY != 0).then_some(priority),
        expiration_ms,
        has_headers: bits & HEADERS != 0,
    };
    let body = Body::One(record.slice_ref(reader.rest()));
    Some(Message::new(&exchange, routing_key, properties, body, header))
}

/// The expiry of a target that has none, beside one that has.
const NEVER: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::format::RecordHeader;

    fn any_message() -> impl Strategy<Value = Message> {
        let bytes = |max| proptest::collection::vec(any::<u8>(), 0..max);
        let header = (any::<bool>(), any::<Option<u8>>(), any::<Option<u64>>(), any::<bool>());
        ("[a-z.]{0,40}", bytes(256), bytes(600), bytes(3000), header).prop_map(
            |(exchange, key, properties, body, header)| {
                let (persistent, priority, expiration_ms, has_headers) = header;
                let header = MessageHeader { persistent, priority, expiration_ms, has_headers };
                let exchange = ExchangeName::try_from(exchange.as_str()).expect("a short name");
                let body = Body::One(Bytes::from(body));
                Message::new(&exchange, &key[..key.len().min(255)], &properties, body, header)
            },
        )
    }

    fn any_targets() -> impl Strategy<Value = Vec<Target>> {
        let target = (any::<u64>(), any::<u64>(), proptest::option::of(0..NEVER)).prop_map(
            |(queue, id, expires_unix_ms)| Target {
                queue: QueueNumber(queue),
                id: MessageId(id),
                expires_unix_ms,
            },
        );
        proptest::collection::vec(target, 1..5)
    }

    proptest! {
        #[test]
        fn a_message_comes_back_for_all_its_queues(
            message in any_message(),
            targets in any_targets(),
        ) {
            let mut group = GroupBuffer::default();
            group.begin(1, 5, 1024);
            let position = write_message(&mut group, &message, &targets, Lifetime::Process);
            prop_assert!(group.len() <= message_room(&message, targets.len()));
            let flat: Vec<u8> = group.pieces().iter().flat_map(|piece| piece.to_vec()).collect();
            let record = Bytes::from(flat).slice(..position.length as usize);
            let header = RecordHeader::read(5, &record).expect("it was just written");
            prop_assert!(header.is_intact(5, &record));
            let read = read_enqueue(&record[RECORD_HEADER_BYTES..], header.flags, header.count);
            let read = read.expect("it was just written");
            prop_assert_eq!(&read.targets, &targets);
            prop_assert_eq!(read.lifetime, Lifetime::Process);
            prop_assert_eq!(read.priority, message.header().priority.unwrap_or(0));
            prop_assert_eq!(read.content_bytes, message.content_bytes());
            prop_assert_eq!(read_message(&record, read.message), Some(message));
        }

        #[test]
        fn any_bytes_are_an_enqueue_or_none(bytes: Vec<u8>, flags: u8, count: u32) {
            let record = Bytes::from(bytes);
            if let Some(read) = read_enqueue(&record, flags, count) {
                let _ = read_message(&record, read.message);
            }
        }
    }
}
