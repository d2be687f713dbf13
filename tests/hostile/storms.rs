//! Publishes that nobody wants.

use std::thread;

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::{basic, confirm, queue};
use crate::support::{Broker, RawClient, content_header, frame, id};

/// A publish to a queue, as it goes over the wire.
fn message(queue: &str, bytes: usize) -> Vec<u8> {
    let mut message = basic::publish("", queue).frame(1);
    message.extend(frame(2, 1, &content_header(60, bytes as u64, &[0, 0])));
    message.extend(frame(3, 1, &vec![b'x'; bytes]));
    message
}

#[test]
fn a_storm_of_small_messages_into_a_queue_without_consumers_leaves_turns_for_others() {
    const BATCHES: u32 = 100;
    const BATCH: u32 = 1_000;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("storm"));
    let batch = message("storm", 16).repeat(BATCH as usize);
    for _ in 0..BATCHES {
        client.send_bytes(&batch);
        neighbour.is_served(1);
    }
    client.expect_counts(1, "storm", (BATCHES * BATCH, 0));
    client.call(1, &queue::purge("storm"), id::QUEUE_PURGE_OK);
    neighbour.outlives_it(&broker);
    drop(client);
    stops_in_peace(broker);
}

/// Without a disk the watermark is the bound. It holds every publisher back, who says so or not, and drops nobody:
/// what is there is consumed, and then all go on.
#[test]
fn a_storm_against_the_watermark_is_stopped_and_everybody_goes_on_when_it_is_gone() {
    const MESSAGES: usize = 640;
    let broker = Broker::start(&["vm_memory_high_watermark.absolute = 16MiB"]);
    let neighbour = Neighbour::of(&broker);
    let mut attacker = RawClient::with_channel_on(&broker);
    attacker.declare(1, &queue::declare("storm"));
    let mut sender = attacker.sender();
    let body = vec![b'x'; 64 * 1024];
    let storm = thread::spawn(move || {
        for _ in 0..MESSAGES {
            sender.publish(1, "storm", &body);
        }
    });
    attacker.expect(0, id::CONNECTION_BLOCKED);
    let resident_kib = broker.status_number("VmRSS");
    assert!(resident_kib < 96 * 1024, "{resident_kib} KiB at a watermark of 16 MiB");
    let mut consumer = RawClient::with_channel_on(&broker);
    consumer.consume(1, &basic::consume("storm", "c").with(basic::NO_ACK));
    for _ in 0..MESSAGES {
        consumer.expect_delivery(1);
    }
    storm.join().expect("it gets rid of everything");
    neighbour.outlives_it(&broker);
    drop((attacker, consumer));
    stops_in_peace(broker);
}

/// `OUTPUT_STOP_READING_BYTES`: who asks for confirms and returns and never reads them is not read either.
#[test]
fn a_publisher_that_does_not_read_its_returns_is_not_read() {
    const BYTES_MAX: usize = 64 * 1024 * 1024;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut deaf = RawClient::with_channel_on(&broker);
    deaf.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    let mut returned = basic::publish("", "nowhere").with(basic::MANDATORY).frame(1);
    returned.extend(frame(2, 1, &content_header(60, 10_000, &[0, 0])));
    returned.extend(frame(3, 1, &[b'x'; 10_000]));
    let taken = deaf.sender().send_until_stalled(&returned, BYTES_MAX);
    assert!(taken < BYTES_MAX, "everything was taken");
    neighbour.is_served(20);
    drop(deaf);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
