//! A consumer that does not read costs its own connection, and not the server's memory (promise 5).

use std::thread;

use crate::support::methods::{PASSIVE, basic, queue};
use crate::support::{Broker, RawClient, content_header, frame, id};

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
    let resident_kib = broker.status_number("VmRSS");
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
    let peak_kib = broker.status_number("VmHWM");
    assert!(peak_kib < RESIDENT_KIB_MAX, "{peak_kib} KiB at the peak");
    drop((publisher, consumer));
    broker.stop();
}

/// Whoever asks and never reads the answers is not listened to any more: answers would pile up.
#[test]
fn a_client_that_does_not_read_its_answers_is_held_back() {
    const BYTES_MAX: usize = 64 * 1024 * 1024;
    let Some(broker) = Broker::own(&[]) else { return };
    let mut returned = basic::publish("", "nowhere").with(basic::MANDATORY).frame(1);
    returned.extend(frame(2, 1, &content_header(60, 10_000, &[0, 0])));
    returned.extend(frame(3, 1, &[b'x'; 10_000]));
    let empty = basic::get_no_ack("watched").frame(1).repeat(1000);
    let counts = queue::declare("watched").with(PASSIVE).frame(1).repeat(1000);
    let mut watcher = RawClient::with_channel_on(&broker);
    watcher.declare(1, &queue::declare("watched"));
    let mut deaf = Vec::new();
    for questions in [returned, empty, counts] {
        let client = RawClient::with_channel_on(&broker);
        let taken = client.sender().send_until_stalled(&questions, BYTES_MAX);
        assert!(taken < BYTES_MAX, "everything was taken");
        deaf.push(client);
    }
    let resident_kib = broker.status_number("VmRSS");
    assert!(resident_kib < 64 * 1024, "{resident_kib} KiB");
    watcher.expect_counts(1, "watched", (0, 0));
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
