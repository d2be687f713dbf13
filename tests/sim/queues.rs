//! The queues of the world, and how messages get into them.

use haremq::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr};
use haremq::wire::{Method, QueueBind, QueueDeclare};

/// A queue.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Whether it survives a crash, with its persistent messages.
    pub(super) durable: bool,
    /// Whether messages may go by themselves, for good.
    pub(super) forgets: bool,
    /// Whether it refuses publishes when it is full.
    pub(super) refuses: bool,
    /// The queue to which its dead letters go.
    pub(super) letters: Option<usize>,
    arguments: &'static [(&'static str, Value)],
}

enum Value {
    Number(i32),
    Text(&'static str),
    True,
}

const PLAIN: Kind =
    Kind { name: "", durable: true, forgets: false, refuses: false, letters: None, arguments: &[] };

/// The targets of dead letters stand before the queues that send them, because they are declared in this order.
pub(super) const QUEUES: [Kind; 12] = [
    Kind { name: "plain", ..PLAIN },
    Kind { name: "second", ..PLAIN },
    Kind {
        name: "bounded",
        refuses: true,
        arguments: &[
            ("x-max-length", Value::Number(6)),
            ("x-overflow", Value::Text("reject-publish")),
        ],
        ..PLAIN
    },
    Kind {
        name: "expiring",
        forgets: true,
        arguments: &[("x-message-ttl", Value::Number(5000))],
        ..PLAIN
    },
    Kind { name: "passing", durable: false, ..PLAIN },
    Kind { name: "letters", ..PLAIN },
    Kind {
        name: "kept letters",
        refuses: true,
        arguments: &[
            ("x-max-length", Value::Number(4)),
            ("x-overflow", Value::Text("reject-publish")),
        ],
        ..PLAIN
    },
    Kind {
        name: "dying",
        letters: Some(5),
        arguments: &[
            ("x-dead-letter-exchange", Value::Text("")),
            ("x-dead-letter-routing-key", Value::Text("letters")),
            ("x-message-ttl", Value::Number(7000)),
            ("x-max-length", Value::Number(6)),
        ],
        ..PLAIN
    },
    Kind {
        name: "careful",
        refuses: true,
        letters: Some(6),
        arguments: &[
            ("x-queue-type", Value::Text("quorum")),
            ("x-dead-letter-exchange", Value::Text("")),
            ("x-dead-letter-routing-key", Value::Text("kept letters")),
            ("x-dead-letter-strategy", Value::Text("at-least-once")),
            ("x-overflow", Value::Text("reject-publish")),
            ("x-message-ttl", Value::Number(6000)),
            ("x-max-length", Value::Number(20)),
        ],
        ..PLAIN
    },
    Kind { name: "ranked", arguments: &[("x-max-priority", Value::Number(3))], ..PLAIN },
    Kind { name: "single", arguments: &[("x-single-active-consumer", Value::True)], ..PLAIN },
    Kind { name: "fleeting", ..PLAIN },
];

/// Has priorities.
pub(super) const RANKED: usize = 9;

/// Only one of its consumers is active at a time.
pub(super) const SINGLE: usize = 10;

/// Is deleted and declared again; nobody takes anything out of it but in the end.
pub(super) const FLEETING: usize = 11;

/// The highest priority of a message, as the queue with priorities says it.
pub(super) const PRIORITY_MAX: u8 = 3;

/// Both of them get what is published to the fanout exchange.
const FANOUT: [usize; 2] = [0, 1];

/// Where a publish goes.
pub(super) struct Route {
    pub(super) exchange: &'static str,
    pub(super) key: &'static str,
    pub(super) queues: Vec<usize>,
}

/// Numbers of routes: less than this.
pub(super) const ROUTES: usize = QUEUES.len() + 1;

/// The route with this number. Nobody publishes to a queue that gets dead letters: that one goes to both of the fanout
/// exchange instead.
pub(super) fn route(number: usize) -> Route {
    match QUEUES.get(number).filter(|_| !gets_letters(number)) {
        Some(kind) => Route { exchange: "", key: kind.name, queues: vec![number] },
        None => Route { exchange: "amq.fanout", key: "", queues: FANOUT.to_vec() },
    }
}

/// Whether dead letters come to it, and nothing else.
pub(super) fn gets_letters(queue: usize) -> bool {
    source_of(queue).is_some()
}

/// The queue whose dead letters come to this one.
pub(super) fn source_of(queue: usize) -> Option<usize> {
    QUEUES.iter().position(|kind| kind.letters == Some(queue))
}

/// Declares the queue, or declares it again to ask what is in it.
pub(super) fn declare(queue: usize) -> Method {
    let kind = &QUEUES[queue];
    let value = |value: &Value| match value {
        Value::Number(number) => FieldValue::I32(*number),
        Value::Text(text) => FieldValue::text(text),
        Value::True => FieldValue::Boolean(true),
    };
    let arguments = kind.arguments.iter().map(|(name, argument)| (short(name), value(argument)));
    Method::QueueDeclare(QueueDeclare {
        queue: queue_name(kind.name),
        passive: false,
        durable: kind.durable,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::new(arguments.collect()),
    })
}

/// What a client declares.
pub(super) fn declares() -> Vec<Method> {
    let mut methods: Vec<Method> = (0..QUEUES.len()).map(declare).collect();
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
