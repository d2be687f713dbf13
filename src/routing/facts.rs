//! What routers may ask of a message beside its routing keys.

use crate::base::FieldTable;

use super::Exchange;

/// A property that an exchange can hash (rabbitmq: the consistent hash exchange's `hash-property`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashProperty {
    /// `message-id`.
    MessageId,
    /// `correlation-id`.
    CorrelationId,
    /// `timestamp`, as decimal digits.
    Timestamp,
}

impl HashProperty {
    /// The property of this name, as `hash-property` says it.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"message_id" => Some(Self::MessageId),
            b"correlation_id" => Some(Self::CorrelationId),
            b"timestamp" => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// A message as routers see it. Nothing is asked that no exchange on the way needs.
pub trait Facts {
    /// The `headers` table. Asked for once at most, besides for [`Self::delay_ms`].
    fn headers(&mut self) -> FieldTable;

    /// The bytes of a property; `None` when the message has none of it.
    fn property(&mut self, property: HashProperty) -> Option<Vec<u8>>;

    /// A number that nobody can foresee, another one each time: what an exchange picks by that picks at
    /// random.
    fn number(&mut self) -> u64;

    /// Whether the message has been to this exchange before, which drops duplicates
    /// ([`Exchange::deduplication`]). Asked when the message comes to it. Who does not count as somebody
    /// who publishes keeps the answer that is here.
    fn is_duplicate(&mut self, _: &Exchange) -> bool {
        false
    }

    /// How long an exchange that delays holds the message back ([`super::delay_ms`]); `None` for not at
    /// all.
    fn delay_ms(&mut self) -> Option<u32> {
        super::delay_ms(&self.headers())
    }
}

/// Headers alone: a message without other properties, to which every number is 0.
impl<F: FnMut() -> FieldTable> Facts for F {
    fn headers(&mut self) -> FieldTable {
        self()
    }

    fn property(&mut self, _: HashProperty) -> Option<Vec<u8>> {
        None
    }

    fn number(&mut self) -> u64 {
        0
    }
}
