//! A consumer that does not read costs its own connection, and not the server's memory (promise 5).

use std::thread;

use crate::support::methods::{basic, queue};
use crate::support::{Broker, RawClient, id};

/// 64 KiB.
const BODY_BYTES: usize = 64 * 1024;

/// 200 MB.
const MESSAGES: u32 = 3200;

/// What the server may keep in memory at its worst, with a watermark of 32 MiB: messages, the buffers
/// that their bodies are slices of, and room for itself. A server that keeps what the consumer does
/// not read needs all of the 200 MB and more.
const RESIDENT_KIB_MAX: u64 = 160 * 1024;

fn body(number: u32) -> Vec<u8> {
    let mut body = vec![b'x'; BODY_BYTES];
    body[..4].copy_from_slice(&number.to_be_bytes());
    body
}

#[test]
fn a_consumer_that_does_not_read_does_not_fill_the_server() {
    let Some(broker) = Broker::own(&["vm_memory_high_watermark.absolute = 32MiB"]) else { return };
    let mut consumer = RawClient::with_channel_on(&broker);
    consumer.declare(1, &queue::declare("slow"));
    consumer.send(1, &basic::consume("slow", "c").with(basic::NO_ACK));
    let mut publisher = RawClient::with_channel_on(&broker);
    let mut sender = publisher.sender();
    let sending = thread::spawn(move || {
        for number in 0..MESSAGES {
            sender.publish(1, "slow", &body(number));
        }
    });
    // The consumer has read nothing at all when the publisher is stopped.
    publisher.expect(0, id::CONNECTION_BLOCKED);
    let resident_kib = broker.status_kib("VmRSS");
    assert!(resident_kib < RESIDENT_KIB_MAX, "{resident_kib} KiB while nobody reads");
    // Nor are others kept from their work.
    RawClient::with_channel_on(&broker).exclusive_queue(1);
    consumer.expect(1, id::BASIC_CONSUME_OK);
    for number in 0..MESSAGES {
        let delivery = consumer.expect_delivery(1);
        assert_eq!(delivery.body.len(), BODY_BYTES);
        assert_eq!(delivery.body[..4], number.to_be_bytes(), "in order, and none missing");
    }
    sending.join().expect("the publisher gets rid of everything");
    let peak_kib = broker.status_kib("VmHWM");
    assert!(peak_kib < RESIDENT_KIB_MAX, "{peak_kib} KiB at the peak");
    drop((publisher, consumer));
    broker.stop();
}

/// The same with acks: what is delivered and not settled is bounded by the prefetch.
#[test]
fn a_consumer_that_does_not_ack_holds_its_prefetch_only() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.call(1, &basic::qos(10), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume(&queue, "c"));
    for number in 0..100 {
        client.publish(1, "", &queue, &number.to_string());
    }
    for number in 0..10 {
        assert_eq!(client.expect_delivery(1).text(), number.to_string());
    }
    client.expect_counts(1, &queue, (90, 1));
}
