//! A message on its way: bytes as they came, and bytes as they go.

use sha2::{Digest as _, Sha256};

use super::claim::Digest;
use crate::base::{ExchangeName, FieldTable, ShortStr};
use crate::perf::{CHANNEL, put_method};
use crate::wire::{ContentHeader, FRAME_END, FrameKind, Method, Properties, WireError};

/// A delivery, whole.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Message {
    pub(super) tag: u64,
    pub(super) redelivered: bool,
    pub(super) exchange: ExchangeName,
    pub(super) routing_key: ShortStr,
    /// The content header from its property flags on.
    pub(super) properties: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// What it is told from others by: everything that a publisher can choose. The headers that a queue that
    /// counts deliveries adds are left out, because they change with each delivery.
    pub(super) fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let properties = without_counts(&self.properties);
        let parts: [&[u8]; 4] = [
            self.exchange.as_str().as_bytes(),
            self.routing_key.as_bytes(),
            &properties,
            &self.body,
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&hash.finalize()[..16]);
        digest
    }

    /// Takes out what the source's queue added for this delivery.
    pub(super) fn forget_counts(&mut self) {
        if let std::borrow::Cow::Owned(properties) = without_counts(&self.properties) {
            self.properties = properties;
        }
    }

    /// Whether its own headers name further queues: sent to an exchange that looks at them, it would go there
    /// again.
    pub(super) fn selects(&self) -> bool {
        let headers = headers(&self.properties);
        headers.get(b"CC").is_some() || headers.get(b"BCC").is_some()
    }

    /// Bytes in memory, nearly.
    pub(super) fn bytes(&self) -> u64 {
        (self.properties.len() + self.body.len()) as u64
    }

    /// Appends it as a publish; the broker is asked to give it back when it reaches no queue.
    pub(super) fn publish(&self, exchange: &ExchangeName, frame_max: usize, into: &mut Vec<u8>) {
        put_publish(exchange, &self.routing_key, (&self.properties, &self.body), frame_max, into);
    }
}

/// Appends a publish with its content; `frame_max` is the largest payload of a frame.
pub(super) fn put_publish(
    exchange: &ExchangeName,
    routing_key: &ShortStr,
    (properties, body): (&[u8], &[u8]),
    frame_max: usize,
    into: &mut Vec<u8>,
) {
    let publish = Method::BasicPublish {
        exchange: exchange.clone(),
        routing_key: routing_key.clone(),
        mandatory: true,
        immediate: false,
    };
    put_method(CHANNEL, &publish, into);
    // spec: 4.2.6.1 The Content Header: class, weight, size of the body, properties.
    let mut header = vec![0, 60, 0, 0];
    header.extend_from_slice(&(body.len() as u64).to_be_bytes());
    header.extend_from_slice(properties);
    put_frame(FrameKind::Header, &header, into);
    for part in body.chunks(frame_max.max(1)) {
        put_frame(FrameKind::Body, part, into);
    }
}

fn put_frame(kind: FrameKind, payload: &[u8], into: &mut Vec<u8>) {
    into.push(kind.number());
    into.extend_from_slice(&CHANNEL.to_be_bytes());
    // A payload has at most the bytes of a frame, which fit.
    into.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(payload);
    into.push(FRAME_END);
}

/// The properties without the headers of counted deliveries; borrowed when there are none.
fn without_counts(properties: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let headers = headers(properties);
    let is_count = |key: &ShortStr| COUNTS.contains(&key.as_bytes());
    if !headers.iter().any(|(key, _)| is_count(key)) {
        return properties.into();
    }
    let Ok(decoded) = Properties::decode(properties) else { return properties.into() };
    let others: FieldTable = headers
        .iter()
        .filter(|(key, _)| !is_count(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    // A publisher that sent an empty table is rarer than a queue that made one for its count.
    let headers = if others.iter().next().is_none() { None } else { Some(others) };
    Properties { headers, ..decoded }.encode().to_vec().into()
}

fn headers(properties: &[u8]) -> FieldTable {
    crate::wire::headers_of(properties)
}

/// rabbitmq: quorum queues, "Poison Message Handling"; 4.3 adds the second.
const COUNTS: [&[u8]; 2] = [b"x-delivery-count", b"x-acquired-count"];

/// A content on its way in, frame by frame.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    what: What,
    properties: Vec<u8>,
    body: Vec<u8>,
    /// Of the body; none before the header came.
    left: Option<u64>,
}

/// What a content belongs to.
#[derive(Clone, Debug)]
pub(super) enum What {
    Delivery {
        tag: u64,
        redelivered: bool,
        exchange: ExchangeName,
        routing_key: ShortStr,
    },
    /// With the broker's reason.
    Return(String),
}

/// What is whole.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Arrived {
    Message(Message),
    Returned(String),
}

impl Arriving {
    pub(super) fn begin(&mut self, what: What) {
        self.started = Some(Started { what, properties: Vec::new(), body: Vec::new(), left: None });
    }

    /// A header frame.
    pub(super) fn header(&mut self, payload: &[u8]) -> Result<Option<Arrived>, WireError> {
        let header = ContentHeader::scan(payload)?;
        if let Some(started) = &mut self.started {
            started.properties = header.properties.to_vec();
            started.left = Some(header.body_size);
        }
        Ok(self.finished())
    }

    /// A body frame.
    pub(super) fn body(&mut self, payload: &[u8]) -> Option<Arrived> {
        let started = self.started.as_mut()?;
        started.body.extend_from_slice(payload);
        started.left = started.left.map(|left| left.saturating_sub(payload.len() as u64));
        self.finished()
    }

    fn finished(&mut self) -> Option<Arrived> {
        let Started { what, properties, body, .. } =
            self.started.take_if(|started| started.left == Some(0))?;
        Some(match what {
            What::Return(reason) => Arrived::Returned(reason),
            What::Delivery { tag, redelivered, exchange, routing_key } => {
                Arrived::Message(Message {
                    tag,
                    redelivered,
                    exchange,
                    routing_key,
                    properties,
                    body,
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::FieldValue;

    fn with_headers(headers: &[(&str, FieldValue)]) -> Message {
        let headers = headers
            .iter()
            .map(|(key, value)| (ShortStr::try_from(*key).expect("a short key"), value.clone()));
        let properties = Properties { headers: Some(headers.collect()), ..Properties::default() };
        Message {
            tag: 1,
            redelivered: false,
            exchange: ExchangeName::try_from("").expect("a name"),
            routing_key: ShortStr::try_from("q").expect("a key"),
            properties: properties.encode().to_vec(),
            body: b"body".to_vec(),
        }
    }

    #[test]
    fn a_count_of_deliveries_is_no_part_of_a_message() {
        let own = ("own", FieldValue::I8(1));
        let plain = with_headers(std::slice::from_ref(&own));
        let mut counted = with_headers(&[
            ("x-delivery-count", FieldValue::I64(1)),
            own,
            ("x-acquired-count", FieldValue::I64(2)),
        ]);
        assert_eq!(plain.digest(), counted.digest());
        counted.forget_counts();
        assert_eq!(plain.properties, counted.properties);
        let mut only = with_headers(&[("x-delivery-count", FieldValue::I64(1))]);
        only.forget_counts();
        assert_eq!(only.properties, [0, 0]);
    }

    #[test]
    fn everything_that_a_publisher_chooses_tells_messages_apart() {
        let message = with_headers(&[("a", FieldValue::I8(1))]);
        let mut others = vec![message.clone(); 4];
        others[0].body = b"bodx".to_vec();
        others[1].routing_key = ShortStr::try_from("p").expect("a key");
        others[2].exchange = ExchangeName::try_from("e").expect("a name");
        others[3].properties = with_headers(&[("a", FieldValue::I16(1))]).properties;
        for other in others {
            assert_ne!(message.digest(), other.digest(), "{other:?}");
        }
        let again = Message { tag: 9, redelivered: true, ..message.clone() };
        assert_eq!(message.digest(), again.digest());
    }

    #[test]
    fn a_message_goes_out_as_it_came_in() {
        let mut message = with_headers(&[("CC", FieldValue::Array(vec![FieldValue::text("q2")]))]);
        message.body = vec![7; 100];
        assert!(message.selects() && !with_headers(&[]).selects());
        let mut bytes = Vec::new();
        message.publish(&message.exchange, 64, &mut bytes);
        let frames: Vec<_> = frames(&bytes);
        let kinds: Vec<u8> = frames.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [1, 2, 3, 3]);
        let mut arriving = Arriving::default();
        arriving.begin(What::Delivery {
            tag: 1,
            redelivered: false,
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
        });
        assert_eq!(arriving.header(frames[1].1), Ok(None));
        assert_eq!(arriving.body(frames[2].1), None);
        assert_eq!(arriving.body(frames[3].1), Some(Arrived::Message(message)));
        arriving.begin(What::Return("312".to_owned()));
        let empty = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(arriving.header(&empty), Ok(Some(Arrived::Returned("312".to_owned()))));
    }

    fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
        let mut found = Vec::new();
        while let [kind, _, _, a, b, c, d, rest @ ..] = bytes {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            found.push((*kind, &rest[..length]));
            assert_eq!(rest[length], 206);
            bytes = &rest[length + 1..];
        }
        found
    }
}
