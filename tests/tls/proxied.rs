//! Connections through a proxy, which says where they come from.

use std::net::TcpStream;

use super::world::Files;
use crate::support::{Broker, ClientStream, Login, RawClient, id, refusal, with_guards};

const PROXIED: &str = "proxy_protocol = true";
const FAR: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 5672\r\n";
const NEAR: &[u8] = b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 5672\r\n";

/// The same from 192.0.2.7, by version 2.
const FAR_V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x16\x28";

#[test]
fn the_address_of_the_client_counts_and_not_that_of_the_proxy() {
    let broker = Broker::start(&[PROXIED]);
    for header in [NEAR, b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let mut client = RawClient::connect(&broker);
        client.send_bytes(header);
        client.handshake(&Login::guest());
        client.close();
    }
    // guest may come from this machine only.
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    for header in [FAR, FAR_V2] {
        let mut client = RawClient::connect(&broker);
        client.send_bytes(header);
        client.send_start_ok(&Login::guest());
        client.expect_connection_close(&refusal(403, text, id::NONE));
    }
    let stderr = broker.stop();
    let from_far = |line: &&str| {
        line.contains("can only connect via localhost") && line.contains("peer=192.0.2.7:40000")
    };
    assert_eq!(stderr.lines().filter(from_far).count(), 2, "{stderr}");
}

#[test]
fn a_header_comes_in_pieces_and_together_with_what_follows() {
    let broker = Broker::start(&[PROXIED]);
    let mut client = RawClient::connect(&broker);
    for octet in NEAR {
        client.send_bytes(&[*octet]);
    }
    client.handshake(&Login::guest());
    client.close();
    let mut client = RawClient::connect(&broker);
    client.send_bytes(&[NEAR, b"AMQP\x00\x00\x09\x01"].concat());
    client.expect(0, id::CONNECTION_START);
}

#[test]
fn a_connection_past_the_proxy_is_refused_with_one_line() {
    let broker = Broker::start(&[PROXIED]);
    let mut client = RawClient::connect(&broker);
    client.send_bytes(b"AMQP\x00\x00\x09\x01");
    client.expect_end();
    // A port scan says nothing at all.
    drop(broker.connect());
    let stderr = broker.stop();
    assert!(stderr.contains("no PROXY protocol header at the beginning"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn the_header_stands_before_tls() {
    let files = Files::new();
    let broker = files.broker(&[PROXIED]);
    let mut stream =
        with_guards(TcpStream::connect(("127.0.0.1", broker.tls_port())).expect("it listens"));
    std::io::Write::write_all(&mut stream, NEAR).expect("the broker takes bytes");
    let stream = files.trusting().over(stream).expect("a good handshake");
    let mut client = RawClient::over(ClientStream::Tls(Box::new(stream)));
    client.handshake(&Login::guest());
    client.close();
}
