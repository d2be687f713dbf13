//! Properties and bodies go through the broker octet for octet.

use crate::support::methods::{basic, exchange, queue};
use crate::support::{RawClient, Table, id, on_oracle, unique};

/// Every type a field can have, in an order and with values that a decoder would change.
fn every_field_type() -> Table {
    // Erlang has no floating point numbers that are none.
    let (float, double): (&[u8], &[u8]) = if on_oracle() {
        (b"f\x3f\x80\x00\x01", b"d\x3f\xf8\x00\x00\x00\x00\x00\x01")
    } else {
        (b"f\x7f\xc0\x00\x01", b"d\x7f\xf8\x00\x00\x00\x00\x00\x01")
    };
    Table::new()
        .raw("zz", b"t\x01")
        .raw("bool that is 2", b"t\x02")
        .raw("b", b"b\x80")
        .raw("B", b"B\xff")
        .raw("s", b"s\x80\x00")
        .raw("u", b"u\xff\xff")
        .raw("I", b"I\x80\x00\x00\x00")
        .raw("i", b"i\xff\xff\xff\xff")
        .raw("l", b"l\x80\x00\x00\x00\x00\x00\x00\x00")
        .raw("f", float)
        .raw("d", double)
        .raw("D", b"D\x05\xff\xff\xff\xff")
        .raw("S", b"S\x00\x00\x00\x03\xff\x00\xfe")
        .raw("A", b"A\x00\x00\x00\x0eI\x00\x00\x00\x01S\x00\x00\x00\x01xt\x00V")
        .raw("T", b"T\xff\xff\xff\xff\xff\xff\xff\xff")
        .table("F", &Table::new().text("k", "v").table("inner", &Table::new()))
        .raw("x", b"x\x00\x00\x00\x02\x00\xff")
        .raw("V", b"V")
        .raw("twice", b"t\x00")
        .raw("twice", b"t\x01")
        .raw("", b"V")
}

/// All fourteen properties.
fn every_property() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfc];
    bytes.extend_from_slice(b"\x10application/json\x05UTF-8");
    bytes.extend(every_field_type().with_length());
    bytes.extend_from_slice(b"\x02\x09"); // delivery mode, priority
    bytes.extend_from_slice(b"\x04c-id\x08reply-to\x0660000\x30\x02id");
    bytes.extend_from_slice(&[0, 0, 0, 0, 0x65, 0x01, 0x02, 0x03]); // timestamp
    bytes.extend_from_slice(b"\x04type\x05guest\x03app\x07cluster");
    bytes
}

/// What comes back of a message with these properties and this body, by get and by consume.
fn goes_through(properties: &[u8], body: &[u8]) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    for _ in 0..2 {
        client.send_publish(1, &basic::publish("", &queue), properties, body);
    }
    let got = client.get(1, &queue).expect("the message");
    client.consume(1, &basic::consume(&queue, ""));
    let delivered = client.expect_delivery(1);
    for delivery in [got, delivered] {
        assert_eq!(delivery.properties, properties);
        assert_eq!(delivery.body, body);
    }
}

#[test]
fn every_property_and_every_field_type_goes_through() {
    goes_through(&every_property(), b"body");
}

#[test]
fn no_properties_go_through() {
    goes_through(&[0, 0], b"body");
}

#[test]
fn each_property_alone_goes_through() {
    let short = b"\x03abc";
    let cases: [(u16, &[u8]); 14] = [
        (15, short),
        (14, short),
        (13, b"\0\0\0\0"),
        (12, b"\x01"),
        (11, b"\xff"),
        (10, short),
        (9, short),
        (8, b"\x0560000"),
        (7, short),
        (6, b"\x00\x00\x00\x00\x00\x00\x00\x01"),
        (5, short),
        (4, b"\x05guest"),
        (3, short),
        (2, short),
    ];
    for (bit, value) in cases {
        let flags = (1u16 << bit).to_be_bytes();
        goes_through(&[&flags[..], value].concat(), b"");
    }
}

#[test]
fn text_properties_may_hold_any_octets() {
    goes_through(b"\x00\x80\x03a\xff\x00", b"message-id");
    goes_through(b"\x04\x00\x03\xff\xfe\xfd", b"correlation-id");
}

#[test]
fn every_octet_goes_through_a_body() {
    let body: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    goes_through(&[0, 0], &body);
}

#[test]
fn a_body_that_looks_like_frames_goes_through() {
    goes_through(&[0, 0], b"\x01\x00\x01\x00\x00\x00\x04\x00\x14\x00\x29\xce\xce\xce");
}

#[test]
fn properties_go_through_several_exchanges_to_several_queues() {
    let mut client = RawClient::with_channel();
    let names = [unique("first"), unique("second")];
    for name in &names {
        let declare = exchange::declare(name, "fanout").with(exchange::AUTO_DELETE);
        client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    }
    let queues = [client.exclusive_queue(1), client.exclusive_queue(1)];
    client.call(1, &exchange::bind(&names[1], &names[0], ""), id::EXCHANGE_BIND_OK);
    for (queue, name) in queues.iter().zip(&names) {
        client.call(1, &queue::bind(queue, name, ""), id::QUEUE_BIND_OK);
    }
    let publish = basic::publish(&names[0], b"key\xff");
    client.send_publish(1, &publish, &every_property(), "body");
    for queue in &queues {
        let got = client.get(1, queue).expect("the message");
        assert_eq!(got.properties, every_property());
        assert_eq!((got.exchange.as_str(), &*got.routing_key), (&*names[0], &b"key\xff"[..]));
    }
}

#[test]
fn properties_are_the_same_when_a_message_is_delivered_again() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send_publish(1, &basic::publish("", &queue), &every_property(), "body");
    let first = client.get(1, &queue).expect("the message");
    client.send(1, &basic::reject(first.tag, true));
    let again = client.get(1, &queue).expect("the message");
    assert_eq!((&again.properties, &again.body), (&first.properties, &first.body));
    assert!(again.redelivered && !first.redelivered);
}
