//! What is no TLS, or only almost, on a port for it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::{Login, with_guards};
use crate::tls::world::Files;

/// `SplitMix64`: the bytes come back with the number.
fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect()
}

/// `TLS_HANDSHAKES_MAX` of them may last `TLS_HANDSHAKE_TIMEOUT_MS`; garbage is refused at once, with an alert or
/// nothing.
#[test]
fn garbage_on_the_port_for_tls_is_ended_and_harms_nobody() {
    let files = Files::new();
    let broker = files.broker(&["ssl_handshake_timeout = 1000"]);
    let mut neighbour = Neighbour::of(&broker);
    // Records of every kind whose contents are rubbish, lengths that lie, and no records at all.
    let starts: [&[u8]; 8] = [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x03\xff\xff",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x14\x03\x03\x00\x01\x01",
        b"\x17\x03\x03\x40\x00",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"AMQP\x00\x00\x09\x01",
    ];
    for seed in 0..80_u64 {
        let at = usize::try_from(seed).expect("small");
        let bytes = [starts[at % starts.len()], &random_bytes(seed, 1 + at * 7)].concat();
        let stream = TcpStream::connect(("127.0.0.1", broker.tls_port())).expect("it listens");
        let mut stream = with_guards(stream);
        // The end may come before everything is taken.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut piece = [0; 256];
        let mut answered = 0;
        loop {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => answered += len,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("seed {seed}: neither an alert nor an end: {error}"),
            }
        }
        assert!(answered <= 7, "seed {seed}: {answered} bytes are more than an alert");
        neighbour.is_served(1);
    }
    files.trusting().login(broker.tls_port(), &Login::guest()).close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
