//! Signs of life (spec: 4.2.7). These tests wait for real seconds, because the smallest heartbeat is
//! one; each ends as soon as what it waits for is there.

use crate::support::{Broker, Frame, Login, RawClient};

const HEARTBEAT: &[u8] = b"\x08\x00\x00\x00\x00\x00\x00\xce";

fn with_heartbeat(heartbeat_s: u16) -> RawClient {
    let mut client = RawClient::login(Broker::shared(), &Login::guest().heartbeat_s(heartbeat_s));
    client.open_channel(1);
    client
}

/// One connection is silent, the other answers every heartbeat; a third wants none at all.
#[test]
fn who_is_silent_is_disconnected_and_who_sends_heartbeats_is_not() {
    let mut silent = with_heartbeat(1);
    let mut without = with_heartbeat(0);
    let mut alive = with_heartbeat(1);
    let queue = alive.exclusive_queue(1);
    for _ in 0..5 {
        let frame = alive.next_frame_of_any_kind().expect("it is still open");
        assert_eq!(frame, Frame { kind: 8, channel: 0, payload: Vec::new() });
        alive.send_bytes(HEARTBEAT);
    }
    silent.expect_end();
    assert!(silent.heartbeats() > 0, "the server has sent heartbeats itself");
    alive.expect_counts(1, &queue, (0, 0));
    without.exclusive_queue(1);
    assert_eq!(without.heartbeats(), 0);
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let mut client = with_heartbeat(1);
    let queue = client.exclusive_queue(1);
    for _ in 0..5 {
        client.next_frame_of_any_kind().expect("it is still open");
        client.publish(1, "", &queue, "alive");
    }
    client.expect_counts(1, &queue, (5, 0));
}
