//! The memory alarm: who publishes is held back and told so (rabbitmq: connection-blocked.md).

use crate::support::methods::{basic, queue};
use crate::support::{Broker, Login, RawClient, id};

const WATERMARK: &str = "vm_memory_high_watermark.absolute = 8MiB";

/// 64 KiB.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// More than the watermark.
const PIECES: u32 = 160;

/// Publishes so much that the alarm goes off.
fn fill(client: &mut RawClient, name: &str) {
    for _ in 0..PIECES {
        client.send_publish(1, &basic::publish("", name), &[0, 0], PIECE);
    }
}

fn expect_blocked(client: &mut RawClient) {
    let mut blocked = client.expect(0, id::CONNECTION_BLOCKED);
    assert_eq!(blocked.short_string(), "low on memory");
    blocked.end();
}

/// Empties the queue, which may still be given messages that the alarm held back.
fn drain(client: &mut RawClient, name: &str) {
    let mut left = PIECES;
    while left > 0 {
        let purge = queue::purge(name);
        let purged = client.call(1, &purge, id::QUEUE_PURGE_OK).long();
        left = left.saturating_sub(purged);
    }
}

#[test]
fn a_publisher_is_told_when_memory_is_short_and_when_it_is_not_any_more() {
    let Some(broker) = Broker::own(&[WATERMARK]) else { return };
    let mut reader = RawClient::with_channel_on(&broker);
    let mut publisher = RawClient::with_channel_on(&broker);
    reader.declare(1, &queue::declare("filled"));
    fill(&mut publisher, "filled");
    expect_blocked(&mut publisher);
    drain(&mut reader, "filled");
    publisher.expect(0, id::CONNECTION_UNBLOCKED).end();
    publisher.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    publisher.close();
    reader.close();
    broker.stop();
}

#[test]
fn who_only_reads_is_neither_held_back_nor_told() {
    let Some(broker) = Broker::own(&[WATERMARK]) else { return };
    let mut reader = RawClient::with_channel_on(&broker);
    let mut publisher = RawClient::with_channel_on(&broker);
    reader.declare(1, &queue::declare("filled"));
    fill(&mut publisher, "filled");
    expect_blocked(&mut publisher);
    assert_eq!(reader.get(1, "filled").expect("a message").body, PIECE);
    // A new connection may do everything as well, as long as it does not publish.
    let mut late = RawClient::with_channel_on(&broker);
    assert_eq!(late.get(1, "filled").expect("a message").body, PIECE);
    late.close();
}

#[test]
fn a_publisher_that_comes_during_the_alarm_is_told_at_its_first_publish() {
    let Some(broker) = Broker::own(&[WATERMARK]) else { return };
    let mut first = RawClient::with_channel_on(&broker);
    first.declare(1, &queue::declare("filled"));
    fill(&mut first, "filled");
    expect_blocked(&mut first);
    let mut late = RawClient::with_channel_on(&broker);
    late.publish(1, "", "filled", "late");
    expect_blocked(&mut late);
}

#[test]
fn a_publisher_that_does_not_understand_it_is_held_back_without_a_word() {
    let Some(broker) = Broker::own(&[WATERMARK]) else { return };
    let mut reader = RawClient::with_channel_on(&broker);
    let mut told = RawClient::with_channel_on(&broker);
    let mut untold = RawClient::login(&broker, &Login::guest().without_capabilities());
    untold.open_channel(1);
    untold.publish(1, "", "nowhere", "makes it a publisher");
    reader.declare(1, &queue::declare("filled"));
    fill(&mut told, "filled");
    expect_blocked(&mut told);
    untold.publish(1, "", "filled", "held back");
    untold.send(1, &basic::qos(0));
    drain(&mut reader, "filled");
    told.expect(0, id::CONNECTION_UNBLOCKED);
    untold.expect(1, id::BASIC_QOS_OK);
}
