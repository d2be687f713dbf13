//! A message as the broker holds it: header bytes and body bytes exactly as the publisher sent them.
//!
//! A [`Message`] is a cheap handle; a message that is routed to many queues exists once. Whether its
//! bytes are a slice of the read buffer or a copy is decided here and nowhere else (walk (a), rule 3).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::ExchangeName;
use super::limits::MESSAGE_COPY_BYTES_MAX;

/// What the broker reads in a content header; the rest stays raw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MessageHeader {
    /// `delivery-mode` 2.
    pub persistent: bool,
    /// `priority`, when given.
    pub priority: Option<u8>,
    /// `expiration` in milliseconds, when given and a number.
    pub expiration_ms: Option<u64>,
    /// Whether a `headers` table is there at all.
    pub has_headers: bool,
}

/// The body, as the pieces in which it was received.
#[derive(Clone, Debug)]
pub enum Body {
    /// One piece, perhaps empty.
    One(Bytes),
    /// Several pieces in order.
    Many(Vec<Bytes>),
}

impl Body {
    /// All bytes together.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::One(bytes) => bytes.len(),
            Self::Many(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in order.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        match self {
            Self::One(bytes) => std::slice::from_ref(bytes),
            Self::Many(pieces) => pieces,
        }
    }
}

impl PartialEq for Body {
    /// Two bodies are equal when their bytes are, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.pieces().iter().flatten().eq(other.pieces().iter().flatten())
    }
}

#[derive(PartialEq, Debug)]
struct Inner {
    exchange: ExchangeName,
    routing_key: Bytes,
    properties: Bytes,
    body: Body,
    header: MessageHeader,
}

/// A message; cloning copies a reference.
#[derive(Clone, PartialEq, Debug)]
pub struct Message(Arc<Inner>);

impl Message {
    /// Puts a message together. `properties` is the content header from its property flags on.
    ///
    /// Small contents are copied into one allocation so that a message that waits does not keep a
    /// whole read buffer alive; large ones keep the slices they came in.
    #[must_use]
    pub fn new(
        exchange: ExchangeName,
        routing_key: &[u8],
        properties: &[u8],
        body: Body,
        header: MessageHeader,
    ) -> Self {
        let body_len = body.len();
        let small = routing_key.len() + properties.len() + body_len <= MESSAGE_COPY_BYTES_MAX;
        let copied_body_len = if small { body_len } else { 0 };
        let mut copy =
            BytesMut::with_capacity(routing_key.len() + properties.len() + copied_body_len);
        copy.extend_from_slice(routing_key);
        copy.extend_from_slice(properties);
        if small {
            for piece in body.pieces() {
                copy.extend_from_slice(piece);
            }
        }
        let mut rest = copy.freeze();
        let routing_key = rest.split_to(routing_key.len());
        let properties = rest.split_to(properties.len());
        let body = if small { Body::One(rest) } else { body };
        Self(Arc::new(Inner { exchange, routing_key, properties, body, header }))
    }

    /// The same message with other properties. What was read in the old ones still holds: whoever changes
    /// delivery mode, priority or expiration, or takes the last header away, must not do it here.
    #[must_use]
    pub fn with_properties(&self, properties: &[u8]) -> Self {
        let Inner { exchange, routing_key, body, header, .. } = &*self.0;
        let header = MessageHeader { has_headers: true, ..*header };
        Self::new(exchange.clone(), routing_key, properties, body.clone(), header)
    }

    /// The exchange it was published to.
    #[must_use]
    pub fn exchange(&self) -> &ExchangeName {
        &self.0.exchange
    }

    /// The routing key it was published with: any bytes, at most 255.
    #[must_use]
    pub fn routing_key(&self) -> &[u8] {
        &self.0.routing_key
    }

    /// The content header from its property flags on, as received.
    #[must_use]
    pub fn properties(&self) -> &[u8] {
        &self.0.properties
    }

    /// The body, as received.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// What the broker read in the content header.
    #[must_use]
    pub fn header(&self) -> &MessageHeader {
        &self.0.header
    }

    /// Whether both are handles of one message (not only equal).
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A number that all handles of one message share, and no other message while one of them lives.
    #[must_use]
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Bytes of what was published: routing key, content header and body.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        (self.0.routing_key.len() + self.0.properties.len() + self.0.body.len()) as u64
    }

    /// Bytes this message costs in RAM: what it carries and the bookkeeping around it.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        let carried = self.0.routing_key.len() + self.0.properties.len() + self.0.body.len();
        // Usize is at most 64 bits wide on every supported machine.
        (carried + size_of::<Inner>() + 96) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> ExchangeName {
        ExchangeName::try_from("logs").expect("a short name")
    }

    #[test]
    fn a_small_message_is_one_copy_and_keeps_its_bytes() {
        let chunk = Bytes::from(vec![7u8; 100]);
        let message = Message::new(
            exchange(),
            b"key",
            b"\x00\x00",
            Body::Many(vec![chunk.slice(..10), chunk.slice(10..30)]),
            MessageHeader::default(),
        );
        assert_eq!(message.routing_key(), b"key");
        assert_eq!(message.properties(), b"\x00\x00");
        assert_eq!(message.body().pieces(), &[Bytes::from(vec![7u8; 30])]);
        assert!(chunk.is_unique(), "the message must not hold on to the read buffer");
    }

    #[test]
    fn a_large_body_keeps_the_slices_it_came_in() {
        let chunk = Bytes::from(vec![7u8; 2 * MESSAGE_COPY_BYTES_MAX]);
        let message = Message::new(
            exchange(),
            b"",
            b"\x00\x00",
            Body::One(chunk.clone()),
            MessageHeader::default(),
        );
        assert_eq!(message.body().pieces()[0].as_ptr(), chunk.as_ptr());
    }
}
