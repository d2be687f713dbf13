//! Slow-loris: whoever stops at a step of the handshake, or goes on by single bytes, is ended at
//! `HANDSHAKE_TIMEOUT_MS`, and bytes that keep coming do not put it off.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::channel;
use crate::support::{Broker, Login, RawClient, id, refusal};

const HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Peers at each step.
const EACH: usize = 5;

/// What is sent at once, and what is left to be sent byte by byte.
fn at_step(broker: &Broker, step: usize) -> (RawClient, Vec<u8>) {
    let login = Login::guest();
    let mut client = RawClient::connect(broker);
    let start_ok = login.start_ok().frame(0);
    let rest = match step {
        0 => HEADER[..7].to_vec(),
        1 => {
            client.send_bytes(HEADER);
            start_ok[..start_ok.len() - 1].to_vec()
        }
        2 => {
            client.send_start_ok(&login);
            client.expect(0, id::CONNECTION_TUNE);
            vec![1, 0, 0, 0, 0, 0]
        }
        _ => {
            let proposed = client.authenticate(&login);
            client.send(0, &login.tune_ok(proposed));
            let open = login.open().frame(0);
            open[..open.len() - 1].to_vec()
        }
    };
    (client, rest)
}

#[test]
fn who_drips_bytes_at_any_step_is_ended_in_time() {
    let broker = Broker::start(&["handshake_timeout = 1500"]);
    let mut neighbour = Neighbour::of(&broker);
    let mut peers: Vec<_> = (0..4 * EACH).map(|number| at_step(&broker, number / EACH)).collect();
    for at in 0..200 {
        for (peer, rest) in &mut peers {
            if let Some(byte) = rest.get(at) {
                peer.send_bytes_in_vain(&[*byte]);
            }
        }
        neighbour.is_served(1);
    }
    for (peer, _) in &mut peers {
        // `connection.start` may lie there unread; no `open-ok` and no words follow.
        let after = std::iter::from_fn(|| peer.next_frame_or_end());
        let methods: Vec<_> = after.map(|frame| frame.method()).collect();
        assert!(methods.iter().all(|method| *method == Some(id::CONNECTION_START)), "{methods:?}");
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// `FRAME_BYTES_MAX_BEFORE_TUNE`: nothing of what is announced is waited for or made room for.
#[test]
fn a_frame_that_is_too_large_for_a_stranger_is_refused_by_its_header() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    for size in [8 * 1024 + 1, 131_072, u32::MAX] {
        let mut client = RawClient::connect(&broker);
        client.send_bytes(HEADER);
        client.expect(0, id::CONNECTION_START);
        client.send_bytes(&[&[1, 0, 0][..], &size.to_be_bytes()].concat());
        client.expect_end();
        neighbour.is_served(1);
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// After the handshake heartbeats do it: half a frame is no sign of life for ever.
#[test]
fn what_is_not_due_before_open_is_refused() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let login = Login::guest();
    let mut client = RawClient::connect(&broker);
    let proposed = client.authenticate(&login);
    client.send(0, &login.tune_ok(proposed));
    client.send(1, &channel::open());
    let frame = client.next_frame_or_end();
    let is_open = frame.as_ref().is_some_and(|frame| frame.method() == Some(id::CHANNEL_OPEN_OK));
    assert!(!is_open, "{frame:?}");
    neighbour.is_served(1);
    let too_many = refusal(
        530,
        "NOT_ALLOWED - negotiated channel_max = 65535 is higher than the maximum allowed value \
         (2047)",
        id::CONNECTION_TUNE,
    );
    let login = Login::guest().channel_max(65_535);
    let mut client = RawClient::connect(&broker);
    let proposed = client.authenticate(&login);
    client.send(0, &login.tune_ok(proposed));
    client.expect_connection_close(&too_many);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
