//! Definitions to try things on.

use bytes::Bytes;
use proptest::prelude::*;

use crate::base::{FieldTable, FieldValue, NameError, ShortStr};
use crate::store::{
    Binding, Change, Definitions, DestinationKind, Exchange, GlobalParameter, OperatorPolicy,
    Parameter, Permission, Policy, Queue, TopicPermission, User, UserLimits, Vhost, VhostLimits,
};

pub(in crate::store) fn name<T: for<'a> TryFrom<&'a str, Error = NameError>>(text: &str) -> T {
    T::try_from(text).expect("a short name")
}

pub(in crate::store) fn vhost(text: &str) -> Vhost {
    Vhost::new(name(text))
}

pub(in crate::store) fn user(text: &str) -> User {
    User {
        name: name(text),
        password_hash: Some("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR".to_owned()),
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: vec!["administrator".to_owned()],
    }
}

pub(in crate::store) fn exchange(text: &str) -> Exchange {
    Exchange {
        vhost: name("/"),
        name: name(text),
        kind: "topic".to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
        number: None,
        delay_queue: None,
    }
}

pub(in crate::store) fn queue(text: &str, number: u64) -> Queue {
    Queue {
        vhost: name("/"),
        name: name(text),
        durable: true,
        auto_delete: false,
        arguments: FieldTable::new(vec![(name("x-expires"), FieldValue::I64(60_000))]),
        number,
    }
}

pub(in crate::store) fn binding(source: &str, destination: &str, key: &[u8]) -> Binding {
    Binding {
        vhost: name("/"),
        source: name(source),
        destination: destination.to_owned(),
        destination_type: DestinationKind::Queue,
        routing_key: ShortStr::copy_from(key).expect("a short key"),
        arguments: FieldTable::EMPTY,
    }
}

pub(in crate::store) fn policy(text: &str) -> Policy {
    Policy {
        vhost: name("/"),
        name: name(text),
        pattern: "^a\\.".to_owned(),
        apply_to: "queues".to_owned(),
        priority: -1,
        definition: FieldTable::new(vec![(name("message-ttl"), FieldValue::I64(60_000))]),
    }
}

/// One or two of everything.
pub(in crate::store) fn definitions() -> Definitions {
    let mut definitions = first_format();
    let inner = FieldTable::new(vec![(name("uri"), FieldValue::text("amqp://"))]);
    for change in [
        Change::PutPolicy(policy("expiry")),
        Change::PutOperatorPolicy(OperatorPolicy(policy("expiry"))),
        Change::PutParameter(Parameter {
            vhost: name("/"),
            component: name("shovel"),
            name: name("to-there"),
            value: FieldValue::Table(inner),
        }),
        Change::PutGlobalParameter(GlobalParameter {
            name: name("cluster_name"),
            value: FieldValue::text("rabbit@here"),
        }),
        Change::PutVhostLimits(VhostLimits {
            vhost: name("/"),
            max_connections: Some(10),
            max_queues: None,
        }),
        Change::PutUserLimits(UserLimits {
            user: name("guest"),
            max_connections: None,
            max_channels: Some(-1),
        }),
        Change::PutTopicPermission(TopicPermission {
            user: name("guest"),
            vhost: name("/"),
            exchange: name("amq.topic"),
            write: "^a".to_owned(),
            read: ".*".to_owned(),
        }),
    ] {
        definitions.apply(change);
    }
    definitions
}

/// One or two of everything that the first format had.
pub(in crate::store) fn first_format() -> Definitions {
    let mut definitions = Definitions::default();
    let permission = Permission {
        user: name("guest"),
        vhost: name("/"),
        configure: ".*".to_owned(),
        write: "^a".to_owned(),
        read: String::new(),
    };
    for change in [
        Change::PutVhost(vhost("/")),
        Change::PutUser(user("guest")),
        Change::PutUser(User { password_hash: None, ..user("certificate") }),
        Change::PutPermission(permission),
        Change::PutExchange(exchange("logs")),
        Change::PutQueue(queue("orders", 1)),
        Change::PutQueue(queue("订单", 2)),
        Change::PutBinding(binding("logs", "orders", b"a.*")),
        Change::PutBinding(binding("logs", "orders", b"\xff\x00")),
    ] {
        definitions.apply(change);
    }
    definitions
}

/// Tables of every type, with keys that repeat, begin with `$` and are no UTF-8.
pub(in crate::store) fn table() -> impl Strategy<Value = FieldTable> {
    let bytes = || {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            "[$a-b\\PC]{0,5}".prop_map(String::into_bytes),
            prop::sample::select(vec!["$table", "$array", "$bytes"])
                .prop_map(|text| text.as_bytes().to_vec()),
        ]
        .prop_map(Bytes::from)
    };
    let key = move || bytes().prop_filter_map("short", |bytes| ShortStr::new(bytes).ok());
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
        any::<f32>().prop_map(|value| FieldValue::F32(value.to_bits())),
        any::<u64>().prop_map(FieldValue::F64),
        any::<f64>().prop_map(|value| FieldValue::F64(value.to_bits())),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| FieldValue::Decimal { scale, value }),
        bytes().prop_map(FieldValue::LongString),
        bytes().prop_map(FieldValue::ByteArray),
        any::<u64>().prop_map(FieldValue::Timestamp),
        Just(FieldValue::Void),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        let entry = (key(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(FieldValue::Array),
            prop::collection::vec(entry, 0..4)
                .prop_map(|entries| FieldValue::Table(FieldTable::new(entries))),
        ]
    });
    prop::collection::vec((key(), value), 0..5).prop_map(FieldTable::new)
}
