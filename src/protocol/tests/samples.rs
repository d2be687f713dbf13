//! One value of every method there is.

use bytes::Bytes;

use super::pair::{client_properties, close, exchange, publish_method, short, start_ok, vhost};
use crate::base::{ConsumerTag, DeliveryTag, FieldTable, QueueName};
use crate::wire::{
    BasicConsume, ExchangeBind, ExchangeDeclare, Method, MethodId, QueueBind, QueueDeclare,
};

fn queue() -> QueueName {
    "q".try_into().expect("short")
}

fn tag() -> ConsumerTag {
    "tag".try_into().expect("short")
}

/// Every method of both directions, in the order of [`MethodId::ALL`].
pub(super) fn samples() -> Vec<Method> {
    let samples: Vec<Method> = [connection(), channel(), exchange_and_queue(), basic(), modes()]
        .into_iter()
        .flatten()
        .collect();
    let ids: Vec<MethodId> = samples.iter().map(Method::id).collect();
    assert_eq!(ids, MethodId::ALL);
    samples
}

fn connection() -> Vec<Method> {
    vec![
        Method::ConnectionStart {
            version_major: 0,
            version_minor: 9,
            server_properties: client_properties(&[]),
            mechanisms: Bytes::from_static(b"PLAIN"),
            locales: Bytes::from_static(b"en_US"),
        },
        start_ok(&[]),
        Method::ConnectionSecure { challenge: Bytes::new() },
        Method::ConnectionSecureOk { response: Bytes::new() },
        Method::ConnectionTune { channel_max: 1, frame_max: 4096, heartbeat_s: 0 },
        Method::ConnectionTuneOk { channel_max: 9, frame_max: 4096, heartbeat_s: 0 },
        Method::ConnectionOpen { vhost: vhost() },
        Method::ConnectionOpenOk,
        Method::ConnectionClose(close(200, "bye", MethodId::default())),
        Method::ConnectionCloseOk,
        Method::ConnectionBlocked { reason: short("x") },
        Method::ConnectionUnblocked,
        Method::ConnectionUpdateSecret { new_secret: Bytes::from_static(b"s"), reason: short("x") },
        Method::ConnectionUpdateSecretOk,
    ]
}

fn channel() -> Vec<Method> {
    vec![
        Method::ChannelOpen,
        Method::ChannelOpenOk,
        Method::ChannelFlow { active: true },
        Method::ChannelFlowOk { active: true },
        Method::ChannelClose(close(200, "bye", MethodId::default())),
        Method::ChannelCloseOk,
        Method::AccessRequest { realm: short("/data") },
        Method::AccessRequestOk { ticket: 1 },
    ]
}

fn exchange_and_queue() -> Vec<Method> {
    let exchange_bind = ExchangeBind {
        destination: exchange("x"),
        source: exchange("y"),
        routing_key: short("k"),
        nowait: false,
        arguments: FieldTable::EMPTY,
    };
    let queue_bind = QueueBind {
        queue: queue(),
        exchange: exchange("x"),
        routing_key: short("k"),
        nowait: false,
        arguments: FieldTable::EMPTY,
    };
    vec![
        Method::ExchangeDeclare(ExchangeDeclare {
            exchange: exchange("x"),
            kind: short("topic"),
            passive: false,
            durable: true,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        }),
        Method::ExchangeDeclareOk,
        Method::ExchangeDelete { exchange: exchange("x"), if_unused: false, nowait: false },
        Method::ExchangeDeleteOk,
        Method::ExchangeBind(exchange_bind.clone()),
        Method::ExchangeBindOk,
        Method::ExchangeUnbind(exchange_bind),
        Method::ExchangeUnbindOk,
        Method::QueueDeclare(QueueDeclare {
            queue: queue(),
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        }),
        Method::QueueDeclareOk { queue: queue(), message_count: 0, consumer_count: 0 },
        Method::QueueBind(queue_bind.clone()),
        Method::QueueBindOk,
        Method::QueuePurge { queue: queue(), nowait: false },
        Method::QueuePurgeOk { message_count: 0 },
        Method::QueueDelete { queue: queue(), if_unused: false, if_empty: false, nowait: false },
        Method::QueueDeleteOk { message_count: 0 },
        Method::QueueUnbind(queue_bind),
        Method::QueueUnbindOk,
    ]
}

fn basic() -> Vec<Method> {
    let (exchange, routing_key) = (exchange("x"), short("k"));
    vec![
        Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false },
        Method::BasicQosOk,
        Method::BasicConsume(BasicConsume {
            queue: queue(),
            consumer_tag: tag(),
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        }),
        Method::BasicConsumeOk { consumer_tag: tag() },
        Method::BasicCancel { consumer_tag: tag(), nowait: false },
        Method::BasicCancelOk { consumer_tag: tag() },
        publish_method(false),
        Method::BasicReturn {
            reply_code: 312,
            reply_text: short("NO_ROUTE"),
            exchange: exchange.clone(),
            routing_key: routing_key.clone(),
        },
        Method::BasicDeliver {
            consumer_tag: tag(),
            delivery_tag: DeliveryTag(1),
            redelivered: false,
            exchange: exchange.clone(),
            routing_key: routing_key.clone(),
        },
        Method::BasicGet { queue: queue(), no_ack: false },
        Method::BasicGetOk {
            delivery_tag: DeliveryTag(1),
            redelivered: false,
            exchange,
            routing_key,
            message_count: 0,
        },
        Method::BasicGetEmpty,
        Method::BasicAck { delivery_tag: DeliveryTag(0), multiple: true },
        Method::BasicReject { delivery_tag: DeliveryTag(1), requeue: true },
        Method::BasicRecoverAsync { requeue: true },
        Method::BasicRecover { requeue: true },
        Method::BasicRecoverOk,
        Method::BasicNack { delivery_tag: DeliveryTag(0), multiple: true, requeue: true },
    ]
}

fn modes() -> Vec<Method> {
    vec![
        Method::ConfirmSelect { nowait: false },
        Method::ConfirmSelectOk,
        Method::TxSelect,
        Method::TxSelectOk,
        Method::TxCommit,
        Method::TxCommitOk,
        Method::TxRollback,
        Method::TxRollbackOk,
    ]
}
