//! Arguments of queues and consumers, seen from a client: times to live, bounds, who is served.

use super::world::{
    AUTOMATIC, Hand, MANUAL, World, deliveries, entries, message_that_expires,
    message_with_priority,
};
use crate::base::FieldValue;
use crate::broker::{Answered, Attempt, Consume, Event, Settlement};

fn declare(hand: &mut Hand, name: &str, arguments: &[(&str, FieldValue)]) {
    let arguments = entries(arguments.iter());
    hand.declare_with(name, |declare| declare.arguments = arguments).expect("declared");
}

fn bodies(hand: &mut Hand) -> Vec<Vec<u8>> {
    deliveries(&hand.events()).into_iter().map(|(body, _)| body).collect()
}

fn number(value: i32) -> FieldValue {
    FieldValue::I32(value)
}

#[test]
fn the_smaller_of_two_times_to_live_counts() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[("x-message-ttl", number(100))]);
    hand.publish_message(message_that_expires("q", b"short", 10)).expect("routed");
    hand.publish_message(message_that_expires("q", b"long", 1000)).expect("routed");
    hand.publish("q", b"none").expect("routed");
    hand.flush();
    world.pass(9);
    assert_eq!(hand.counts("q").0, 3);
    world.pass(2);
    assert_eq!(hand.counts("q").0, 2);
    world.pass(88);
    assert_eq!(hand.counts("q").0, 2);
    world.pass(2);
    assert_eq!(hand.counts("q").0, 0);
}

#[test]
fn times_to_live_of_years_come_to_an_end() {
    const DAY: u64 = 24 * 3600 * 1000;
    let world = World::new();
    let mut hand = world.connect();
    // As long as the longest delay queue of Celery and NServiceBus: 2^27 s, or 1,553 days.
    let ttl = FieldValue::I64(134_217_728_000);
    declare(&mut hand, "q", &[("x-message-ttl", ttl.clone())]);
    declare(&mut hand, "unused", &[("x-expires", ttl)]);
    hand.publish_message(message_that_expires("q", b"own", 60 * DAY)).expect("routed");
    hand.publish("q", b"the queue's").expect("routed");
    hand.flush();
    world.pass(0);
    for (days, left) in [(59, 2), (2, 1), (1492, 1), (1, 0)] {
        world.pass(days * DAY);
        assert_eq!(hand.counts("q").0, left, "{days} days later");
    }
    assert!(hand.get("unused").is_err(), "gone after 1,553 days without use");
}

#[test]
fn a_queue_without_deadlines_never_asks_for_a_timer() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    hand.publish("q", b"m").expect("routed");
    hand.consume("q", MANUAL).expect("attached");
    assert_eq!(bodies(&mut hand), [b"m"]);
    assert_eq!(world.broker.next_deadline(), None);
}

#[test]
fn a_full_queue_drops_its_head_or_refuses() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "drop", &[("x-max-length", number(2))]);
    let refusing = FieldValue::text("reject-publish");
    declare(&mut hand, "refuse", &[("x-max-length", number(2)), ("x-overflow", refusing)]);
    for body in [b"1", b"2", b"3"] {
        hand.publish("drop", body).expect("routed");
        hand.publish("refuse", body).expect("routed");
        hand.flush();
    }
    let refused: Vec<u64> = hand
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Refuse { sequence, .. } => Some(sequence.0),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [6], "the third one of the second queue");
    hand.consume("drop", AUTOMATIC).expect("attached");
    assert_eq!(bodies(&mut hand), [b"2", b"3"]);
    hand.consume("refuse", AUTOMATIC).expect("attached");
    assert_eq!(bodies(&mut hand), [b"1", b"2"]);
}

#[test]
fn a_bound_in_bytes_counts_what_was_published_and_nothing_beside() {
    let world = World::new();
    let mut hand = world.connect();
    // Two octets of key, two of properties, six of body.
    declare(&mut hand, "mb", &[("x-max-length-bytes", number(20))]);
    for _ in 0..4 {
        hand.publish("mb", b"123456").expect("routed");
        hand.flush();
    }
    assert_eq!(hand.counts("mb").0, 2);
}

#[test]
fn a_consumer_of_higher_priority_is_served_until_its_prefetch_is_used_up() {
    let world = World::new();
    let (mut low, mut high) = (world.connect(), world.connect());
    low.declare("q").expect("declared");
    let two = Consume { prefetch: 2, ..MANUAL };
    low.consume("q", two).expect("attached");
    high.consume_with("q", two, &[("x-priority", number(5))]).expect("attached");
    for body in [b"1", b"2", b"3"] {
        low.publish("q", body).expect("routed");
    }
    low.flush();
    assert_eq!(
        (bodies(&mut high), bodies(&mut low)),
        (vec![b"1".to_vec(), b"2".to_vec()], vec![b"3".to_vec()])
    );
    let refused = low.consume_with("q", two, &[("x-priority", FieldValue::text("high"))]);
    let text = "PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got longstr\"";
    assert_eq!(refused, Err(text.to_owned()));
}

#[test]
fn a_single_active_consumer_is_followed_by_the_next_one() {
    let world = World::new();
    let (mut first, mut second) = (world.connect(), world.connect());
    let single = ("x-single-active-consumer", FieldValue::Boolean(true));
    declare(&mut first, "q", &[single]);
    first.consume("q", AUTOMATIC).expect("attached");
    second.consume("q", AUTOMATIC).expect("attached");
    for body in [b"1", b"2"] {
        second.publish("q", body).expect("routed");
    }
    second.flush();
    assert_eq!((bodies(&mut first).len(), bodies(&mut second).len()), (2, 0));
    let exclusive = second.consume("q", Consume { exclusive: true, ..MANUAL });
    let text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    assert_eq!(exclusive, Err(text.to_owned()));
    drop(first);
    second.publish("q", b"3").expect("routed");
    second.flush();
    assert_eq!(bodies(&mut second), [b"3"]);
}

#[test]
fn a_consumer_that_settles_nothing_in_time_is_cancelled_and_its_message_served_again() {
    let world = World::new();
    let (mut late, mut other) = (world.connect(), world.connect());
    declare(&mut late, "q", &[("x-consumer-timeout", number(100))]);
    late.consume("q", MANUAL).expect("attached");
    late.publish("q", b"m").expect("routed");
    late.flush();
    assert_eq!(bodies(&mut late), [b"m"]);
    world.pass(99);
    assert_eq!(late.events(), []);
    world.pass(2);
    let events = late.events();
    assert!(matches!(events[..], [Event::ConsumerCancelled { .. }]), "{events:?}");
    other.consume("q", AUTOMATIC).expect("attached");
    let again = deliveries(&other.events());
    assert_eq!(again, [(b"m".to_vec(), true)]);
}

#[test]
fn a_queue_that_nobody_uses_is_gone_with_its_name() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[("x-expires", number(100))]);
    world.pass(0);
    world.pass(60);
    assert_eq!(hand.get("q"), Ok(Answered::Empty), "which is a use");
    world.pass(60);
    hand.publish("q", b"m").expect("routed");
    hand.flush();
    world.pass(60);
    let gone = hand.get("q");
    assert_eq!(gone, Err("NOT_FOUND - no queue 'q' in vhost '/'".to_owned()));
    assert_eq!(hand.publish("q", b"m"), Ok(0));
}

#[test]
fn attempts_are_counted_where_they_are_limited_and_those_that_failed_apart() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "limited", &[("x-delivery-limit", number(5))]);
    hand.declare("plain").expect("declared");
    let counts = |hand: &mut Hand, name: &str| -> Vec<(u16, u32)> {
        hand.publish(name, b"m").expect("routed");
        hand.flush();
        let mut counts = Vec::new();
        for attempt in [Attempt::Returned, Attempt::Failed, Attempt::Returned, Attempt::Failed] {
            let Answered::Got(event, _) = hand.get(name).expect("there") else { panic!("none") };
            counts.push((event.acquired_count, event.delivery_count));
            let settlement = Settlement::Requeue(attempt);
            hand.client.settle(hand.holder, event.queue, settlement, vec![(event.id, event.id)]);
            hand.flush();
        }
        counts
    };
    assert_eq!(counts(&mut hand, "limited"), [(0, 0), (1, 0), (2, 1), (3, 1)]);
    assert_eq!(counts(&mut hand, "plain").iter().map(|(acquired, _)| *acquired).max(), Some(0));
}

#[test]
fn a_message_of_higher_priority_overtakes() {
    let world = World::new();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[("x-max-priority", number(5))]);
    for (body, priority) in [(b"1", None), (b"2", Some(9)), (b"3", Some(1)), (b"4", Some(5))] {
        hand.publish_message(message_with_priority("q", body, priority)).expect("routed");
    }
    hand.flush();
    hand.consume("q", AUTOMATIC).expect("attached");
    assert_eq!(bodies(&mut hand), [b"2", b"4", b"3", b"1"]);
}

#[test]
fn a_rejected_attempt_waits_before_the_next_one() {
    let world = World::new();
    let mut hand = world.connect();
    let retry = [
        ("x-delayed-retry-type", FieldValue::text("failed")),
        ("x-delayed-retry-min", number(100)),
        ("x-delayed-retry-max", number(150)),
    ];
    declare(&mut hand, "q", &retry);
    hand.publish("q", b"m").expect("routed");
    hand.flush();
    for wait in [100, 150] {
        let Answered::Got(event, _) = hand.get("q").expect("there") else { panic!("none") };
        let settlement = Settlement::Requeue(Attempt::Failed);
        hand.client.settle(hand.holder, event.queue, settlement, vec![(event.id, event.id)]);
        hand.flush();
        world.pass(wait - 1);
        assert_eq!(hand.get("q"), Ok(Answered::Empty), "after {wait} ms");
        world.pass(1);
    }
    assert!(matches!(hand.get("q"), Ok(Answered::Got(..))));
}
