//! Consumers that take and never give, or come and go.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::{basic, queue};
use crate::support::{Broker, RawClient, id};

const BODY_BYTES: usize = 64 * 1024;

/// `INBOX_HIGH_WATER_BYTES` and `OUTPUT_HIGH_WATER_BYTES`: what a deaf consumer was sent is all that it costs, and the
/// rest of the queue stays for others.
#[test]
fn consumers_that_never_read_hold_only_what_they_were_sent() {
    const MESSAGES: u32 = 800;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut publisher = RawClient::with_channel_on(&broker);
    publisher.declare(1, &queue::declare("deaf"));
    let mut deaf = RawClient::with_channel_on(&broker);
    deaf.send(1, &basic::consume("deaf", "never reads"));
    let body = "x".repeat(BODY_BYTES);
    for number in 0..MESSAGES {
        publisher.publish(1, "", "deaf", &body);
        if number % 20 == 0 {
            neighbour.is_served(1);
        }
    }
    let (ready, consumers) = publisher.declare(1, &queue::declare("deaf"));
    assert_eq!(consumers, 1);
    // Both high waters are 1 MiB, and the system's own buffers some more; the queue holds the bulk.
    assert!(ready > MESSAGES / 4, "{ready} of {MESSAGES} are still ready");
    drop(deaf);
    neighbour.is_served(3);
    let mut other = RawClient::with_channel_on(&broker);
    other.consume(1, &basic::consume("deaf", "reads").with(basic::NO_ACK));
    for _ in 0..MESSAGES {
        assert_eq!(other.expect_delivery(1).body.len(), BODY_BYTES);
    }
    drop((publisher, other));
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// What is never acked is held (`UNSETTLED_PER_CONSUMER_MAX` at most) and comes back to the queue (I6).
#[test]
fn consumers_that_never_ack_give_everything_back_when_they_end() {
    const MESSAGES: u32 = 5_000;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("held"));
    for number in 0..MESSAGES {
        client.publish(1, "", "held", &number.to_string());
    }
    for round in 0..3 {
        let mut greedy = RawClient::with_channel_on(&broker);
        greedy.consume(1, &basic::consume("held", "never acks"));
        for number in 0..MESSAGES {
            let delivery = greedy.expect_delivery(1);
            assert_eq!((delivery.text(), delivery.redelivered), (&*number.to_string(), round > 0));
        }
        neighbour.is_served(3);
        client.expect_counts(1, "held", (0, 1));
        greedy.close();
        client.expect_counts(1, "held", (MESSAGES, 0));
    }
    drop(client);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

#[test]
fn consumers_that_come_and_go_take_no_message_with_them() {
    const MESSAGES: u32 = 100;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("churned"));
    for number in 0..MESSAGES {
        client.publish(1, "", "churned", &number.to_string());
    }
    let mut churner = RawClient::with_channel_on(&broker);
    churner.call(1, &basic::qos(1), id::BASIC_QOS_OK);
    let once = [
        basic::consume("churned", "c").with(basic::NOWAIT).frame(1),
        basic::cancel_nowait("c").frame(1),
        basic::recover_async(true).frame(1),
    ];
    let many = once.concat().repeat(100);
    for _ in 0..20 {
        churner.send_bytes(&many);
        neighbour.is_served(2);
    }
    churner.send(1, &basic::qos(2));
    while churner.next_frame().method() != Some(id::BASIC_QOS_OK) {}
    churner.close();
    client.expect_counts(1, "churned", (MESSAGES, 0));
    drop(client);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
