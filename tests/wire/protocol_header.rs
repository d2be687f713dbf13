//! The first eight octets of a connection, and of what is no AMQP connection (spec: 4.2.2).

use crate::support::{Broker, RawClient, id, on_oracle};

/// Anything but AMQP 0-9-1 is answered with the header that is spoken here, and the socket closes.
fn is_answered_with_the_right_header(first_octets: &[u8]) {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(first_octets);
    client.expect_bytes(b"AMQP\x00\x00\x09\x01");
    client.expect_end();
}

#[test]
fn the_header_of_0_9_1_is_answered_with_connection_start() {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(b"AMQP\x00\x00\x09\x01");
    client.expect(0, id::CONNECTION_START);
}

#[test]
fn the_header_of_0_9_is_taken_as_0_9_1() {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(b"AMQP\x01\x01\x00\x09");
    client.expect(0, id::CONNECTION_START);
}

#[test]
fn a_header_in_pieces_is_put_together() {
    let mut client = RawClient::connect(Broker::shared());
    for octet in b"AMQP\x00\x00\x09\x01" {
        client.send_bytes(&[*octet]);
    }
    client.expect(0, id::CONNECTION_START);
}

#[test]
fn the_header_of_0_8_is_answered_with_the_one_of_0_9_1() {
    if on_oracle() {
        return; // RabbitMQ spoke 0-8 until 4.0.
    }
    is_answered_with_the_right_header(b"AMQP\x01\x01\x08\x00");
}

#[test]
fn the_header_of_0_10_is_answered_with_the_one_of_0_9_1() {
    is_answered_with_the_right_header(b"AMQP\x01\x01\x00\x0a");
}

#[test]
fn the_header_of_0_9_2_is_answered_with_the_one_of_0_9_1() {
    is_answered_with_the_right_header(b"AMQP\x00\x00\x09\x02");
}

#[test]
fn garbage_is_answered_with_the_header_of_0_9_1() {
    is_answered_with_the_right_header(b"garbage!");
    is_answered_with_the_right_header(&[0xFF; 64]);
    is_answered_with_the_right_header(&[0; 8]);
}

#[test]
fn an_http_request_is_answered_with_the_header_of_0_9_1() {
    is_answered_with_the_right_header(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

#[test]
fn a_tls_client_hello_is_answered_with_the_header_of_0_9_1() {
    is_answered_with_the_right_header(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03");
}

#[test]
fn a_connection_that_ends_before_its_header_is_whole_harms_nobody() {
    for part in [&b""[..], b"A", b"AMQP\x00\x00\x09"] {
        let mut client = RawClient::connect(Broker::shared());
        client.send_bytes(part);
        client.close_sending_side();
        client.expect_end();
    }
    RawClient::shared().close();
}

/// Three kinds of silence, all at once: nothing, half a header, a header and no answer.
#[test]
fn who_does_not_finish_the_handshake_in_time_is_disconnected() {
    let Some(broker) = Broker::own(&["handshake_timeout = 300"]) else { return };
    let mut nothing = RawClient::connect(&broker);
    let mut half = RawClient::connect(&broker);
    half.send_bytes(b"AMQP");
    let mut silent = RawClient::connect(&broker);
    silent.send_bytes(b"AMQP\x00\x00\x09\x01");
    silent.expect(0, id::CONNECTION_START);
    let mut open = RawClient::with_channel_on(&broker);
    nothing.expect_end();
    half.expect_end();
    silent.expect_end();
    open.exclusive_queue(1);
}
