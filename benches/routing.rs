//! What it costs to find the queues of one message, and to change the table.
//!
//! Queue handles are counted pointers, as the broker's are. Keys come in turn, so that no look-up
//! finds the last one's cache lines by luck.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use haremq::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr};
use haremq::routing::{Binding, Destination, Exchange, ExchangeKind, Routed, Table};

type Queues = Table<Arc<usize>>;

/// `cargo test` only wants to see that everything runs.
fn scaled(bindings: usize) -> usize {
    if std::env::args().any(|argument| argument == "--bench") { bindings } else { 50 }
}

fn queue_name(n: usize) -> QueueName {
    QueueName::parse(format!("orders.worker.{n}").as_bytes()).expect("a short name")
}

fn binding(exchange: &str, queue: usize, key: &str, arguments: FieldTable) -> Binding {
    Binding {
        source: ExchangeName::try_from(exchange).expect("a short name"),
        destination: Destination::Queue(queue_name(queue)),
        routing_key: ShortStr::try_from(key).expect("a short key"),
        arguments,
    }
}

fn table(queues: usize) -> Queues {
    let mut table = Table::new();
    for n in 0..queues {
        table.add_queue(queue_name(n), Arc::new(n));
    }
    table
}

fn bind(table: &mut Queues, exchange: &str, queue: usize, key: &str, arguments: FieldTable) {
    table.bind(binding(exchange, queue, key, arguments)).expect("both ends are there");
}

/// Routes with these keys in turn, each of which reaches something.
fn bench_keys(c: &mut Criterion, name: &str, table: &Queues, exchange: &str, keys: &[String]) {
    let mut routed = Routed::new();
    let mut turn = 0;
    c.bench_function(name, |b| {
        b.iter(|| {
            turn = if turn + 1 == keys.len() { 0 } else { turn + 1 };
            let key = keys[turn].as_bytes();
            let done =
                table.route(black_box(exchange), key, &mut || FieldTable::EMPTY, &mut routed);
            assert!(done.is_ok() && !routed.is_empty());
            black_box(routed.queues().len())
        });
    });
}

/// Numbers in an order that no prefetcher guesses.
fn shuffled(n: usize, of: usize) -> usize {
    n * 7919 % of
}

fn direct(c: &mut Criterion) {
    for (name, bindings) in [("direct/100", 100), ("direct/100000", 100_000)] {
        let bindings = scaled(bindings);
        let queues = bindings.min(10_000);
        let mut table = table(queues);
        for n in 0..bindings {
            bind(&mut table, "amq.direct", n % queues, &format!("order.{n}"), FieldTable::EMPTY);
        }
        let keys = (0..bindings).map(|n| format!("order.{}", shuffled(n, bindings)));
        bench_keys(c, name, &table, "amq.direct", &keys.collect::<Vec<_>>());
    }
}

fn default_exchange(c: &mut Criterion) {
    let queues = scaled(10_000);
    let table = table(queues);
    let keys: Vec<_> = (0..queues).map(|n| queue_name(shuffled(n, queues)).to_string()).collect();
    bench_keys(c, "default/10000", &table, "", &keys);
}

fn fanout(c: &mut Criterion) {
    for (name, queues) in [("fanout/10", 10), ("fanout/10000", 10_000)] {
        let queues = scaled(queues).max(10);
        let mut table = table(queues);
        for n in 0..queues {
            bind(&mut table, "amq.fanout", n, "", FieldTable::EMPTY);
        }
        bench_keys(c, name, &table, "amq.fanout", &["any".to_owned()]);
    }
}

/// A third of the patterns of each sort: no wildcard, `*` and `#`.
fn pattern(n: usize) -> String {
    match n % 3 {
        0 => format!("region{}.user{n}.created", n % 50),
        1 => format!("region{}.user{n}.*", n % 50),
        _ => format!("region{}.user{n}.#", n % 50),
    }
}

fn topic_table(bindings: usize) -> Queues {
    let queues = bindings.min(10_000);
    let mut table = table(queues);
    for n in 0..bindings {
        bind(&mut table, "amq.topic", n % queues, &pattern(n), FieldTable::EMPTY);
    }
    table
}

fn topic(c: &mut Criterion) {
    for (name, bindings) in [("topic/1000", 1_000), ("topic/100000", 100_000)] {
        let bindings = scaled(bindings);
        let table = topic_table(bindings);
        let keys: Vec<_> = (0..bindings)
            .map(|n| shuffled(n, bindings))
            .map(|n| format!("region{}.user{n}.created", n % 50))
            .collect();
        bench_keys(c, name, &table, "amq.topic", &keys);
    }
    let mut table = table(1);
    bind(&mut table, "amq.topic", 0, &["#", "a"].repeat(30).join("."), FieldTable::EMPTY);
    let key = ["a"; 127].join(".");
    bench_keys(c, "topic/30 hashes, 127 words", &table, "amq.topic", &[key]);
}

fn order(n: usize) -> FieldTable {
    let key = |name: &str| ShortStr::try_from(name).expect("a short key");
    let number = i64::try_from(n).expect("a small number");
    FieldTable::new(vec![
        (key("type"), FieldValue::text("order")),
        (key("customer"), FieldValue::I64(number)),
        (key("priority"), FieldValue::I32(1)),
    ])
}

fn headers(c: &mut Criterion) {
    let bindings = scaled(100);
    let mut table = table(bindings);
    for n in 0..bindings {
        bind(&mut table, "amq.headers", n, "", order(n));
    }
    let messages: Vec<_> = (0..bindings).map(|n| order(shuffled(n, bindings))).collect();
    let mut routed = Routed::new();
    let mut turn = 0;
    c.bench_function("headers/100", |b| {
        b.iter(|| {
            turn = (turn + 1) % messages.len();
            let done = table.route("amq.headers", b"", &mut || messages[turn].clone(), &mut routed);
            assert!(done.is_ok() && routed.queues().len() == 1);
        });
    });
}

/// Weighted bindings of a consistent hash exchange, and one that comes and goes among them.
fn consistent_hash(c: &mut Criterion) {
    let cases = [("consistent hash/10", 10), ("consistent hash/1000", 1_000)];
    for (name, bindings) in cases {
        let bindings = scaled(bindings);
        let mut table = table(bindings + 1);
        let exchange = ExchangeName::try_from("hash").expect("a short name");
        let exchange = Exchange::new(exchange, ExchangeKind::ConsistentHash);
        table.declare_exchange(exchange).expect("a new exchange");
        for n in 0..bindings {
            bind(&mut table, "hash", n, &(n % 20 + 1).to_string(), FieldTable::EMPTY);
        }
        let keys: Vec<String> = (0..10_000).map(|n| format!("customer.{n}")).collect();
        bench_keys(c, name, &table, "hash", &keys);
        let one = binding("hash", bindings, "20", FieldTable::EMPTY);
        c.bench_function(&format!("{name} bind and unbind"), |b| {
            b.iter(|| {
                table.bind(one.clone()).expect("both ends are there");
                table.unbind(&one).expect("it is there")
            });
        });
    }
}

/// One bind and its unbind in a table that holds so many bindings already.
fn change(c: &mut Criterion) {
    for (name, bindings) in [("bind and unbind/1000", 1_000), ("bind and unbind/100000", 100_000)] {
        let mut table = topic_table(scaled(bindings));
        let mut n = 0;
        c.bench_function(name, |b| {
            b.iter_batched(
                || {
                    n += 1;
                    binding("amq.topic", n % 50, &format!("new{n}.*.made"), FieldTable::EMPTY)
                },
                |binding| {
                    table.bind(binding.clone()).expect("both ends are there");
                    let removed = table.unbind(&binding).expect("it is there");
                    assert_eq!(removed.bindings.len(), 1);
                },
                BatchSize::SmallInput,
            );
        });
    }
    let bindings = scaled(100_000);
    let mut table = topic_table(bindings);
    c.bench_function("remove a queue with 10 of 100000 bindings", |b| {
        b.iter_batched(
            || (),
            |()| {
                let removed = table.remove_queue(queue_name(7).as_str()).expect("it is there");
                table.add_queue(queue_name(7), Arc::new(7));
                for binding in removed.bindings {
                    table.bind(binding).expect("both ends are there");
                }
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(
    benches,
    direct,
    default_exchange,
    fanout,
    topic,
    headers,
    consistent_hash,
    change
);
criterion_main!(benches);
