//! The codec on 16-byte messages, against amq-protocol on the same bytes.

use std::hint::black_box;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame, parse_frame};
use amq_protocol::protocol::basic::{AMQPMethod, AMQPProperties, Ack, Deliver};
use amq_protocol::protocol::{AMQPClass, basic};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use haremq::base::{
    Body, ChannelId, ConsumerTag, DeliveryTag, ExchangeName, FieldTable, FieldValue, Message,
    MessageHeader, ShortStr,
};
use haremq::wire::{
    ContentHeader, Decoder, FrameKind, Frames, Method, Output, Properties, decode_method,
    decode_publish,
};

const MESSAGES: u64 = 1_000;
const BODY: &[u8; 16] = b"0123456789abcdef";
const FRAME_MAX: u32 = 131_072;

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("short")
}

fn message() -> Message {
    Message::new(
        &ExchangeName::try_from("logs").expect("short"),
        b"a.routing.key",
        b"\x10\x00\x02",
        Body::One(Bytes::from_static(BODY)),
        MessageHeader { persistent: true, ..MessageHeader::default() },
    )
}

/// One publish of sixteen bytes, as amq-protocol writes it.
fn publish_bytes(exchange: &str) -> Vec<u8> {
    let publish = basic::Publish {
        exchange: exchange.into(),
        routing_key: "a.routing.key".into(),
        mandatory: false,
        immediate: false,
    };
    let frames = [
        AMQPFrame::Method(1, AMQPClass::Basic(AMQPMethod::Publish(publish))),
        header_frame(),
        AMQPFrame::Body(1, BODY.to_vec()),
    ];
    frames.iter().fold(Vec::new(), generated)
}

fn header_frame() -> AMQPFrame {
    let properties = AMQPProperties::default().with_delivery_mode(2);
    AMQPFrame::Header(1, AMQPContentHeader { class_id: 60, body_size: 16, properties })
}

fn generated(bytes: Vec<u8>, frame: &AMQPFrame) -> Vec<u8> {
    gen_frame(frame)(WriteContext::from(bytes)).expect("a vector grows").into_inner().0
}

/// A read of a thousand publishes, taken apart as the connection's machine does it.
fn decode_publishes(decoder: &Decoder, chunk: &Bytes) -> u64 {
    let (len, error) = decoder.complete_prefix(chunk);
    assert!(error.is_none() && len == chunk.len());
    // Not an empty slice to begin with: comparing with its address that nothing is at takes the
    // processor 60 ns.
    let mut last_exchange = ExchangeName::try_from("").expect("short");
    let mut seen = 0;
    for frame in Frames::new(chunk) {
        match frame.kind {
            FrameKind::Method => {
                if let Some(Ok(publish)) = decode_publish(frame.payload) {
                    if publish.exchange != last_exchange.as_str().as_bytes()
                        && let Ok(name) = publish.exchange_name()
                    {
                        last_exchange = name;
                    }
                    black_box(publish.routing_key);
                }
            }
            FrameKind::Header => {
                if let Ok(header) = ContentHeader::scan(frame.payload) {
                    black_box(header.properties);
                    black_box(header.message_header().map(|header| header.persistent).ok());
                }
            }
            FrameKind::Body => seen += frame.payload.len() as u64,
            FrameKind::Heartbeat => {}
        }
    }
    seen
}

fn decode_all_with_crate(chunk: &[u8]) -> u64 {
    let mut left = chunk;
    let mut seen = 0;
    while let Ok((rest, frame)) = parse_frame(left) {
        black_box(&frame);
        seen += 1;
        left = rest;
    }
    seen
}

fn decode_publish_16(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode_publish_16");
    group.throughput(Throughput::Elements(MESSAGES));
    for (name, exchange) in [("default", ""), ("named", "logs")] {
        let one = publish_bytes(exchange);
        let chunk = Bytes::from(one.repeat(usize::try_from(MESSAGES).expect("small")));
        let mut decoder = Decoder::new();
        decoder.set_frame_max(FRAME_MAX);
        group.bench_function(format!("haremq/{name}"), |b| {
            b.iter(|| decode_publishes(&decoder, black_box(&chunk)));
        });
        group.bench_function(format!("amq-protocol/{name}"), |b| {
            b.iter(|| decode_all_with_crate(black_box(&chunk)));
        });
    }
    group.finish();
}

fn encode_deliver_16(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode_deliver_16");
    group.throughput(Throughput::Elements(MESSAGES));
    let (message, tag) = (message(), ConsumerTag::try_from("ctag-1").expect("short"));
    let mut output = Output::new();
    group.bench_function("haremq", |b| {
        b.iter(|| {
            for number in 0..MESSAGES {
                let tag = black_box(&tag);
                let message = black_box(&message);
                output.deliver(ChannelId(1), tag, DeliveryTag(number), false, message, FRAME_MAX);
            }
            let len = output.len();
            black_box(output.slices().next());
            output.advance(len);
        });
    });
    let deliver = Deliver {
        consumer_tag: "ctag-1".into(),
        delivery_tag: 1,
        redelivered: false,
        exchange: "logs".into(),
        routing_key: "a.routing.key".into(),
    };
    let frames = [
        AMQPFrame::Method(1, AMQPClass::Basic(AMQPMethod::Deliver(deliver))),
        header_frame(),
        AMQPFrame::Body(1, BODY.to_vec()),
    ];
    group.bench_function("amq-protocol", |b| {
        let mut bytes = Vec::new();
        b.iter(|| {
            bytes.clear();
            for _ in 0..MESSAGES {
                bytes = black_box(&frames).iter().fold(std::mem::take(&mut bytes), generated);
            }
            black_box(&bytes);
        });
    });
    group.finish();
}

fn ack(c: &mut Criterion) {
    let mut group = c.benchmark_group("ack");
    group.throughput(Throughput::Elements(MESSAGES));
    let frame = AMQPFrame::Method(
        1,
        AMQPClass::Basic(AMQPMethod::Ack(Ack { delivery_tag: 77, multiple: false })),
    );
    let one = generated(Vec::new(), &frame);
    let chunk = Bytes::from(one.repeat(usize::try_from(MESSAGES).expect("small")));
    let decoder = Decoder::new();
    group.bench_function("decode/haremq", |b| {
        b.iter(|| {
            let (len, _) = decoder.complete_prefix(black_box(&chunk));
            let mut sum = 0;
            for frame in Frames::new(black_box(&chunk)) {
                if let Ok(Method::BasicAck { delivery_tag, .. }) = decode_method(frame.payload) {
                    sum += delivery_tag.0;
                }
            }
            (len, sum)
        });
    });
    group.bench_function("decode/amq-protocol", |b| {
        b.iter(|| decode_all_with_crate(black_box(&chunk)));
    });
    let mut output = Output::new();
    group.bench_function("encode/haremq", |b| {
        b.iter(|| {
            for number in 0..MESSAGES {
                output.ack(ChannelId(1), black_box(DeliveryTag(number)), false);
            }
            let len = output.len();
            black_box(output.slices().next());
            output.advance(len);
        });
    });
    group.finish();
}

fn header_scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("header_scan");
    let headers = FieldTable::new(vec![
        (short("x-tenant"), FieldValue::text("one")),
        (short("x-attempt"), FieldValue::I32(3)),
        (short("x-trace"), FieldValue::text("00-0af7651916cd43dd8448eb211c80319c")),
    ]);
    let four = Properties {
        content_type: Some(short("application/json")),
        delivery_mode: Some(2),
        message_id: Some(short("3f1c")),
        timestamp: Some(1_700_000_000),
        ..Properties::default()
    };
    let examples = [
        ("none", Properties::default()),
        ("delivery_mode", Properties { delivery_mode: Some(2), ..Properties::default() }),
        ("four", four.clone()),
        ("four_and_headers", Properties { headers: Some(headers), ..four }),
    ];
    for (name, properties) in examples {
        let mut payload = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16];
        payload.extend(properties.encode());
        group.bench_function(name, |b| {
            b.iter(|| ContentHeader::scan(black_box(&payload)).map(|header| header.body_size));
        });
    }
    group.finish();
}

criterion_group!(benches, decode_publish_16, encode_deliver_16, ack, header_scan);
criterion_main!(benches);
