//! The output: the same bytes however they are cut, written and kept.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::values::{message, values};
use crate::base::{
    Body, ChannelId, ConsumerTag, DeliveryTag, ExchangeName, Message, MessageHeader, ReplyCode,
};
use crate::wire::{
    Decoder, FrameKind, Frames, Method, MethodId, Output, ProtocolHeader, decode_method,
    encode_method,
};

const CHANNEL: ChannelId = ChannelId(1);

fn tag() -> ConsumerTag {
    ConsumerTag::try_from("ctag").expect("short")
}

fn message_of(body: Body) -> Message {
    let exchange = ExchangeName::try_from("logs").expect("short");
    Message::new(&exchange, b"key", &[0, 0], body, MessageHeader::default())
}

fn small_message() -> Message {
    message_of(Body::One(Bytes::from_static(b"0123456789abcdef")))
}

fn bytes_of(output: &Output) -> Vec<u8> {
    output.slices().collect::<Vec<_>>().concat()
}

/// The frames of a message as anybody would write them down.
fn naive(method: &Method, message: &Message, frame_max: u32) -> Vec<u8> {
    let mut payload = Vec::new();
    encode_method(method, &mut payload);
    let mut bytes = super::frames::frame(1, CHANNEL.0, &payload, 206);
    let body = message.body().to_vec();
    let mut header = vec![0, 60, 0, 0];
    header.extend((body.len() as u64).to_be_bytes());
    header.extend(message.properties());
    bytes.extend(super::frames::frame(2, CHANNEL.0, &header, 206));
    let max = if frame_max == 0 { usize::MAX } else { frame_max as usize - 8 };
    for piece in body.chunks(max) {
        bytes.extend(super::frames::frame(3, CHANNEL.0, piece, 206));
    }
    bytes
}

fn deliver_method(message: &Message, number: u64, redelivered: bool) -> Method {
    Method::BasicDeliver {
        consumer_tag: tag(),
        delivery_tag: DeliveryTag(number),
        redelivered,
        exchange: message.exchange_name(),
        routing_key: crate::base::ShortStr::copy_from(message.routing_key()).expect("short"),
    }
}

#[test]
fn an_empty_body_has_no_body_frame() {
    let mut output = Output::new();
    output.deliver(CHANNEL, &tag(), DeliveryTag(1), false, &message_of(Body::Many(vec![])), 4096);
    let bytes = Bytes::from(bytes_of(&output));
    let kinds: Vec<FrameKind> = Frames::new(&bytes).map(|frame| frame.kind).collect();
    assert_eq!(kinds, [FrameKind::Method, FrameKind::Header]);
}

#[test]
fn a_return_bears_the_code_and_its_name() {
    let mut output = Output::new();
    output.returned(CHANNEL, ReplyCode::NoRoute, &small_message(), 0);
    let bytes = Bytes::from(bytes_of(&output));
    let frame = Frames::new(&bytes).next().expect("a method frame");
    match decode_method(frame.payload) {
        Ok(Method::BasicReturn { reply_code, reply_text, exchange, routing_key }) => {
            assert_eq!((reply_code, &*reply_text.to_text()), (312, "NO_ROUTE"));
            assert_eq!((exchange.as_str(), routing_key.as_bytes()), ("logs", &b"key"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn settlements_are_the_methods_they_name() {
    let mut output = Output::new();
    let delivery_tag = DeliveryTag(0x0102_0304_0506_0708);
    output.ack(CHANNEL, delivery_tag, true);
    output.nack(CHANNEL, delivery_tag, false);
    let bytes = Bytes::from(bytes_of(&output));
    let methods: Vec<Method> =
        Frames::new(&bytes).map(|frame| decode_method(frame.payload).expect("a method")).collect();
    assert_eq!(
        methods,
        [
            Method::BasicAck { delivery_tag, multiple: true },
            Method::BasicNack { delivery_tag, multiple: false, requeue: true },
        ]
    );
}

#[test]
fn a_heartbeat_and_a_protocol_header_are_eight_octets() {
    let mut output = Output::new();
    output.heartbeat();
    assert_eq!(bytes_of(&output), [8, 0, 0, 0, 0, 0, 0, 206]);
    output.advance(8);
    output.protocol_header();
    assert_eq!(ProtocolHeader::parse(&bytes_of(&output)), Some(ProtocolHeader::Amqp091));
    assert_eq!(output.len(), 8);
}

#[test]
fn a_large_body_is_not_copied() {
    let body = Bytes::from(vec![7; 100_000]);
    let mut output = Output::new();
    let message = message_of(Body::One(body.clone()));
    output.deliver(CHANNEL, &tag(), DeliveryTag(1), false, &message, 131_072);
    assert!(output.slices().any(|slice| slice.as_ptr() == body.as_ptr()));
    assert!(output.capacity() < 1_000);
    let mut slices = [&[][..]; 2];
    assert_eq!(output.fill(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), body.as_ptr());
    output.advance(output.len());
    assert!(output.is_empty());
    drop(message);
    assert!(body.is_unique(), "a written body must be let go");
}

#[test]
fn steady_work_needs_no_new_memory() {
    let (mut output, message, tag) = (Output::new(), small_message(), tag());
    let mut turn = |count: u64| {
        for number in 0..count {
            output.deliver(CHANNEL, &tag, DeliveryTag(number), false, &message, 131_072);
        }
        let place = output.slices().next().map(<[u8]>::as_ptr);
        output.advance(output.len());
        (place, output.capacity())
    };
    let first = turn(100);
    for _ in 0..1_000 {
        assert_eq!(turn(100), first);
    }
}

#[test]
fn a_burst_does_not_keep_its_memory() {
    let (mut output, message, tag) = (Output::new(), small_message(), tag());
    let turn = |output: &mut Output, count: u64| {
        for number in 0..count {
            output.deliver(CHANNEL, &tag, DeliveryTag(number), false, &message, 131_072);
        }
        output.advance(output.len());
    };
    turn(&mut output, 100_000);
    assert!(output.capacity() <= 2 * 1024 * 1024, "{}", output.capacity());
    turn(&mut output, 10_000);
    assert!(output.capacity() > 500_000);
    for _ in 0..100 {
        turn(&mut output, 1);
    }
    assert!(output.capacity() <= 16 * 1024, "{}", output.capacity());
    output.release();
    assert_eq!(output.capacity(), 0);
}

#[test]
fn a_peer_that_always_lags_does_not_make_the_buffer_grow() {
    let (mut output, message, tag) = (Output::new(), small_message(), tag());
    output.deliver(CHANNEL, &tag, DeliveryTag(0), false, &message, 131_072);
    let one = output.len();
    for number in 0..100_000 {
        output.deliver(CHANNEL, &tag, DeliveryTag(number), false, &message, 131_072);
        output.advance(one);
    }
    assert_eq!(output.len(), one);
    assert!(output.capacity() <= 512 * 1024, "{}", output.capacity());
}

#[test]
#[should_panic(expected = "9 bytes written of 8")]
fn more_written_than_there_was_is_a_broken_count() {
    let mut output = Output::new();
    output.heartbeat();
    output.advance(9);
}

proptest! {
    #[test]
    fn messages_leave_as_anybody_would_write_them(
        messages in vec(message(), 1..5),
        frame_max in prop::sample::select(&[0u32, 4096, 8192, 131_072][..]),
        redelivered in any::<bool>(),
        advances in vec(1..20_000usize, 0..60),
    ) {
        let mut output = Output::new();
        let mut expected = Vec::new();
        let mut written = Vec::new();
        let mut advances = advances.into_iter();
        for (number, message) in messages.iter().enumerate() {
            let number = number as u64;
            output.deliver(CHANNEL, &tag(), DeliveryTag(number), redelivered, message, frame_max);
            let method = deliver_method(message, number, redelivered);
            expected.extend(naive(&method, message, frame_max));
            for bytes in advances.by_ref().take(10) {
                let waiting = bytes_of(&output);
                prop_assert_eq!(waiting.len(), output.len());
                let bytes = bytes.min(waiting.len());
                written.extend(&waiting[..bytes]);
                output.advance(bytes);
            }
        }
        written.extend(bytes_of(&output));
        output.advance(output.len());
        prop_assert!(output.is_empty());
        prop_assert_eq!(output.slices().count(), 0);
        prop_assert!(written == expected, "the bytes differ");
        let mut decoder = Decoder::new();
        decoder.set_frame_max(frame_max);
        prop_assert_eq!(decoder.complete_prefix(&written), (written.len(), None));
    }

    #[test]
    fn a_method_frame_bears_its_size(values in values()) {
        let mut output = Output::new();
        for id in MethodId::ALL {
            output.method(CHANNEL, &values.method(*id));
        }
        let bytes = Bytes::from(bytes_of(&output));
        prop_assert_eq!(bytes.len(), output.len());
        let ids: Vec<_> = Frames::new(&bytes)
            .map(|frame| decode_method(frame.payload).expect("a method").id())
            .collect();
        prop_assert_eq!(&ids[..], MethodId::ALL);
    }
}
