//! Random names, tables, methods and messages.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::{
    Body, ConsumerTag, DeliveryTag, ExchangeName, FieldTable, FieldValue, Message, MessageHeader,
    QueueName, ShortStr, VhostName,
};
use crate::wire::{
    BasicConsume, Close, ExchangeBind, ExchangeDeclare, Method, MethodId, Properties, QueueBind,
    QueueDeclare,
};

/// Any bytes that fit into a short string; sometimes the longest.
pub(super) fn short_str() -> impl Strategy<Value = ShortStr> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..20),
        1 => vec(any::<u8>(), 255),
    ]
    .prop_map(|bytes| ShortStr::new(Bytes::from(bytes)).expect("at most 255 bytes"))
}

/// Text that fits into a short string.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,12}".prop_map(|text| text.chars().take(60).collect::<String>()),
        1 => "[a-z.]{255}",
    ]
}

/// A value of any type, nested a few levels. With `keys` the keys of tables within it are made.
fn value<K>(keys: K) -> impl Strategy<Value = FieldValue>
where
    K: Strategy<Value = ShortStr> + Clone + 'static,
{
    let leaf = prop_oneof![
        any::<bool>().prop_map(FieldValue::Boolean),
        any::<i8>().prop_map(FieldValue::I8),
        any::<u8>().prop_map(FieldValue::U8),
        any::<i16>().prop_map(FieldValue::I16),
        any::<u16>().prop_map(FieldValue::U16),
        any::<i32>().prop_map(FieldValue::I32),
        any::<u32>().prop_map(FieldValue::U32),
        any::<i64>().prop_map(FieldValue::I64),
        any::<u32>().prop_map(FieldValue::F32),
        any::<u64>().prop_map(FieldValue::F64),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| FieldValue::Decimal { scale, value }),
        vec(any::<u8>(), 0..30).prop_map(|bytes| FieldValue::LongString(Bytes::from(bytes))),
        any::<u64>().prop_map(FieldValue::Timestamp),
        vec(any::<u8>(), 0..30).prop_map(|bytes| FieldValue::ByteArray(Bytes::from(bytes))),
        Just(FieldValue::Void),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(FieldValue::Array),
            vec((keys.clone(), inner), 0..6)
                .prop_map(|entries| FieldValue::Table(FieldTable::new(entries))),
        ]
    })
}

/// Any table: keys of any bytes, in any order, perhaps twice.
pub(super) fn table() -> impl Strategy<Value = FieldTable> {
    let keys = short_str().boxed();
    vec((keys.clone(), value(keys)), 0..6).prop_map(FieldTable::new)
}

/// A table that amq-protocol can hold too: keys are text, sorted, each once, on every level.
pub(super) fn plain_table() -> impl Strategy<Value = FieldTable> {
    let keys =
        "[a-z]{1,4}".prop_map(|key| ShortStr::try_from(key.as_str()).expect("short")).boxed();
    vec((keys.clone(), value(keys)), 0..6).prop_map(|entries| sorted(&FieldTable::new(entries)))
}

fn sorted(table: &FieldTable) -> FieldTable {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| (key.clone(), sorted_value(value.clone()))).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries.dedup_by(|(a, _), (b, _)| a == b);
    FieldTable::new(entries)
}

fn sorted_value(value: FieldValue) -> FieldValue {
    match value {
        FieldValue::Table(table) => FieldValue::Table(sorted(&table)),
        FieldValue::Array(values) => {
            FieldValue::Array(values.into_iter().map(sorted_value).collect())
        }
        other => other,
    }
}

/// Enough random values for the arguments of any method.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) names: [String; 3],
    pub(super) key: ShortStr,
    pub(super) bytes: [Bytes; 2],
    pub(super) table: FieldTable,
    pub(super) numbers: [u16; 3],
    pub(super) long: u32,
    pub(super) longlong: u64,
    pub(super) flags: [bool; 5],
}

/// Values with this key and table.
pub(super) fn values_with(
    key: impl Strategy<Value = ShortStr>,
    table: impl Strategy<Value = FieldTable>,
) -> impl Strategy<Value = Values> {
    let bytes = || vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let strings = ([text(), text(), text()], key, [bytes(), bytes()], table);
    let numbers = (any::<[u16; 3]>(), any::<u32>(), any::<u64>(), any::<[bool; 5]>());
    (strings, numbers).prop_map(|((names, key, bytes, table), (numbers, long, longlong, flags))| {
        Values { names, key, bytes, table, numbers, long, longlong, flags }
    })
}

pub(super) fn values() -> impl Strategy<Value = Values> {
    values_with(short_str(), table())
}

pub(super) fn any_id() -> impl Strategy<Value = MethodId> {
    prop::sample::select(MethodId::ALL)
}

impl Values {
    fn queue(&self) -> QueueName {
        QueueName::try_from(self.names[0].as_str()).expect("short")
    }

    fn exchange(&self) -> ExchangeName {
        ExchangeName::try_from(self.names[1].as_str()).expect("short")
    }

    fn other_exchange(&self) -> ExchangeName {
        ExchangeName::try_from(self.names[2].as_str()).expect("short")
    }

    fn consumer_tag(&self) -> ConsumerTag {
        ConsumerTag::try_from(self.names[2].as_str()).expect("short")
    }

    fn text(&self, which: usize) -> ShortStr {
        ShortStr::try_from(self.names[which].as_str()).expect("short")
    }

    fn tag(&self) -> DeliveryTag {
        DeliveryTag(self.longlong)
    }

    fn close(&self) -> Close {
        let [reply_code, class, method] = self.numbers;
        Close { reply_code, reply_text: self.text(0), failed: MethodId { class, method } }
    }

    fn queue_bind(&self, nowait: bool) -> QueueBind {
        QueueBind {
            queue: self.queue(),
            exchange: self.exchange(),
            routing_key: self.key.clone(),
            nowait,
            arguments: self.table.clone(),
        }
    }

    fn exchange_bind(&self) -> ExchangeBind {
        ExchangeBind {
            destination: self.exchange(),
            source: self.other_exchange(),
            routing_key: self.key.clone(),
            nowait: self.flags[0],
            arguments: self.table.clone(),
        }
    }

    /// The method with this id and these values as arguments.
    pub(super) fn method(&self, id: MethodId) -> Method {
        match id.class {
            10 => self.connection(id),
            20 | 30 => self.channel_or_access(id),
            40 => self.exchange_class(id),
            50 => self.queue_class(id),
            60 => self.basic(id),
            _ => self.confirm_or_tx(id),
        }
    }

    fn connection(&self, id: MethodId) -> Method {
        let [channel_max, heartbeat_s, _] = self.numbers;
        let frame_max = self.long;
        match id {
            MethodId::CONNECTION_START => Method::ConnectionStart {
                version_major: channel_max.to_be_bytes()[0],
                version_minor: channel_max.to_be_bytes()[1],
                server_properties: self.table.clone(),
                mechanisms: self.bytes[0].clone(),
                locales: self.bytes[1].clone(),
            },
            MethodId::CONNECTION_START_OK => Method::ConnectionStartOk {
                client_properties: self.table.clone(),
                mechanism: self.text(0),
                response: self.bytes[0].clone(),
                locale: self.text(1),
            },
            MethodId::CONNECTION_SECURE => {
                Method::ConnectionSecure { challenge: self.bytes[0].clone() }
            }
            MethodId::CONNECTION_SECURE_OK => {
                Method::ConnectionSecureOk { response: self.bytes[0].clone() }
            }
            MethodId::CONNECTION_TUNE => {
                Method::ConnectionTune { channel_max, frame_max, heartbeat_s }
            }
            MethodId::CONNECTION_TUNE_OK => {
                Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s }
            }
            MethodId::CONNECTION_OPEN => Method::ConnectionOpen {
                vhost: VhostName::try_from(self.names[0].as_str()).expect("short"),
            },
            MethodId::CONNECTION_OPEN_OK => Method::ConnectionOpenOk,
            MethodId::CONNECTION_CLOSE => Method::ConnectionClose(self.close()),
            MethodId::CONNECTION_CLOSE_OK => Method::ConnectionCloseOk,
            MethodId::CONNECTION_BLOCKED => Method::ConnectionBlocked { reason: self.text(0) },
            MethodId::CONNECTION_UNBLOCKED => Method::ConnectionUnblocked,
            MethodId::CONNECTION_UPDATE_SECRET => Method::ConnectionUpdateSecret {
                new_secret: self.bytes[0].clone(),
                reason: self.text(0),
            },
            MethodId::CONNECTION_UPDATE_SECRET_OK => Method::ConnectionUpdateSecretOk,
            other => panic!("no example of {other:?}"),
        }
    }

    fn channel_or_access(&self, id: MethodId) -> Method {
        let [active, ..] = self.flags;
        match id {
            MethodId::CHANNEL_OPEN => Method::ChannelOpen,
            MethodId::CHANNEL_OPEN_OK => Method::ChannelOpenOk,
            MethodId::CHANNEL_FLOW => Method::ChannelFlow { active },
            MethodId::CHANNEL_FLOW_OK => Method::ChannelFlowOk { active },
            MethodId::CHANNEL_CLOSE => Method::ChannelClose(self.close()),
            MethodId::CHANNEL_CLOSE_OK => Method::ChannelCloseOk,
            MethodId::ACCESS_REQUEST => Method::AccessRequest { realm: self.text(0) },
            MethodId::ACCESS_REQUEST_OK => Method::AccessRequestOk { ticket: self.numbers[0] },
            other => panic!("no example of {other:?}"),
        }
    }

    fn exchange_class(&self, id: MethodId) -> Method {
        let [passive, durable, auto_delete, internal, nowait] = self.flags;
        match id {
            MethodId::EXCHANGE_DECLARE => Method::ExchangeDeclare(ExchangeDeclare {
                exchange: self.exchange(),
                kind: self.text(0),
                passive,
                durable,
                auto_delete,
                internal,
                nowait,
                arguments: self.table.clone(),
            }),
            MethodId::EXCHANGE_DECLARE_OK => Method::ExchangeDeclareOk,
            MethodId::EXCHANGE_DELETE => {
                Method::ExchangeDelete { exchange: self.exchange(), if_unused: passive, nowait }
            }
            MethodId::EXCHANGE_DELETE_OK => Method::ExchangeDeleteOk,
            MethodId::EXCHANGE_BIND => Method::ExchangeBind(self.exchange_bind()),
            MethodId::EXCHANGE_BIND_OK => Method::ExchangeBindOk,
            MethodId::EXCHANGE_UNBIND => Method::ExchangeUnbind(self.exchange_bind()),
            MethodId::EXCHANGE_UNBIND_OK => Method::ExchangeUnbindOk,
            other => panic!("no example of {other:?}"),
        }
    }

    fn queue_class(&self, id: MethodId) -> Method {
        let [passive, durable, exclusive, auto_delete, nowait] = self.flags;
        let message_count = self.long;
        match id {
            MethodId::QUEUE_DECLARE => Method::QueueDeclare(QueueDeclare {
                queue: self.queue(),
                passive,
                durable,
                exclusive,
                auto_delete,
                nowait,
                arguments: self.table.clone(),
            }),
            MethodId::QUEUE_DECLARE_OK => Method::QueueDeclareOk {
                queue: self.queue(),
                message_count,
                consumer_count: message_count.swap_bytes(),
            },
            MethodId::QUEUE_BIND => Method::QueueBind(self.queue_bind(nowait)),
            MethodId::QUEUE_BIND_OK => Method::QueueBindOk,
            MethodId::QUEUE_UNBIND => Method::QueueUnbind(self.queue_bind(false)),
            MethodId::QUEUE_UNBIND_OK => Method::QueueUnbindOk,
            MethodId::QUEUE_PURGE => Method::QueuePurge { queue: self.queue(), nowait },
            MethodId::QUEUE_PURGE_OK => Method::QueuePurgeOk { message_count },
            MethodId::QUEUE_DELETE => Method::QueueDelete {
                queue: self.queue(),
                if_unused: passive,
                if_empty: durable,
                nowait,
            },
            MethodId::QUEUE_DELETE_OK => Method::QueueDeleteOk { message_count },
            other => panic!("no example of {other:?}"),
        }
    }

    fn basic(&self, id: MethodId) -> Method {
        let [no_local, no_ack, exclusive, nowait, _] = self.flags;
        let (routing_key, exchange) = (self.key.clone(), self.exchange());
        let (delivery_tag, consumer_tag) = (self.tag(), self.consumer_tag());
        match id {
            MethodId::BASIC_QOS => Method::BasicQos {
                prefetch_size: self.long,
                prefetch_count: self.numbers[0],
                global: no_ack,
            },
            MethodId::BASIC_QOS_OK => Method::BasicQosOk,
            MethodId::BASIC_CONSUME => Method::BasicConsume(BasicConsume {
                queue: self.queue(),
                consumer_tag,
                no_local,
                no_ack,
                exclusive,
                nowait,
                arguments: self.table.clone(),
            }),
            MethodId::BASIC_CONSUME_OK => Method::BasicConsumeOk { consumer_tag },
            MethodId::BASIC_CANCEL => Method::BasicCancel { consumer_tag, nowait },
            MethodId::BASIC_CANCEL_OK => Method::BasicCancelOk { consumer_tag },
            MethodId::BASIC_PUBLISH => Method::BasicPublish {
                exchange,
                routing_key,
                mandatory: no_local,
                immediate: no_ack,
            },
            MethodId::BASIC_RETURN => Method::BasicReturn {
                reply_code: self.numbers[0],
                reply_text: self.text(0),
                exchange,
                routing_key,
            },
            MethodId::BASIC_DELIVER => Method::BasicDeliver {
                consumer_tag,
                delivery_tag,
                redelivered: no_ack,
                exchange,
                routing_key,
            },
            MethodId::BASIC_GET => Method::BasicGet { queue: self.queue(), no_ack },
            MethodId::BASIC_GET_OK => Method::BasicGetOk {
                delivery_tag,
                redelivered: no_ack,
                exchange,
                routing_key,
                message_count: self.long,
            },
            _ => self.basic_without_route(id),
        }
    }

    fn basic_without_route(&self, id: MethodId) -> Method {
        let [multiple, requeue, ..] = self.flags;
        let delivery_tag = self.tag();
        match id {
            MethodId::BASIC_GET_EMPTY => Method::BasicGetEmpty,
            MethodId::BASIC_ACK => Method::BasicAck { delivery_tag, multiple },
            MethodId::BASIC_REJECT => Method::BasicReject { delivery_tag, requeue },
            MethodId::BASIC_NACK => Method::BasicNack { delivery_tag, multiple, requeue },
            MethodId::BASIC_RECOVER_ASYNC => Method::BasicRecoverAsync { requeue },
            MethodId::BASIC_RECOVER => Method::BasicRecover { requeue },
            MethodId::BASIC_RECOVER_OK => Method::BasicRecoverOk,
            other => panic!("no example of {other:?}"),
        }
    }

    fn confirm_or_tx(&self, id: MethodId) -> Method {
        match id {
            MethodId::CONFIRM_SELECT => Method::ConfirmSelect { nowait: self.flags[0] },
            MethodId::CONFIRM_SELECT_OK => Method::ConfirmSelectOk,
            MethodId::TX_SELECT => Method::TxSelect,
            MethodId::TX_SELECT_OK => Method::TxSelectOk,
            MethodId::TX_COMMIT => Method::TxCommit,
            MethodId::TX_COMMIT_OK => Method::TxCommitOk,
            MethodId::TX_ROLLBACK => Method::TxRollback,
            MethodId::TX_ROLLBACK_OK => Method::TxRollbackOk,
            other => panic!("no example of {other:?}"),
        }
    }
}

/// Properties, each there or not.
pub(super) fn properties_with(
    text: impl Strategy<Value = ShortStr> + 'static,
    table: impl Strategy<Value = FieldTable> + 'static,
) -> impl Strategy<Value = Properties> {
    let text = prop::option::of(text.boxed()).boxed();
    let texts = vec(text, 10);
    let octets = any::<[Option<u8>; 2]>();
    (texts, octets, any::<Option<u64>>(), prop::option::of(table)).prop_map(
        |(mut texts, [delivery_mode, priority], timestamp, headers)| {
            let mut text = || texts.pop().flatten();
            Properties {
                content_type: text(),
                content_encoding: text(),
                headers,
                delivery_mode,
                priority,
                correlation_id: text(),
                reply_to: text(),
                expiration: text(),
                message_id: text(),
                timestamp,
                kind: text(),
                user_id: text(),
                app_id: text(),
                cluster_id: text(),
            }
        },
    )
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    message_with(short_str())
}

/// A message with this key, whose body was received in pieces, small ones and large ones.
pub(super) fn message_with(key: impl Strategy<Value = ShortStr>) -> impl Strategy<Value = Message> {
    let piece_len = prop_oneof![4 => 0..200usize, 1 => 4000..9000usize, 1 => 20_000..40_000usize];
    let pieces = vec(piece_len, 0..5).prop_map(|lens| {
        let mut counter = 0u8;
        let pieces: Vec<Bytes> = lens
            .into_iter()
            .map(|len| {
                let piece = (0..len).map(|_| {
                    counter = counter.wrapping_add(7);
                    counter
                });
                Bytes::from(piece.collect::<Vec<u8>>())
            })
            .collect();
        match pieces.as_slice() {
            [one] => Body::One(one.clone()),
            _ => Body::Many(pieces),
        }
    });
    (text(), key, pieces).prop_map(|(exchange, key, body)| {
        Message::new(
            &ExchangeName::try_from(exchange.as_str()).expect("short"),
            key.as_bytes(),
            b"\x10\x00\x02",
            body,
            MessageHeader::default(),
        )
    })
}
