//! The queues of the world, and how messages get into them.

use haremq::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr};
use haremq::wire::{Method, QueueBind, QueueDeclare};

/// A queue.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Whether it survives a crash, with its persistent messages.
    pub(super) durable: bool,
    /// Whether messages may go by themselves.
    pub(super) forgets: bool,
    arguments: &'static [(&'static str, Value)],
}

enum Value {
    Number(i32),
    Text(&'static str),
}

pub(super) const QUEUES: [Kind; 5] = [
    Kind { name: "plain", durable: true, forgets: false, arguments: &[] },
    Kind { name: "second", durable: true, forgets: false, arguments: &[] },
    Kind {
        name: "bounded",
        durable: true,
        forgets: false,
        arguments: &[
            ("x-max-length", Value::Number(6)),
            ("x-overflow", Value::Text("reject-publish")),
        ],
    },
    Kind {
        name: "expiring",
        durable: true,
        forgets: true,
        arguments: &[("x-message-ttl", Value::Number(5000))],
    },
    Kind { name: "passing", durable: false, forgets: false, arguments: &[] },
];

/// Both of them get what is published to the fanout exchange.
const FANOUT: [usize; 2] = [0, 1];

/// Where a publish goes.
pub(super) struct Route {
    pub(super) exchange: &'static str,
    pub(super) key: &'static str,
    pub(super) queues: Vec<usize>,
}

/// The route with this number, of `QUEUES.len() + 1`.
pub(super) fn route(number: usize) -> Route {
    match QUEUES.get(number) {
        Some(kind) => Route { exchange: "", key: kind.name, queues: vec![number] },
        None => Route { exchange: "amq.fanout", key: "", queues: FANOUT.to_vec() },
    }
}

/// What a client declares.
pub(super) fn declares() -> Vec<Method> {
    let mut methods: Vec<Method> = QUEUES.iter().map(|kind| declare(kind, false)).collect();
    for queue in FANOUT {
        methods.push(Method::QueueBind(QueueBind {
            queue: queue_name(QUEUES[queue].name),
            exchange: ExchangeName::try_from("amq.fanout").expect("a short name"),
            routing_key: short(""),
            nowait: false,
            arguments: FieldTable::EMPTY,
        }));
    }
    methods
}

/// Declares it, or asks what is in it.
pub(super) fn declare(kind: &Kind, passive: bool) -> Method {
    let value = |value: &Value| match value {
        Value::Number(number) => FieldValue::I32(*number),
        Value::Text(text) => FieldValue::text(text),
    };
    let arguments = kind.arguments.iter().map(|(name, argument)| (short(name), value(argument)));
    Method::QueueDeclare(QueueDeclare {
        queue: queue_name(kind.name),
        passive,
        durable: kind.durable,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::new(arguments.collect()),
    })
}

/// The number of a queue by its name.
pub(super) fn by_name(name: &str) -> Option<usize> {
    QUEUES.iter().position(|kind| kind.name == name)
}

pub(super) fn queue_name(name: &str) -> QueueName {
    QueueName::try_from(name).expect("a short name")
}

pub(super) fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("a short string")
}
