//! Bytes to values and back.

use std::hint::black_box;

use bytes::Bytes;
use haremq::base::{
    Body, ChannelId, ConsumerTag, DeliveryTag, ExchangeName, FieldTable, FieldValue, Message,
    MessageHeader, ShortStr,
};
use haremq::wire::{
    ContentHeader, Decoder, FrameKind, Frames, Method, Output, Properties, decode_method,
    decode_publish,
};

use super::cases::{MESSAGES, Work};
use super::walk::frames::{acks, publishes};

const FRAME_MAX: u32 = 131_072;

pub(crate) fn decode_publish_16() -> Work {
    decode_publishes(16)
}

pub(crate) fn decode_publish_1024() -> Work {
    decode_publishes(1024)
}

/// A read taken apart as the connection's machine does it.
fn decode_publishes(body_bytes: usize) -> Work {
    let count = usize::try_from(MESSAGES).expect("a small number");
    let chunk = Bytes::from(publishes("logs", "a.routing.key", body_bytes, count));
    let mut decoder = Decoder::new();
    decoder.set_frame_max(FRAME_MAX);
    Box::new(move || {
        let (length, error) = decoder.complete_prefix(black_box(&chunk));
        assert!(error.is_none() && length == chunk.len(), "whole frames");
        for frame in Frames::new(black_box(&chunk)) {
            match frame.kind {
                FrameKind::Method => {
                    let publish = decode_publish(frame.payload).and_then(Result::ok);
                    black_box(publish.map(|publish| (publish.exchange, publish.routing_key)));
                }
                FrameKind::Header => {
                    let header = ContentHeader::scan(frame.payload);
                    black_box(header.and_then(|header| header.message_header()).ok());
                }
                FrameKind::Body => {
                    black_box(frame.payload.len());
                }
                FrameKind::Heartbeat => {}
            }
        }
    })
}

pub(crate) fn encode_deliver() -> Work {
    let (message, tag) = (message(16), ConsumerTag::try_from("ctag-1").expect("a short tag"));
    let mut output = Output::new();
    Box::new(move || {
        for number in 0..MESSAGES {
            let (message, tag) = (black_box(&message), black_box(&tag));
            output.deliver(ChannelId(1), tag, DeliveryTag(number), false, message, FRAME_MAX);
        }
        let length = output.len();
        black_box(output.slices().next());
        output.advance(length);
    })
}

pub(crate) fn decode_ack() -> Work {
    let chunk = Bytes::from(acks(1, usize::try_from(MESSAGES).expect("a small number")));
    let decoder = Decoder::new();
    Box::new(move || {
        black_box(decoder.complete_prefix(black_box(&chunk)));
        for frame in Frames::new(black_box(&chunk)) {
            let Ok(Method::BasicAck { delivery_tag, .. }) = decode_method(frame.payload) else {
                panic!("only acks are there");
            };
            black_box(delivery_tag);
        }
    })
}

/// Four properties and a headers table of three entries.
pub(crate) fn scan_header() -> Work {
    let headers = FieldTable::new(vec![
        (short("x-tenant"), FieldValue::text("one")),
        (short("x-attempt"), FieldValue::I32(3)),
        (short("x-trace"), FieldValue::text("00-0af7651916cd43dd8448eb211c80319c")),
    ]);
    let properties = Properties {
        content_type: Some(short("application/json")),
        delivery_mode: Some(2),
        message_id: Some(short("3f1c")),
        timestamp: Some(1_700_000_000),
        headers: Some(headers),
        ..Properties::default()
    };
    let mut payload = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16];
    payload.extend(properties.encode());
    Box::new(move || {
        for _ in 0..MESSAGES {
            let header = ContentHeader::scan(black_box(&payload)).expect("a content header");
            black_box(header.body_size);
        }
    })
}

/// A persistent message of so many bytes.
pub(crate) fn message(body_bytes: usize) -> Message {
    Message::new(
        &ExchangeName::try_from("logs").expect("a short name"),
        b"a.routing.key",
        b"\x10\x00\x02",
        Body::One(Bytes::from(vec![b'x'; body_bytes])),
        MessageHeader { persistent: true, ..MessageHeader::default() },
    )
}

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("a short string")
}
