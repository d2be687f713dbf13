//! Every method of AMQP 0-9-1 with RabbitMQ's extensions, as values.
//!
//! Names and order of fields are those of the specification; reserved fields are left out.

use bytes::Bytes;

use crate::base::{
    ConsumerTag, DeliveryTag, ExchangeName, FieldTable, QueueName, ShortStr, VhostName,
};

/// Class and method number, as they stand at the head of a method frame and in `close`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct MethodId {
    /// 10 connection, 20 channel, 30 access, 40 exchange, 50 queue, 60 basic, 85 confirm, 90 tx.
    pub class: u16,
    /// The number within the class.
    pub method: u16,
}

/// Why a connection or a channel is closed: the fields of both `close` methods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Close {
    /// The number; a peer may send one we do not know.
    pub reply_code: u16,
    /// At most 255 bytes.
    pub reply_text: ShortStr,
    /// The method that failed; 0, 0 where there is none.
    pub failed: MethodId,
}

/// A method with its arguments.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "names and meaning of the fields are those of the specification")]
pub enum Method {
    ConnectionStart {
        version_major: u8,
        version_minor: u8,
        server_properties: FieldTable,
        mechanisms: Bytes,
        locales: Bytes,
    },
    ConnectionStartOk {
        client_properties: FieldTable,
        mechanism: ShortStr,
        response: Bytes,
        locale: ShortStr,
    },
    ConnectionSecure {
        challenge: Bytes,
    },
    ConnectionSecureOk {
        response: Bytes,
    },
    ConnectionTune {
        channel_max: u16,
        frame_max: u32,
        heartbeat_s: u16,
    },
    ConnectionTuneOk {
        channel_max: u16,
        frame_max: u32,
        heartbeat_s: u16,
    },
    ConnectionOpen {
        vhost: VhostName,
    },
    ConnectionOpenOk,
    ConnectionClose(Close),
    ConnectionCloseOk,
    ConnectionBlocked {
        reason: ShortStr,
    },
    ConnectionUnblocked,
    ConnectionUpdateSecret {
        new_secret: Bytes,
        reason: ShortStr,
    },
    ConnectionUpdateSecretOk,

    ChannelOpen,
    ChannelOpenOk,
    ChannelFlow {
        active: bool,
    },
    ChannelFlowOk {
        active: bool,
    },
    ChannelClose(Close),
    ChannelCloseOk,

    AccessRequest {
        realm: ShortStr,
    },
    AccessRequestOk {
        ticket: u16,
    },

    ExchangeDeclare(ExchangeDeclare),
    ExchangeDeclareOk,
    ExchangeDelete {
        exchange: ExchangeName,
        if_unused: bool,
        nowait: bool,
    },
    ExchangeDeleteOk,
    ExchangeBind(ExchangeBind),
    ExchangeBindOk,
    ExchangeUnbind(ExchangeBind),
    ExchangeUnbindOk,

    QueueDeclare(QueueDeclare),
    QueueDeclareOk {
        queue: QueueName,
        message_count: u32,
        consumer_count: u32,
    },
    QueueBind(QueueBind),
    QueueBindOk,
    /// Has no `nowait` on the wire; the field is always false.
    QueueUnbind(QueueBind),
    QueueUnbindOk,
    QueuePurge {
        queue: QueueName,
        nowait: bool,
    },
    QueuePurgeOk {
        message_count: u32,
    },
    QueueDelete {
        queue: QueueName,
        if_unused: bool,
        if_empty: bool,
        nowait: bool,
    },
    QueueDeleteOk {
        message_count: u32,
    },

    BasicQos {
        prefetch_size: u32,
        prefetch_count: u16,
        global: bool,
    },
    BasicQosOk,
    BasicConsume(BasicConsume),
    BasicConsumeOk {
        consumer_tag: ConsumerTag,
    },
    BasicCancel {
        consumer_tag: ConsumerTag,
        nowait: bool,
    },
    BasicCancelOk {
        consumer_tag: ConsumerTag,
    },
    BasicPublish {
        exchange: ExchangeName,
        routing_key: ShortStr,
        mandatory: bool,
        immediate: bool,
    },
    BasicReturn {
        reply_code: u16,
        reply_text: ShortStr,
        exchange: ExchangeName,
        routing_key: ShortStr,
    },
    BasicDeliver {
        consumer_tag: ConsumerTag,
        delivery_tag: DeliveryTag,
        redelivered: bool,
        exchange: ExchangeName,
        routing_key: ShortStr,
    },
    BasicGet {
        queue: QueueName,
        no_ack: bool,
    },
    BasicGetOk {
        delivery_tag: DeliveryTag,
        redelivered: bool,
        exchange: ExchangeName,
        routing_key: ShortStr,
        message_count: u32,
    },
    BasicGetEmpty,
    BasicAck {
        delivery_tag: DeliveryTag,
        multiple: bool,
    },
    BasicReject {
        delivery_tag: DeliveryTag,
        requeue: bool,
    },
    BasicNack {
        delivery_tag: DeliveryTag,
        multiple: bool,
        requeue: bool,
    },
    BasicRecoverAsync {
        requeue: bool,
    },
    BasicRecover {
        requeue: bool,
    },
    BasicRecoverOk,

    ConfirmSelect {
        nowait: bool,
    },
    ConfirmSelectOk,

    TxSelect,
    TxSelectOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
}

/// Arguments of `exchange.declare`.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct ExchangeDeclare {
    /// The name.
    pub exchange: ExchangeName,
    /// The type, `direct` for instance.
    pub kind: ShortStr,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// Goes when the last binding from it goes (RabbitMQ's extension).
    pub auto_delete: bool,
    /// Takes no publishes from clients (RabbitMQ's extension).
    pub internal: bool,
    /// No answer wanted.
    pub nowait: bool,
    /// For instance `alternate-exchange`.
    pub arguments: FieldTable,
}

/// Arguments of `exchange.bind` and `exchange.unbind`.
#[derive(Clone, PartialEq, Debug)]
pub struct ExchangeBind {
    /// Where messages go.
    pub destination: ExchangeName,
    /// Where they come from.
    pub source: ExchangeName,
    /// Any bytes.
    pub routing_key: ShortStr,
    /// No answer wanted.
    pub nowait: bool,
    /// For instance the values a headers exchange matches.
    pub arguments: FieldTable,
}

/// Arguments of `queue.declare`.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct QueueDeclare {
    /// Empty: the server makes a name.
    pub queue: QueueName,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// For this connection only, and gone with it.
    pub exclusive: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// No answer wanted.
    pub nowait: bool,
    /// The `x-…` arguments.
    pub arguments: FieldTable,
}

/// Arguments of `queue.bind` and `queue.unbind`.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueBind {
    /// Empty: the queue declared last on the channel.
    pub queue: QueueName,
    /// Where messages come from.
    pub exchange: ExchangeName,
    /// Any bytes.
    pub routing_key: ShortStr,
    /// No answer wanted.
    pub nowait: bool,
    /// For instance the values a headers exchange matches.
    pub arguments: FieldTable,
}

/// Arguments of `basic.consume`.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct BasicConsume {
    /// Empty: the queue declared last on the channel.
    pub queue: QueueName,
    /// Empty: the server makes one.
    pub consumer_tag: ConsumerTag,
    /// Accepted and without effect, as in RabbitMQ.
    pub no_local: bool,
    /// Deliveries need no ack.
    pub no_ack: bool,
    /// No other consumer may consume from the queue.
    pub exclusive: bool,
    /// No answer wanted.
    pub nowait: bool,
    /// For instance `x-priority`.
    pub arguments: FieldTable,
}
