//! What a client may say, by choice of a script: mostly well formed, so that it comes far.

use bytes::Bytes;
use haremq::base::{
    ChannelId, ConsumerTag, ExchangeName, FieldTable, FieldValue, QueueName, ShortStr, VhostName,
};
use haremq::wire::{
    BasicConsume, Close, ExchangeBind, ExchangeDeclare, Method, MethodId, PROTOCOL_HEADER,
    Properties, QueueBind, QueueDeclare,
};

use super::super::harness::Script;
use super::connection::{delivery_tag, framed};

/// A login, now and then with a step that is missing or another one.
pub(super) fn handshake(script: &mut Script<'_>, write: &mut dyn FnMut(&[u8])) {
    let faulty = script.below(16) == 15;
    let capabilities =
        ["authentication_failure_close", "consumer_cancel_notify", "connection.blocked"];
    let shown = usize::from(script.byte() & 7);
    let capabilities: FieldTable = (0..capabilities.len())
        .filter(|at| shown >> at & 1 == 0)
        .map(|at| (short(capabilities[at]), FieldValue::Boolean(true)))
        .collect();
    let properties =
        FieldTable::new(vec![(short("capabilities"), FieldValue::Table(capabilities))]);
    let frame_max = script.pick(&[131_072, 4096, 4097, 8192]);
    let steps = [
        Method::ConnectionStartOk {
            client_properties: properties,
            mechanism: short("PLAIN"),
            response: Bytes::from_static(b"\0guest\0secret"),
            locale: short("en_US"),
        },
        Method::ConnectionTuneOk {
            channel_max: 8,
            frame_max,
            heartbeat_s: script.pick(&[0, 1, 60]),
        },
        Method::ConnectionOpen { vhost: VhostName::try_from("/").expect("short") },
    ];
    write(&PROTOCOL_HEADER);
    for method in steps {
        if !faulty || script.below(3) > 0 {
            write(&framed(ChannelId(0), &method));
        }
        if faulty && script.flag() {
            let other = self::method(script);
            write(&framed(ChannelId(0), &other));
        }
    }
    write(&framed(ChannelId(1), &Method::ChannelOpen));
}

/// A method of a client, or now and then one that only a server sends.
pub(super) fn method(script: &mut Script<'_>) -> Method {
    match script.below(40) {
        0 | 1 => Method::ChannelOpen,
        2 => Method::ChannelClose(close(script)),
        3 => Method::ChannelCloseOk,
        4 => Method::ChannelFlow { active: script.flag() },
        5 | 6 => Method::ConfirmSelect { nowait: script.flag() },
        7 | 8 => Method::TxSelect,
        9 | 10 => Method::TxCommit,
        11 => Method::TxRollback,
        12 => Method::BasicQos {
            prefetch_size: script.pick(&[0, 0, 0, 1]),
            prefetch_count: script.pick(&[0, 1, 5, u16::MAX]),
            global: script.flag(),
        },
        13..=15 => Method::BasicConsume(consume(script)),
        16 => Method::BasicCancel { consumer_tag: tag(script), nowait: script.flag() },
        17 | 18 => Method::BasicGet { queue: queue(script), no_ack: script.flag() },
        19..=21 => Method::BasicAck { delivery_tag: delivery_tag(script), multiple: script.flag() },
        22 => Method::BasicReject { delivery_tag: delivery_tag(script), requeue: script.flag() },
        23 | 24 => Method::BasicNack {
            delivery_tag: delivery_tag(script),
            multiple: script.flag(),
            requeue: script.flag(),
        },
        25 => Method::BasicRecover { requeue: script.flag() },
        26 => Method::BasicRecoverAsync { requeue: script.flag() },
        27 => Method::AccessRequest { realm: short("/data") },
        28 => Method::ConnectionClose(close(script)),
        29 => Method::ConnectionUpdateSecret {
            new_secret: Bytes::from_static(b"new"),
            reason: short("old"),
        },
        30 => from_server(script),
        _ => declaration(script),
    }
}

fn declaration(script: &mut Script<'_>) -> Method {
    let nowait = script.flag();
    let bits = script.byte();
    let bit = |at: u8| bits >> at & 1 == 1;
    let arguments = arguments(script);
    let (exchange, queue) = (exchange(script), queue(script));
    match script.below(9) {
        0 => Method::ExchangeDeclare(ExchangeDeclare {
            exchange,
            kind: short(script.pick(&["direct", "topic", "fanout", "headers", "none"])),
            passive: bit(0),
            durable: bit(1),
            auto_delete: bit(2),
            internal: bit(3),
            nowait,
            arguments,
        }),
        1 => Method::ExchangeDelete { exchange, if_unused: bit(0), nowait },
        2 | 3 => {
            let source = self::exchange(script);
            let routing_key = short("key");
            let bind =
                ExchangeBind { destination: exchange, source, routing_key, nowait, arguments };
            if bit(0) { Method::ExchangeBind(bind) } else { Method::ExchangeUnbind(bind) }
        }
        4 | 5 => Method::QueueDeclare(QueueDeclare {
            queue,
            passive: bit(0),
            durable: bit(1),
            exclusive: bit(2),
            auto_delete: bit(3),
            nowait,
            arguments,
        }),
        6 => {
            let nowait = nowait && bit(0);
            let bind = QueueBind { queue, exchange, routing_key: short("key"), nowait, arguments };
            if bit(0) {
                Method::QueueBind(bind)
            } else {
                Method::QueueUnbind(QueueBind { nowait: false, ..bind })
            }
        }
        7 => Method::QueuePurge { queue, nowait },
        _ => Method::QueueDelete { queue, if_unused: bit(0), if_empty: bit(1), nowait },
    }
}

fn from_server(script: &mut Script<'_>) -> Method {
    match script.below(5) {
        0 => Method::BasicGetEmpty,
        1 => Method::TxCommitOk,
        2 => Method::ConnectionTune { channel_max: 1, frame_max: 1, heartbeat_s: 1 },
        3 => Method::ConnectionCloseOk,
        _ => Method::ChannelFlowOk { active: script.flag() },
    }
}

/// `basic.publish` with a content that is whole, or not quite.
pub(super) fn content(script: &mut Script<'_>, channel: ChannelId) -> Vec<u8> {
    let publish = Method::BasicPublish {
        exchange: exchange(script),
        routing_key: short(script.pick(&["key", "", "amq.rabbitmq.reply-to"])),
        mandatory: script.flag(),
        immediate: script.below(16) == 15,
    };
    let fault = script.below(16);
    let mut bytes = if fault == 15 { Vec::new() } else { framed(channel, &publish) };
    let pieces: Vec<usize> =
        (0..script.below(4)).map(|_| script.pick(&[0, 1, 7, 300, 4088, 5000])).collect();
    let sum: usize = pieces.iter().sum();
    let size = match fault {
        14 => sum as u64 + 1,
        13 => (sum as u64).wrapping_sub(1),
        12 => u64::MAX,
        11 => 64 * 1024 + 1,
        _ => sum as u64,
    };
    let mut payload = vec![0, if fault == 10 { 50 } else { 60 }, 0, 0];
    payload.extend(size.to_be_bytes());
    payload.extend(properties(script));
    if fault != 9 {
        bytes.extend(frame(2, channel, &payload));
    }
    for piece in pieces {
        bytes.extend(frame(3, channel, &vec![b'x'; piece]));
        if fault == 8 {
            bytes.extend(frame(8, ChannelId(0), &[]));
        }
    }
    bytes
}

fn properties(script: &mut Script<'_>) -> Vec<u8> {
    if script.flag() {
        return vec![0, 0];
    }
    let headers = script.flag().then(|| arguments(script));
    let properties = Properties {
        headers,
        delivery_mode: Some(script.pick(&[1, 2, 0])),
        reply_to: script.flag().then(|| short("amq.rabbitmq.reply-to")),
        expiration: script.pick(&[None, None, Some("60000"), Some("x")]).map(short),
        user_id: script.pick(&[None, None, Some("guest"), Some("other")]).map(short),
        ..Properties::default()
    };
    let mut bytes = properties.encode().to_vec();
    if script.below(16) == 15 {
        bytes.extend(script.take(4));
    }
    bytes
}

pub(super) fn frame(kind: u8, channel: ChannelId, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.0.to_be_bytes());
    frame.extend(u32::try_from(payload.len()).expect("short").to_be_bytes());
    frame.extend(payload);
    frame.push(206);
    frame
}

fn consume(script: &mut Script<'_>) -> BasicConsume {
    let bits = script.byte();
    BasicConsume {
        queue: queue(script),
        consumer_tag: tag(script),
        no_local: bits & 1 == 1,
        no_ack: bits & 2 == 2,
        exclusive: bits & 4 == 4,
        nowait: bits & 8 == 8,
        arguments: arguments(script),
    }
}

fn close(script: &mut Script<'_>) -> Close {
    let failed = MethodId::default();
    Close { reply_code: script.pick(&[200, 0, 404, 999]), reply_text: short("bye"), failed }
}

fn queue(script: &mut Script<'_>) -> QueueName {
    let name = script.pick(&["q", "r", "", "amq.rabbitmq.reply-to", "amq.q"]);
    QueueName::try_from(name).expect("short")
}

fn exchange(script: &mut Script<'_>) -> ExchangeName {
    ExchangeName::try_from(script.pick(&["", "e", "amq.direct", "f"])).expect("short")
}

fn tag(script: &mut Script<'_>) -> ConsumerTag {
    ConsumerTag::try_from(script.pick(&["c", "d", ""])).expect("short")
}

fn arguments(script: &mut Script<'_>) -> FieldTable {
    let entry = |script: &mut Script<'_>| {
        let key = short(script.pick(&["x-max-length", "x-priority", "k", "x-stream-offset"]));
        let value = match script.below(5) {
            0 => FieldValue::I32(i32::from(script.byte()) - 100),
            1 => FieldValue::text("text"),
            2 => FieldValue::Void,
            3 => FieldValue::Array(vec![FieldValue::Boolean(true)]),
            _ => FieldValue::I64(i64::MIN),
        };
        (key, value)
    };
    (0..script.below(3)).map(|_| entry(script)).collect()
}

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("short")
}
