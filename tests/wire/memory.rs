//! What the broker's memory is after it was needed.

use std::time::{Duration, Instant};

use crate::support::methods::{basic, queue};
use crate::support::{Broker, RawClient, id};

/// 64 KiB.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

const PIECES: u64 = 2_000;

/// How long the memory may take: the allocator waits ten seconds before it gives back what is free.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[expect(clippy::disallowed_methods, reason = "a test waits for the program from outside")]
fn what_is_held_unacked_costs_its_bytes_and_leaves_memory() {
    let Some(broker) = Broker::own(&[]) else { return };
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("held"));
    client.consume(1, &basic::consume("held", "c"));
    let idle_kib = broker.status_kib("VmRSS");
    let mut last = 0;
    for _ in 0..PIECES {
        client.send_publish(1, &basic::publish("", "held"), &[0, 0], PIECE);
        last = client.expect_delivery(1).tag;
    }
    let held_kib = broker.status_kib("VmRSS") - idle_kib;
    let bytes_kib = PIECES * 64;
    assert!(held_kib > bytes_kib / 2, "{held_kib} KiB: nothing was held, nothing is shown");
    assert!(held_kib < bytes_kib + bytes_kib / 4, "{held_kib} KiB for {bytes_kib} KiB of bodies");
    client.send(1, &basic::ack_up_to(last));
    let since = Instant::now();
    let mut left_kib = held_kib;
    while left_kib > bytes_kib / 4 && since.elapsed() < PATIENCE {
        client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
        left_kib = broker.status_kib("VmRSS").saturating_sub(idle_kib);
    }
    assert!(left_kib <= bytes_kib / 4, "{left_kib} KiB of {held_kib} are kept for nothing");
    client.close();
    broker.stop();
}
