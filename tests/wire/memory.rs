//! What messages cost in memory.

use crate::support::methods::{basic, queue};
use crate::support::{Broker, RawClient};

/// 64 KiB.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

const PIECES: u64 = 2_000;

/// A client that holds all pieces unacked, its broker, and what the broker took before, in KiB.
fn holding_pieces() -> Option<(Broker, RawClient, u64)> {
    let broker = Broker::own(&[])?;
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("held"));
    client.consume(1, &basic::consume("held", "c"));
    let idle_kib = broker.status_number("VmRSS");
    for _ in 0..PIECES {
        client.send_publish(1, &basic::publish("", "held"), &[0, 0], PIECE);
        client.expect_delivery(1);
    }
    Some((broker, client, idle_kib))
}

#[test]
fn what_is_held_unacked_costs_its_bytes_and_not_its_read_buffers() {
    let Some((broker, client, idle_kib)) = holding_pieces() else { return };
    let held_kib = broker.status_number("VmRSS") - idle_kib;
    let bytes_kib = PIECES * 64;
    assert!(held_kib > bytes_kib / 2, "{held_kib} KiB: nothing was held, nothing is shown");
    assert!(held_kib < bytes_kib + bytes_kib / 4, "{held_kib} KiB for {bytes_kib} KiB of bodies");
    client.close();
    broker.stop();
}

#[test]
fn what_was_held_unacked_leaves_memory_after_the_acks() {
    let Some((broker, mut client, idle_kib)) = holding_pieces() else { return };
    let held_kib = broker.status_number("VmRSS");
    assert!(held_kib > PIECES * 64, "{held_kib} KiB: nothing was held, nothing is shown");
    client.send(1, &basic::ack_up_to(PIECES));
    let limit_kib = idle_kib + (held_kib - idle_kib) / 4;
    // The broker looks once a second; each question here takes it some microseconds.
    let given_back = (0..1_000_000).any(|_| {
        client.declare(1, &queue::declare("held"));
        broker.status_number("VmRSS") < limit_kib
    });
    let still_kib = broker.status_number("VmRSS");
    assert!(given_back, "{idle_kib} KiB idle, {held_kib} KiB held, {still_kib} KiB after the acks");
    client.close();
    broker.stop();
}
