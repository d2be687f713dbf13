//! From exchange and key to queues. Keys come in turn.

use std::hint::black_box;
use std::sync::Arc;

use haremq::base::{ExchangeName, FieldTable, QueueName, ShortStr};
use haremq::routing::{Binding, Destination, Routed, Table};

use super::cases::{MESSAGES, Work};

const BINDINGS: usize = 1_000;

/// A third of the patterns of each sort: no wildcard, `*` and `#`; each key reaches one.
pub(crate) fn topic() -> Work {
    let patterns = |n: usize| match n % 3 {
        0 => format!("region{}.user{n}.created", n % 50),
        1 => format!("region{}.user{n}.*", n % 50),
        _ => format!("region{}.user{n}.#", n % 50),
    };
    let keys = |n: usize| format!("region{}.user{n}.created", n % 50);
    route("amq.topic", BINDINGS, patterns, keys)
}

pub(crate) fn direct() -> Work {
    let key = |n: usize| format!("order.{n}");
    route("amq.direct", BINDINGS, key, key)
}

pub(crate) fn fanout() -> Work {
    route("amq.fanout", 10, |_| String::new(), |_| "any".to_owned())
}

fn route(
    exchange: &'static str,
    bindings: usize,
    binding_key: impl Fn(usize) -> String,
    routing_key: impl Fn(usize) -> String,
) -> Work {
    let mut table: Table<Arc<usize>> = Table::new();
    for n in 0..bindings {
        let name = QueueName::parse(format!("orders.worker.{n}").as_bytes());
        let name = name.expect("a short name");
        table.add_queue(name.clone(), Arc::new(n));
        let binding = Binding {
            source: ExchangeName::try_from(exchange).expect("a short name"),
            destination: Destination::Queue(name),
            routing_key: ShortStr::try_from(binding_key(n).as_str()).expect("a short key"),
            arguments: FieldTable::EMPTY,
        };
        table.bind(binding).expect("both ends are there");
    }
    // An order that goes over the whole table.
    let keys: Vec<String> = (0..bindings).map(|n| routing_key(n * 7919 % bindings)).collect();
    let (mut routed, mut turn) = (Routed::new(), 0);
    Box::new(move || {
        for _ in 0..MESSAGES {
            turn = (turn + 1) % keys.len();
            let (exchange, key) = (black_box(exchange), keys[turn].as_bytes());
            let done = table.route(exchange, key, &mut || FieldTable::EMPTY, &mut routed);
            assert!(done.is_ok() && !routed.is_empty(), "every key reaches a queue");
            black_box(routed.queues().len());
        }
    })
}
