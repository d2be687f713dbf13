//! What is counted where, and what of it stays when the thing is gone.

use super::world::{AUTOMATIC, MANUAL, World, queue};
use crate::base::{ExchangeName, Millis};
use crate::broker::{ExchangeCounts, Lag};

fn exchange(name: &str) -> ExchangeName {
    ExchangeName::try_from(name).expect("short")
}

#[test]
fn an_exchange_counts_what_is_published_to_it_and_the_queues_it_reached() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("a").expect("declared");
    for _ in 0..3 {
        hand.publish("a", b"x").expect("routed");
    }
    hand.publish("nowhere", b"x").expect("dropped");
    hand.flush();
    let counts = hand.client.vhost().counts_of_exchange(&exchange(""));
    assert_eq!(counts, ExchangeCounts { publish_in: 4, publish_out: 3 });
    assert_eq!(hand.client.vhost().exchange_counts()[&exchange("")], counts);
    assert_eq!(world.broker.exchange_sums().total(), counts);
}

#[test]
fn sums_over_queues_keep_what_went_through_deleted_ones() {
    let world = World::new();
    let mut hand = world.connect();
    for name in ["a", "b"] {
        hand.declare(name).expect("declared");
        hand.publish(name, b"x").expect("routed");
    }
    hand.flush();
    let numbers = hand.cell("a").numbers();
    assert_eq!((numbers.traffic.publish, numbers.levels.ready), (1, 1));
    assert!(numbers.levels.ready_bytes > 0 && numbers.levels.ram_bytes > 0);
    let step = hand.client.queue_delete(hand.holder, &queue("a"), false, false);
    hand.answered(step).expect("deleted");
    drop(hand);
    let sums = world.broker.queue_sums();
    assert_eq!(sums.total().traffic.publish, 2);
    let live = sums.total_live();
    assert_eq!((live.queues, live.levels.ready, live.traffic.publish), (1, 1, 1));
    assert_eq!(sums.total().levels.ready, 1, "what is gone has no messages");
}

#[test]
fn a_channel_is_counted_until_it_is_gone() {
    let world = World::new();
    let hand = world.connect();
    let [(vhost, channel)] = &world.broker.counting_channels()[..] else { panic!("one") };
    assert_eq!((vhost.as_str(), channel.holder), ("/", hand.holder));
    (0..5).for_each(|_| channel.counters.published(1));
    drop(hand);
    assert!(!world.broker.counting_channels().is_empty(), "held by this test");
    assert_eq!(world.broker.channel_sums().total().counts.publish, 5);
}

#[test]
fn a_lag_is_the_age_of_the_oldest_message_ready_and_handed_out() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let lag = |hand: &super::world::Hand| {
        let now = world.broker.clock().now();
        hand.cell("q").lag(now)
    };
    assert_eq!(lag(&hand), Lag::default());
    hand.publish("q", b"1").expect("routed");
    hand.flush();
    world.pass(5_000);
    hand.publish("q", b"2").expect("routed");
    hand.flush();
    world.pass(2_000);
    assert_eq!(lag(&hand), Lag { oldest_ready_ms: Some(7_000), oldest_unacknowledged_ms: None });
    hand.get("q").expect("there");
    world.pass(500);
    let both = Lag { oldest_ready_ms: Some(2_500), oldest_unacknowledged_ms: Some(500) };
    assert_eq!(lag(&hand), both);
    hand.consume("q", MANUAL).expect("attached");
    hand.events();
    let held = Lag { oldest_ready_ms: None, oldest_unacknowledged_ms: Some(500) };
    assert_eq!(lag(&hand), held);
    assert_eq!(world.broker.clock().now(), Millis(7_500));
    drop(hand);
    let mut other = world.connect();
    other.consume("q", AUTOMATIC).expect("attached");
    other.events();
    assert_eq!(lag(&other), Lag::default());
}
