//! The payload of a method frame to a [`Method`] (spec: 4.2.4 Method Payloads).

use crate::base::ExchangeName;

use super::error::{Snippet, WireError};
use super::frame::FrameKind;
use super::hand::{self, PublishFields};
use super::method::{Method, MethodId};
use super::reader::Reader;
use super::{bridge, layout};

/// Decodes a method of either direction. What a client may send is the connection's business.
///
/// Methods of the hot path are read by hand, the rare ones through amq-protocol. Bytes after the
/// arguments are refused, as RabbitMQ does.
#[inline]
pub fn decode_method(payload: &[u8]) -> Result<Method, WireError> {
    // A consumer that acks each delivery sends hardly anything else; in line the method need not be
    // moved, which costs more than to read it.
    if let Some((MethodId::BASIC_ACK, arguments)) = MethodId::split(payload)
        && let Ok(ack) = hand::ack(&mut Reader::new(arguments))
    {
        return Ok(ack);
    }
    decode_any(payload)
}

fn decode_any(payload: &[u8]) -> Result<Method, WireError> {
    let Some((id, arguments)) = MethodId::split(payload) else {
        // rabbitmq: a method frame without its four octets is a frame of no known kind.
        return Err(WireError::UnknownFrame {
            kind: FrameKind::Method.number(),
            snippet: Snippet::of(payload),
        });
    };
    let decoded = match hand::decode(id, arguments) {
        Some(decoded) => decoded,
        None => match layout::of(id) {
            Some(layout) => bridge::decode(id, layout, arguments),
            None => return Err(WireError::UnknownMethod { id }),
        },
    };
    decoded.map_err(|fault| WireError::in_method(fault, id, arguments))
}

/// `basic.publish`, borrowed from its frame: nothing was allocated, and the exchange is not yet known
/// to be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishRef<'a> {
    /// The exchange's name and the routing key as they were sent: two short strings behind one another.
    pub route: &'a [u8],
    /// The exchange's name as sent; compare it with the last one before you call
    /// [`Self::exchange_name`].
    pub exchange: &'a [u8],
    /// Any bytes.
    pub routing_key: &'a [u8],
    /// Wants `basic.return` when it reaches no queue.
    pub mandatory: bool,
    /// Wants `basic.return` when no consumer takes it at once.
    pub immediate: bool,
}

impl PublishRef<'_> {
    /// The exchange as a name. Allocates.
    pub fn exchange_name(&self) -> Result<ExchangeName, WireError> {
        ExchangeName::parse(self.exchange)
            .map_err(|_| WireError::MalformedUtf8 { id: MethodId::BASIC_PUBLISH })
    }
}

/// Decodes `basic.publish` without allocating; `None` when the payload is another method.
#[inline]
pub fn decode_publish(payload: &[u8]) -> Option<Result<PublishRef<'_>, WireError>> {
    let (MethodId::BASIC_PUBLISH, arguments) = MethodId::split(payload)? else {
        return None;
    };
    Some(match PublishFields::read(&mut Reader::new(arguments)) {
        Ok(PublishFields { route, exchange, routing_key, mandatory, immediate }) => {
            Ok(PublishRef { route, exchange, routing_key, mandatory, immediate })
        }
        Err(fault) => Err(WireError::in_method(fault, MethodId::BASIC_PUBLISH, arguments)),
    })
}
