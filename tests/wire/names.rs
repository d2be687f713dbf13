//! Names: UTF-8 of at most 255 octets; routing keys: any octets (spec: 4.2.5.3, 1.1 shortstr).

use crate::support::methods::{PASSIVE, basic, exchange, queue};
use crate::support::{RawClient, Refusal, id, on_oracle, refusal, unique};

const NOT_UTF8: &[u8] = b"a\xff\xfe";

/// No method is blamed for it.
fn malformed() -> Refusal {
    refusal(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", id::NONE)
}

/// A name of this many octets that nobody else has.
fn long_name(octets: usize) -> String {
    let mut name = unique("long");
    name.push_str(&"x".repeat(octets - name.len()));
    name
}

#[test]
fn a_queue_name_that_is_not_utf8_is_refused() {
    let cases = [
        queue::declare(NOT_UTF8),
        queue::declare(NOT_UTF8).with(PASSIVE),
        queue::bind(NOT_UTF8, "amq.direct", "k"),
    ];
    for call in cases {
        RawClient::with_channel().refused(1, &call, &malformed());
    }
}

#[test]
fn an_exchange_name_that_is_not_utf8_is_refused() {
    let declare = exchange::declare(NOT_UTF8, "direct");
    RawClient::with_channel().refused(1, &declare, &malformed());
}

#[test]
fn a_consumer_tag_that_is_not_utf8_is_refused() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.refused(1, &basic::consume(&queue, NOT_UTF8), &malformed());
}

#[test]
fn publishing_to_an_exchange_whose_name_is_not_utf8_is_refused() {
    let mut client = RawClient::with_channel();
    client.send_publish(1, &basic::publish(NOT_UTF8, "k"), &[0, 0], "body");
    let text = "NOT_FOUND - no exchange 'a\u{fffd}\u{fffd}' in vhost '/'"; // not checked there
    let expected = malformed().or_oracle(404, text).oracle_blames(id::BASIC_PUBLISH);
    client.expect_refusal(1, &expected);
}

#[test]
fn a_name_cut_within_a_character_is_refused() {
    let declare = queue::declare(&"订".as_bytes()[..2]);
    RawClient::with_channel().refused(1, &declare, &malformed());
}

#[test]
fn a_routing_key_of_any_octets_routes() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let name = unique("any-octets");
    let declare = exchange::declare(&name, "fanout").with(exchange::AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    client.call(1, &queue::bind(&queue, &name, ""), id::QUEUE_BIND_OK);
    let keys: [&[u8]; 4] = [NOT_UTF8, b"\0\x01\x02", b"\xff", b"line\r\nbreak"];
    for key in keys {
        client.publish(1, &name, key, "routed");
        let got = client.get(1, &queue).expect("the message");
        assert_eq!((got.text(), &*got.routing_key), ("routed", key));
    }
}

#[test]
fn a_binding_key_of_any_octets_matches() {
    if on_oracle() {
        return; // RabbitMQ wants UTF-8 in a binding.
    }
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let word = queue.as_bytes();
    let key = [word, NOT_UTF8].concat();
    client.call(1, &queue::bind(&queue, "amq.direct", &key), id::QUEUE_BIND_OK);
    client.publish(1, "amq.direct", &key, "direct");
    assert_eq!(client.get(1, &queue).expect("the message").text(), "direct");
    let pattern = [word, b".*.\xfe"].concat();
    client.call(1, &queue::bind(&queue, "amq.topic", &pattern), id::QUEUE_BIND_OK);
    client.publish(1, "amq.topic", [word, b".\xff\x00.\xfe"].concat(), "topic");
    client.publish(1, "amq.topic", [word, b".\xff.\xff"].concat(), "no match");
    assert_eq!(client.get(1, &queue).expect("the message").text(), "topic");
    assert_eq!(client.get(1, &queue), None);
}

#[test]
fn names_of_255_octets_are_accepted_everywhere() {
    let mut client = RawClient::with_channel();
    let (queue, name, tag) = (long_name(255), long_name(255), long_name(255));
    let key = [b'k'; 255];
    client.declare(1, &queue::declare(&queue).with(queue::EXCLUSIVE));
    let declare = exchange::declare(&name, "direct").with(exchange::AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    client.call(1, &queue::bind(&queue, &name, key), id::QUEUE_BIND_OK);
    assert_eq!(client.consume(1, &basic::consume(&queue, &tag).with(basic::NO_ACK)), tag);
    client.publish(1, &name, key, "through");
    let delivery = client.expect_delivery(1);
    assert_eq!(delivery.consumer_tag, tag);
    assert_eq!(delivery.exchange, name);
    assert_eq!(delivery.routing_key, key);
}

#[test]
fn a_text_about_a_long_name_is_cut() {
    let name = long_name(255);
    let full = format!("NOT_FOUND - no queue '{name}' in vhost '/'");
    let text = format!("{}...", &full[..252]);
    let passive = queue::declare(&name).with(PASSIVE);
    RawClient::with_channel().refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
}

#[test]
fn names_in_any_script_are_kept() {
    let mut client = RawClient::with_channel();
    for word in ["订单", "Bestellung größer", "заказ", "🐇"] {
        let name = unique(word);
        let mut answer =
            client.call(1, &queue::declare(&name).with(queue::EXCLUSIVE), id::QUEUE_DECLARE_OK);
        assert_eq!(answer.short_string(), name);
        client.publish(1, "", &name, word);
        let got = client.get(1, &name).expect("the message");
        assert_eq!((got.text(), &*got.routing_key), (word, name.as_bytes()));
    }
}

#[test]
fn a_refusal_shows_names_in_any_script() {
    let text = "NOT_FOUND - no queue '批量订单' in vhost '/'";
    let passive = queue::declare("批量订单").with(PASSIVE);
    RawClient::with_channel().refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
}

#[test]
fn names_are_compared_octet_by_octet() {
    let mut client = RawClient::with_channel();
    let name = unique("case");
    for name in [name.clone(), name.to_uppercase(), format!("{name} ")] {
        client.declare(1, &queue::declare(&name).with(queue::EXCLUSIVE));
        client.publish(1, "", &name, &name);
    }
    assert_eq!(client.get(1, &name).expect("the first").text(), name);
    assert_eq!(client.get(1, &name), None);
}
