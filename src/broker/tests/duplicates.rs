//! Duplicates at queues and exchanges, seen from a client, without a disk.

use super::world::{Hand, MANUAL, World, entries, message_with_table, queue};
use crate::base::{ExchangeName, FieldTable, FieldValue, ShortStr};
use crate::broker::{Answered, Binding, DeclareExchange, DeliveryEvent, Destination, Event};
use crate::queue::{Attempt, Settlement};

pub(super) const ON: (&str, FieldValue) = ("x-message-deduplication", FieldValue::Boolean(true));

pub(super) fn number(value: i32) -> FieldValue {
    FieldValue::I32(value)
}

pub(super) fn declare(hand: &mut Hand, name: &str, arguments: &[(&str, FieldValue)]) {
    let arguments = entries(arguments.iter());
    let durable = hand.declare_with(name, |declare| {
        (declare.durable, declare.arguments) = (true, arguments);
    });
    durable.expect("declared");
}

pub(super) fn exchange(
    name: &str,
    kind: &str,
    arguments: &[(&str, FieldValue)],
) -> DeclareExchange {
    DeclareExchange {
        exchange: ExchangeName::try_from(name).expect("short"),
        kind: ShortStr::try_from(kind).expect("short"),
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: entries(arguments.iter()),
    }
}

pub(super) fn bind(hand: &mut Hand, source: &str, destination: Destination) {
    let binding = Binding {
        source: ExchangeName::try_from(source).expect("short"),
        destination,
        routing_key: ShortStr::EMPTY,
        arguments: FieldTable::EMPTY,
    };
    hand.bind(&binding).expect("bound");
}

/// Publishes persistent messages with these keys, one after the other; says how many queues got each.
pub(super) fn publish(hand: &mut Hand, exchange: &str, key: &str, keys: &[&str]) -> Vec<u32> {
    let one = |key_of: &&str| {
        let headers = entries(&[("x-deduplication-header", FieldValue::text(key_of))]);
        let message = message_with_table(exchange, key, &headers, true);
        let queues = hand.publish_message(message).expect("no refusal");
        hand.flush();
        queues
    };
    keys.iter().map(one).collect()
}

pub(super) fn get(hand: &mut Hand, name: &str) -> DeliveryEvent {
    match hand.get(name) {
        Ok(Answered::Got(event, _)) => *event,
        other => panic!("{other:?}"),
    }
}

pub(super) fn settle(hand: &mut Hand, event: &DeliveryEvent, settlement: Settlement) {
    let runs = vec![(event.id, event.id)];
    hand.client.settle(hand.holder, event.queue, settlement, runs);
    hand.flush();
}

pub(super) fn ready(hand: &mut Hand, name: &str) -> u64 {
    hand.counts(name).0
}

/// Confirms and refusals among the events, by the number of the publish.
pub(super) fn answers(hand: &mut Hand) -> (Vec<u64>, Vec<u64>) {
    let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
    for event in hand.events() {
        match event {
            Event::Confirm { first, last, .. } => confirmed.extend(first.0..=last.0),
            Event::Refuse { sequence, .. } => refused.push(sequence.0),
            _ => {}
        }
    }
    (confirmed, refused)
}

#[test]
fn a_queue_takes_no_message_whose_key_it_holds() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON]);
    publish(&mut hand, "", "q", &["a", "a", "b", "a"]);
    assert_eq!(ready(&mut hand, "q"), 2);
    assert_eq!(answers(&mut hand).0, [1, 2, 3, 4], "a duplicate is confirmed");
    assert_eq!(hand.cell("q").dropped_duplicates(), 2);
    assert_eq!(hand.cell("q").numbers().traffic.publish, 4, "a duplicate was routed to the queue");
    let default = ExchangeName::try_from("").expect("short");
    let counts = hand.client.vhost().counts_of_exchange(&default);
    assert_eq!((counts.publish_in, counts.publish_out), (4, 4));
    let first = get(&mut hand, "q");
    publish(&mut hand, "", "q", &["a"]);
    assert_eq!(ready(&mut hand, "q"), 1, "it is there until it is settled");
    settle(&mut hand, &first, Settlement::Requeue(Attempt::Returned));
    assert_eq!(ready(&mut hand, "q"), 2, "what returns is no duplicate of itself");
    let first = get(&mut hand, "q");
    assert!(first.redelivered);
    settle(&mut hand, &first, Settlement::Ack);
    publish(&mut hand, "", "q", &["a", "a"]);
    assert_eq!(ready(&mut hand, "q"), 2);
}

#[test]
fn messages_without_a_key_are_not_looked_for() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON]);
    for headers in [
        entries(&[("other", FieldValue::text("a"))]),
        entries(&[("x-deduplication-header", FieldValue::Void)]),
        entries(&[("x-deduplication-header", FieldValue::text(&"k".repeat(256)))]),
    ] {
        for _ in 0..2 {
            hand.publish_message(message_with_table("", "q", &headers, false)).expect("routed");
        }
    }
    hand.publish("q", b"m").expect("routed");
    hand.flush();
    assert_eq!(ready(&mut hand, "q"), 7);
}

#[test]
fn a_message_that_leaves_in_any_way_takes_its_key_along() {
    // D3
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON, ("x-max-length", number(2)), ("x-message-ttl", number(100))]);
    publish(&mut hand, "", "q", &["a", "b", "c"]);
    assert_eq!(ready(&mut hand, "q"), 2, "a was dropped for length");
    publish(&mut hand, "", "q", &["a"]);
    assert_eq!(hand.cell("q").dropped_duplicates(), 0);
    publish(&mut hand, "", "q", &["c"]);
    assert_eq!(hand.cell("q").dropped_duplicates(), 1);
    world.pass(101);
    assert_eq!(ready(&mut hand, "q"), 0, "all have expired");
    publish(&mut hand, "", "q", &["a", "c"]);
    let step = hand.client.queue_purge(hand.holder, &queue("q"));
    assert_eq!(hand.answered(step), Ok(Answered::Messages(2)));
    publish(&mut hand, "", "q", &["a", "c"]);
    assert_eq!((ready(&mut hand, "q"), hand.cell("q").dropped_duplicates()), (2, 1));
    hand.consume("q", super::world::AUTOMATIC).expect("attached");
    publish(&mut hand, "", "q", &["a", "c"]);
    assert_eq!(hand.cell("q").dropped_duplicates(), 1, "handed out without acks is gone");
    hand.delete("q").expect("deleted");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn a_message_that_left_a_moment_ago_is_no_original() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON, ("x-max-length", number(1))]);
    let keyed = |key: &str| {
        let headers = entries(&[("x-deduplication-header", FieldValue::text(key))]);
        message_with_table("", "q", &headers, true)
    };
    for key in ["a", "b", "a"] {
        hand.publish_message(keyed(key)).expect("routed");
    }
    hand.flush();
    assert_eq!(hand.cell("q").dropped_duplicates(), 0, "b has pushed a out, and a then b");
    let event = get(&mut hand, "q");
    let runs = vec![(event.id, event.id)];
    hand.client.settle(hand.holder, event.queue, Settlement::Ack, runs);
    hand.publish_message(keyed("a")).expect("routed");
    hand.flush();
    assert_eq!((ready(&mut hand, "q"), hand.cell("q").dropped_duplicates()), (1, 0));
}

#[test]
fn a_refused_message_leaves_no_key_at_a_queue_or_an_exchange() {
    // D3, D7
    let world = World::new();
    let mut hand = world.connect();
    let full =
        [ON, ("x-max-length", number(1)), ("x-overflow", FieldValue::text("reject-publish"))];
    declare(&mut hand, "q", &full);
    let x = exchange("x", "x-message-deduplication", &[("x-cache-size", number(10))]);
    hand.declare_exchange(x).expect("declared");
    bind(&mut hand, "x", Destination::Queue(queue("q")));
    publish(&mut hand, "", "q", &["a", "b"]);
    publish(&mut hand, "x", "", &["c"]);
    assert_eq!(answers(&mut hand), (vec![1], vec![2, 3]));
    let first = get(&mut hand, "q");
    settle(&mut hand, &first, Settlement::Ack);
    publish(&mut hand, "", "q", &["b"]);
    assert_eq!(answers(&mut hand), (vec![4], vec![]));
    let first = get(&mut hand, "q");
    settle(&mut hand, &first, Settlement::Ack);
    publish(&mut hand, "x", "", &["c"]);
    assert_eq!(answers(&mut hand), (vec![5], vec![]), "the retry is no duplicate");
    assert_eq!(ready(&mut hand, "q"), 1);
}

#[test]
fn a_queue_with_a_window_remembers_what_left_it() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON, ("x-cache-size", number(2)), ("x-cache-ttl", number(100))]);
    publish(&mut hand, "", "q", &["a"]);
    let first = get(&mut hand, "q");
    settle(&mut hand, &first, Settlement::Ack);
    publish(&mut hand, "", "q", &["a"]);
    assert_eq!(ready(&mut hand, "q"), 0, "it is remembered");
    publish(&mut hand, "", "q", &["b", "c", "a"]);
    assert_eq!(ready(&mut hand, "q"), 3, "a was the oldest of too many");
    world.pass(100);
    publish(&mut hand, "", "q", &["c"]);
    assert_eq!(ready(&mut hand, "q"), 4, "its time is over");
    let own =
        entries(&[("x-deduplication-header", FieldValue::text("d")), ("x-cache-ttl", number(10))]);
    for (wait, count) in [(9, 5), (1, 5), (0, 6)] {
        hand.publish_message(message_with_table("", "q", &own, true)).expect("routed");
        hand.flush();
        assert_eq!(ready(&mut hand, "q"), count);
        world.pass(wait);
    }
}

#[test]
fn a_dead_letter_that_comes_back_is_no_duplicate_of_itself() {
    // D3, D4
    for window in [&[][..], &[("x-cache-size", number(10))]] {
        let world = World::new();
        let mut hand = world.connect();
        let ring = [
            ON,
            ("x-dead-letter-exchange", FieldValue::text("")),
            ("x-dead-letter-routing-key", FieldValue::text("wait")),
        ];
        let back = [
            ("x-message-ttl", number(50)),
            ("x-dead-letter-exchange", FieldValue::text("")),
            ("x-dead-letter-routing-key", FieldValue::text("q")),
        ];
        declare(&mut hand, "q", &[&ring[..], window].concat());
        declare(&mut hand, "wait", &back);
        publish(&mut hand, "", "q", &["a"]);
        for _ in 0..3 {
            let event = get(&mut hand, "q");
            settle(&mut hand, &event, Settlement::Discard);
            world.pass(0);
            assert_eq!((ready(&mut hand, "q"), ready(&mut hand, "wait")), (0, 1));
            world.pass(51);
            assert_eq!((ready(&mut hand, "q"), ready(&mut hand, "wait")), (1, 0), "{window:?}");
        }
        publish(&mut hand, "", "q", &["a"]);
        assert_eq!(ready(&mut hand, "q"), 1, "and another one still is");
    }
}

#[test]
fn a_dead_letter_ring_of_one_queue_keeps_the_message() {
    // D3
    let world = World::new();
    let mut hand = world.connect();
    let ring = [
        ON,
        ("x-dead-letter-exchange", FieldValue::text("")),
        ("x-dead-letter-routing-key", FieldValue::text("q")),
    ];
    declare(&mut hand, "q", &ring);
    publish(&mut hand, "", "q", &["a"]);
    for _ in 0..3 {
        let event = get(&mut hand, "q");
        settle(&mut hand, &event, Settlement::Discard);
        world.pass(0);
        assert_eq!((ready(&mut hand, "q"), hand.departing("q")), (1, 0));
    }
}

#[test]
fn an_exchange_drops_what_it_has_seen_for_all_its_queues() {
    let world = World::new();
    let mut hand = world.connect();
    let x = exchange("x", "x-message-deduplication", &[("x-cache-size", FieldValue::text("2"))]);
    hand.declare_exchange(x.clone()).expect("declared");
    hand.declare_exchange(x).expect("the same again");
    for name in ["one", "two"] {
        declare(&mut hand, name, &[]);
        bind(&mut hand, "x", Destination::Queue(queue(name)));
    }
    assert_eq!(publish(&mut hand, "x", "any", &["a", "a", "b"]), [2, 0, 2]);
    assert_eq!(answers(&mut hand), (vec![1, 3], vec![]), "2 went nowhere and needs no answer");
    assert_eq!(publish(&mut hand, "x", "", &["c", "b", "a"]), [2, 0, 2], "two keys fit");
    let name = ExchangeName::try_from("x").expect("short");
    assert_eq!(hand.client.vhost().dropped_duplicates(&name), 2);
    assert_eq!((ready(&mut hand, "one"), ready(&mut hand, "two")), (4, 4));
    let unkeyed = message_with_table("x", "", &FieldTable::EMPTY, false);
    for _ in 0..2 {
        assert_eq!(hand.publish_message(unkeyed.clone()), Ok(2));
    }
}

#[test]
fn any_exchange_can_look_at_any_header_wherever_a_message_comes_from() {
    let world = World::new();
    let mut hand = world.connect();
    let arguments =
        [ON, ("x-deduplication-header", FieldValue::text("id")), ("x-cache-ttl", number(100))];
    hand.declare_exchange(exchange("front", "topic", &[])).expect("declared");
    hand.declare_exchange(exchange("inner", "topic", &arguments)).expect("declared");
    declare(&mut hand, "q", &[]);
    declare(&mut hand, "beside", &[]);
    bind(
        &mut hand,
        "front",
        Destination::Exchange(ExchangeName::try_from("inner").expect("short")),
    );
    bind(&mut hand, "front", Destination::Queue(queue("beside")));
    bind(&mut hand, "inner", Destination::Queue(queue("q")));
    let headers = entries(&[("id", number(7))]);
    let send = |hand: &mut Hand| {
        let queues = hand.publish_message(message_with_table("front", "", &headers, true));
        hand.flush();
        (queues, answers(hand).0.len())
    };
    assert_eq!(send(&mut hand), (Ok(2), 1), "the claim answers for both");
    assert_eq!(send(&mut hand), (Ok(1), 1));
    world.pass(100);
    assert_eq!(send(&mut hand), (Ok(2), 1));
    assert_eq!((ready(&mut hand, "q"), ready(&mut hand, "beside")), (2, 3));
}

#[test]
fn a_message_that_no_queue_took_leaves_no_key() {
    // D7
    let world = World::new();
    let mut hand = world.connect();
    let x = exchange("x", "fanout", &[ON]);
    hand.declare_exchange(x).expect("declared");
    assert_eq!(publish(&mut hand, "x", "", &["a", "a"]), [0, 0]);
    let name = ExchangeName::try_from("x").expect("short");
    assert_eq!(hand.client.vhost().dropped_duplicates(&name), 0);
    declare(&mut hand, "q", &[]);
    bind(&mut hand, "x", Destination::Queue(queue("q")));
    assert_eq!(publish(&mut hand, "x", "", &["a", "a"]), [1, 0]);
}

#[test]
fn an_exchange_that_is_declared_again_has_seen_nothing() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[]);
    for _ in 0..2 {
        hand.declare_exchange(exchange("x", "fanout", &[ON])).expect("declared");
        bind(&mut hand, "x", Destination::Queue(queue("q")));
        assert_eq!(publish(&mut hand, "x", "", &["a", "a"]), [1, 0]);
        let name = ExchangeName::try_from("x").expect("short");
        let step = hand.client.exchange_delete(hand.holder, &name, false);
        hand.answered(step).expect("deleted");
    }
    hand.consume("q", MANUAL).expect("attached");
    hand.delete("q").expect("deleted");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn publishes_of_one_channel_keep_their_order_with_and_without_keys() {
    // I4
    let world = World::new();
    let mut hand = world.connect();
    hand.declare_exchange(exchange("x", "fanout", &[ON])).expect("declared");
    declare(&mut hand, "q", &[]);
    bind(&mut hand, "x", Destination::Queue(queue("q")));
    for key in ["1", "2", "3"] {
        hand.publish("q", key.as_bytes()).expect("routed");
        let headers = entries(&[("x-deduplication-header", FieldValue::text(key))]);
        hand.publish_message(message_with_table("x", key, &headers, true)).expect("routed");
    }
    hand.flush();
    for expected in ["1", "2", "3"] {
        let (plain, keyed) = (get(&mut hand, "q"), get(&mut hand, "q"));
        let plain = plain.content.load().expect("in RAM").body().to_vec();
        let keyed = keyed.content.load().expect("in RAM");
        assert_eq!((&*plain, keyed.routing_key()), (expected.as_bytes(), expected.as_bytes()));
    }
}
