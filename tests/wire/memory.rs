//! What messages cost in memory.

use crate::support::methods::{basic, queue};
use crate::support::{Broker, RawClient};

/// 64 KiB.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

const PIECES: u64 = 2_000;

#[test]
fn what_is_held_unacked_costs_its_bytes_and_not_its_read_buffers() {
    let Some(broker) = Broker::own(&[]) else { return };
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("held"));
    client.consume(1, &basic::consume("held", "c"));
    let idle_kib = broker.status_kib("VmRSS");
    for _ in 0..PIECES {
        client.send_publish(1, &basic::publish("", "held"), &[0, 0], PIECE);
        client.expect_delivery(1);
    }
    let held_kib = broker.status_kib("VmRSS") - idle_kib;
    let bytes_kib = PIECES * 64;
    assert!(held_kib > bytes_kib / 2, "{held_kib} KiB: nothing was held, nothing is shown");
    assert!(held_kib < bytes_kib + bytes_kib / 4, "{held_kib} KiB for {bytes_kib} KiB of bodies");
    client.close();
    broker.stop();
}
