//! Dead letters from queue to queue: why, with which history, and what a crash in between leaves.

use std::sync::Arc;

use super::world::{Hand, MANUAL, World, deliveries, entries, message_that_expires, parse_headers};
use crate::base::{FieldTable, FieldValue, MessageId};
use crate::broker::{Answered, BrokerStorage, DeadLetterLosses, Event, Settlement};
use crate::queue::Attempt;
use crate::store::{MemoryLog, MemoryMetadata, MessageLog};

/// A queue whose dead letters go to the queue `to` by the default exchange.
fn declare(hand: &mut Hand, name: &str, to: &str, more: &[(&str, FieldValue)]) {
    let target = [
        ("x-dead-letter-exchange", FieldValue::text("")),
        ("x-dead-letter-routing-key", FieldValue::text(to)),
    ];
    let arguments = entries(target.iter().chain(more));
    let declared = hand.declare_with(name, |declare| {
        (declare.durable, declare.arguments) = (true, arguments);
    });
    declared.expect("declared");
}

fn declare_plain(hand: &mut Hand, name: &str) {
    hand.declare_with(name, |declare| declare.durable = true).expect("declared");
}

/// Takes one message; gives its place and its headers.
fn take(hand: &mut Hand, name: &str) -> Option<(crate::base::QueueId, MessageId, FieldTable)> {
    match hand.get(name).expect("the queue is there") {
        Answered::Got(event, _) => {
            let message = event.content.load().expect("it can be read");
            Some((event.queue, event.id, parse_headers(message.properties())))
        }
        Answered::Empty => None,
        other => panic!("{other:?}"),
    }
}

/// Takes one message and settles it.
fn settle_one(hand: &mut Hand, name: &str, settlement: Settlement) -> FieldTable {
    let (queue, id, headers) = take(hand, name).expect("a message is there");
    hand.client.settle(hand.holder, queue, settlement, vec![(id, id)]);
    hand.flush();
    headers
}

/// Queue, reason and count of each entry of `x-death`.
fn history(headers: &FieldTable) -> Vec<(String, String, i128)> {
    let Some(FieldValue::Array(deaths)) = headers.get(b"x-death") else { return Vec::new() };
    let text = |table: &FieldTable, key: &[u8]| {
        table.get(key).and_then(FieldValue::as_text).expect("a text").to_owned()
    };
    let entry = |death: &FieldValue| {
        let FieldValue::Table(death) = death else { panic!("{death:?}") };
        let count = death.get(b"count").and_then(FieldValue::as_integer).expect("a number");
        (text(death, b"queue"), text(death, b"reason"), count)
    };
    deaths.iter().map(entry).collect()
}

fn one(queue: &str, reason: &str, count: i128) -> (String, String, i128) {
    (queue.to_owned(), reason.to_owned(), count)
}

fn losses(hand: &Hand, name: &str) -> DeadLetterLosses {
    hand.cell(name).dead_letter_losses()
}

#[test]
fn a_message_is_dead_lettered_with_the_reason_for_which_it_was_given_up() {
    let world = World::new();
    let mut hand = world.connect();
    declare_plain(&mut hand, "dead");
    declare(&mut hand, "rejecting", "dead", &[]);
    declare(&mut hand, "short", "dead", &[("x-max-length", FieldValue::I32(0))]);
    declare(&mut hand, "expiring", "dead", &[("x-message-ttl", FieldValue::I32(100))]);
    declare(&mut hand, "limited", "dead", &[("x-delivery-limit", FieldValue::I32(0))]);
    for name in ["rejecting", "expiring", "limited", "short"] {
        hand.publish(name, b"m").expect("routed");
    }
    hand.flush();
    settle_one(&mut hand, "rejecting", Settlement::Discard);
    settle_one(&mut hand, "limited", Settlement::Requeue(Attempt::Failed));
    world.pass(99);
    let mut found = Vec::new();
    let take_all = |hand: &mut Hand, found: &mut Vec<_>| {
        while let Some((.., headers)) = take(hand, "dead") {
            found.extend(history(&headers));
        }
    };
    take_all(&mut hand, &mut found);
    found.sort();
    let early = [
        one("limited", "delivery_limit", 1),
        one("rejecting", "rejected", 1),
        one("short", "maxlen", 1),
    ];
    assert_eq!(found, early, "the fourth is not expired yet");
    world.pass(2);
    found.clear();
    take_all(&mut hand, &mut found);
    assert_eq!(found, [one("expiring", "expired", 1)]);
    for name in ["rejecting", "short", "expiring", "limited"] {
        assert_eq!(hand.counts(name), (0, 0), "{name}");
        assert_eq!(losses(&hand, name), DeadLetterLosses::default(), "{name}");
    }
}

/// The retry topology of practice: work, reject, wait in a queue with a TTL, work again.
#[test]
fn a_message_that_is_retried_five_times_has_counted_every_round() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "work", "retry", &[]);
    declare(&mut hand, "retry", "work", &[("x-message-ttl", FieldValue::I32(1000))]);
    hand.publish("work", b"m").expect("routed");
    hand.flush();
    for round in 0..5 {
        let headers = settle_one(&mut hand, "work", Settlement::Discard);
        let expected = match round {
            0 => vec![],
            n => vec![one("retry", "expired", n), one("work", "rejected", n)],
        };
        assert_eq!(history(&headers), expected);
        world.pass(0);
        world.pass(999);
        assert_eq!(take(&mut hand, "work"), None, "it waits in round {round}");
        world.pass(2);
    }
    let (.., headers) = take(&mut hand, "work").expect("it came back");
    assert_eq!(history(&headers), [one("retry", "expired", 5), one("work", "rejected", 5)]);
    let first = headers.get(b"x-first-death-queue").and_then(FieldValue::as_text);
    assert_eq!(first, Some("work"));
}

#[test]
fn a_circle_without_a_rejection_ends_and_the_message_is_counted() {
    let world = World::new();
    let mut hand = world.connect();
    let ttl = [("x-message-ttl", FieldValue::I32(1))];
    declare(&mut hand, "a", "b", &ttl);
    declare(&mut hand, "b", "a", &ttl);
    declare(&mut hand, "self", "self", &ttl);
    hand.publish("a", b"m").expect("routed");
    hand.publish("self", b"m").expect("routed");
    hand.flush();
    for _ in 0..10 {
        world.pass(2);
    }
    assert_eq!((hand.counts("a"), hand.counts("b"), hand.counts("self")), ((0, 0), (0, 0), (0, 0)));
    let circling = DeadLetterLosses { circling: 1, ..DeadLetterLosses::default() };
    assert_eq!((losses(&hand, "b"), losses(&hand, "self")), (circling, circling));
    assert_eq!(losses(&hand, "a"), DeadLetterLosses::default());
}

#[test]
fn what_leads_nowhere_is_dropped_and_counted_by_cause() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "unroutable", "nobody", &[]);
    let missing = [("x-dead-letter-exchange", FieldValue::text("missing"))];
    let arguments = entries(missing.iter());
    hand.declare_with("no_exchange", |declare| declare.arguments = arguments).expect("declared");
    for name in ["unroutable", "no_exchange"] {
        hand.publish(name, b"m").expect("routed");
        hand.flush();
        settle_one(&mut hand, name, Settlement::Discard);
        world.pass(0);
        assert_eq!(hand.departing(name), 0, "{name}");
    }
    let none = DeadLetterLosses::default();
    assert_eq!(losses(&hand, "unroutable"), DeadLetterLosses { unroutable: 1, ..none });
    assert_eq!(losses(&hand, "no_exchange"), DeadLetterLosses { no_exchange: 1, ..none });
}

#[test]
fn at_least_once_waits_for_a_queue_that_takes_the_letter() {
    let world = World::new();
    let mut hand = world.connect();
    let strategy = [
        ("x-queue-type", FieldValue::text("quorum")),
        ("x-overflow", FieldValue::text("reject-publish")),
        ("x-dead-letter-strategy", FieldValue::text("at-least-once")),
    ];
    declare(&mut hand, "q", "later", &strategy);
    hand.publish("q", b"m").expect("routed");
    hand.flush();
    settle_one(&mut hand, "q", Settlement::Discard);
    for _ in 0..5 {
        world.noted.run_some();
    }
    assert_eq!(hand.departing("q"), 1, "nobody has it");
    declare_plain(&mut hand, "later");
    world.noted.run_some();
    world.noted.run_some();
    assert_eq!(hand.departing("q"), 0);
    let (.., headers) = take(&mut hand, "later").expect("it came");
    assert_eq!(history(&headers), [one("q", "rejected", 1)]);
}

fn storage(log: MemoryLog) -> (BrokerStorage, Arc<MemoryLog>) {
    let log = Arc::new(log);
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::clone(&log) as Arc<dyn MessageLog>,
    };
    (storage, log)
}

/// Q11, I9: the source lets a letter go only when the target has it on disk.
#[test]
fn a_letter_stays_in_its_queue_until_the_disk_has_it_elsewhere() {
    let (storage, log) = storage(MemoryLog::with_held_tickets());
    let world = World::stored(storage);
    let mut hand = world.connect();
    declare_plain(&mut hand, "dead");
    declare(&mut hand, "q", "dead", &[]);
    hand.publish_persistent("q", b"m").expect("routed");
    hand.flush();
    log.flush();
    world.noted.run_all();
    settle_one(&mut hand, "q", Settlement::Discard);
    world.noted.run_all();
    assert_eq!((hand.counts("dead").0, hand.departing("q")), (1, 1));
    log.flush();
    world.noted.run_all();
    assert_eq!((hand.counts("dead").0, hand.departing("q")), (1, 0));
}

#[test]
fn what_waits_for_its_expiry_is_dead_lettered_after_a_restart_too() {
    let (storage, _log) = storage(MemoryLog::new());
    {
        let world = World::stored(storage.clone());
        let mut hand = world.connect();
        declare_plain(&mut hand, "dead");
        declare(&mut hand, "own", "dead", &[]);
        declare(&mut hand, "all", "dead", &[("x-message-ttl", FieldValue::I32(500))]);
        hand.publish_message(message_that_expires("own", b"own", 300)).expect("routed");
        hand.publish_persistent("all", b"all").expect("routed");
        hand.flush();
        world.noted.run_all();
    }
    // The clock of the second process begins at 0 again, and so does its year 1970.
    let world = World::stored(storage);
    let mut hand = world.connect();
    let mut bodies = |world: &World, ms| {
        world.pass(ms);
        hand.consume("dead", MANUAL).expect("attached");
        let events = hand.events();
        let bodies: Vec<_> = deliveries(&events).into_iter().map(|(body, _)| body).collect();
        let acks: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Deliver(delivery) => Some((delivery.queue, delivery.id)),
                _ => None,
            })
            .collect();
        for (queue, id) in acks {
            hand.client.settle(hand.holder, queue, Settlement::Ack, vec![(id, id)]);
        }
        hand.flush();
        bodies
    };
    assert_eq!(bodies(&world, 299), Vec::<Vec<u8>>::new());
    assert_eq!(bodies(&world, 2), [b"own"]);
    assert_eq!(bodies(&world, 200), [b"all"]);
}
