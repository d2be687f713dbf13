//! Publishing: what is refused, what comes back, what is dropped (docs/reply-codes.md, publishing).

use crate::support::methods::{basic, exchange, queue};
use crate::support::{Broker, RawClient, Refusal, id, refusal, unique};

const NO_PROPERTIES: [u8; 2] = [0, 0];

/// A publish with these properties to a queue that is there is refused.
fn is_refused(properties: &[u8], expected: &Refusal) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send_publish(1, &basic::publish("", &queue), properties, "body");
    client.expect_refusal(1, expected);
    client.open_channel(1);
    assert_eq!(client.get(1, &queue), None);
}

/// Properties with an `expiration` only.
fn expiration(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).expect("short");
    [&[1, 0, len][..], text.as_bytes()].concat()
}

/// Properties with a `user-id` only.
fn user_id(name: &str) -> Vec<u8> {
    let len = u8::try_from(name.len()).expect("short");
    [&[0, 0x10, len][..], name.as_bytes()].concat()
}

#[test]
fn immediate_is_not_implemented() {
    let mut client = RawClient::with_channel();
    let publish = basic::publish("", "q").with(basic::IMMEDIATE);
    client.send_publish(1, &publish, &NO_PROPERTIES, "body");
    let text = "NOT_IMPLEMENTED - immediate=true";
    client.expect_refusal(1, &refusal(540, text, id::BASIC_PUBLISH));
}

#[test]
fn a_missing_exchange_is_refused() {
    let mut client = RawClient::with_channel();
    client.publish(1, "missing", "k", "body");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
}

#[test]
fn publishes_after_a_refused_one_are_not_taken() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(2);
    client.publish(1, "", &queue, "before");
    client.publish(1, "missing", "k", "refused");
    client.publish(1, "", &queue, "after");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    client.expect_counts(2, &queue, (1, 0));
    assert_eq!(client.get(2, &queue).expect("the first").text(), "before");
    assert_eq!(client.get(2, &queue), None);
}

#[test]
fn an_unroutable_message_is_dropped() {
    let mut client = RawClient::with_channel();
    client.publish(1, "", "no such queue", "lost");
    client.publish(1, "amq.direct", "nobody's key", "lost");
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn an_unroutable_mandatory_message_comes_back_whole() {
    let mut client = RawClient::with_channel();
    let publish = basic::publish("amq.direct", b"nobody\xff").with(basic::MANDATORY);
    let properties = b"\x80\x00\x0atext/plain";
    client.send_publish(1, &publish, properties, "come back");
    let returned = client.expect_return(1);
    assert_eq!(returned.exchange, "amq.direct");
    assert_eq!(returned.routing_key, b"nobody\xff");
    assert_eq!(returned.properties, properties);
    assert_eq!(returned.text(), "come back");
}

/// The whole return, octet by octet.
#[test]
fn a_return_is_three_frames() {
    let mut client = RawClient::with_channel();
    let publish = basic::publish("", "nowhere").with(basic::MANDATORY);
    client.send_publish(1, &publish, &NO_PROPERTIES, "hi");
    client.expect_bytes(
        b"\x01\x00\x01\x00\x00\x00\x18\x00\x3c\x00\x32\x01\x38\x08NO_ROUTE\x00\x07nowhere\xce\
          \x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\xce\
          \x03\x00\x01\x00\x00\x00\x02hi\xce",
    );
}

#[test]
fn a_routed_mandatory_message_does_not_come_back() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let publish = basic::publish("", &queue).with(basic::MANDATORY);
    client.send_publish(1, &publish, &NO_PROPERTIES, "stays");
    assert_eq!(client.get(1, &queue).expect("the message").text(), "stays");
}

#[test]
fn an_empty_unroutable_message_comes_back_without_a_body_frame() {
    let mut client = RawClient::with_channel();
    let publish = basic::publish("", "nowhere").with(basic::MANDATORY);
    client.send_publish(1, &publish, &NO_PROPERTIES, "");
    assert_eq!(client.expect_return(1).body, b"");
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn an_expiration_that_is_no_number_is_refused() {
    for (text, reason) in [
        ("soon", "no_integer"),
        ("", "no_integer"),
        (" 1", "no_integer"),
        ("10s", "{leftover_string,\"s\"}"),
        ("1.5", "{leftover_string,\".5\"}"),
        ("-1", "{value_negative,-1}"),
    ] {
        let text_of = format!("PRECONDITION_FAILED - invalid expiration '{text}': {reason}");
        is_refused(&expiration(text), &refusal(406, text_of, id::BASIC_PUBLISH));
    }
}

#[test]
fn an_expiration_in_milliseconds_is_accepted() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send_publish(1, &basic::publish("", &queue), &expiration("60000"), "for a minute");
    let got = client.get(1, &queue).expect("the message");
    assert_eq!(got.properties, expiration("60000"));
}

#[test]
fn a_user_id_of_somebody_else_is_refused() {
    let text = "PRECONDITION_FAILED - user_id property set to 'eve' but authenticated user was \
                'guest'";
    is_refused(&user_id("eve"), &refusal(406, text, id::BASIC_PUBLISH));
}

#[test]
fn one_s_own_user_id_is_accepted() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send_publish(1, &basic::publish("", &queue), &user_id("guest"), "mine");
    assert_eq!(client.get(1, &queue).expect("the message").properties, user_id("guest"));
}

#[test]
fn a_message_that_is_too_large_is_refused_after_its_whole_body() {
    let Some(broker) = Broker::own(&["max_message_size = 1000"]) else { return };
    let mut client = RawClient::with_channel_on(&broker);
    client.open_channel(2);
    let queue = client.exclusive_queue(2);
    client.send_publish(2, &basic::publish("", &queue), &NO_PROPERTIES, [b'x'; 1000]);
    client.send(1, &basic::publish("", &queue));
    client.send_header(1, 1001, &NO_PROPERTIES);
    client.send_body(1, &[b'x'; 1000]);
    client.expect_counts(2, &queue, (1, 0));
    client.send_body(1, b"x");
    let text = "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000";
    client.expect_refusal(1, &refusal(406, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    client.expect_counts(2, &queue, (1, 0));
}

#[test]
fn the_last_word_of_a_closing_connection_is_heard() {
    let name = unique("last-word");
    let mut watcher = RawClient::with_channel();
    watcher.declare(1, &queue::declare(&name).with(queue::AUTO_DELETE));
    let mut client = RawClient::with_channel();
    client.publish(1, "", &name, "last word");
    client.close();
    watcher.expect_counts(1, &name, (1, 0));
    watcher.consume(1, &basic::consume(&name, "c"));
    watcher.expect_deliveries(1, &["last word"]);
}

#[test]
fn a_message_reaches_each_of_its_queues_once() {
    let mut client = RawClient::with_channel();
    let name = unique("copies");
    let declare = exchange::declare(&name, "fanout").with(exchange::AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    let queues: Vec<_> = (0..20).map(|_| client.exclusive_queue(1)).collect();
    for queue in &queues {
        client.call(1, &queue::bind(queue, &name, ""), id::QUEUE_BIND_OK);
    }
    client.publish(1, &name, "", "copy");
    for queue in &queues {
        assert_eq!(client.get(1, queue).expect("the copy").text(), "copy");
        assert_eq!(client.get(1, queue), None);
    }
}
