//! Faults that end a channel or a connection.

use serde_json::json;

use super::{Faulty, plain};
use crate::support::methods::{basic, channel, exchange, queue};
use crate::support::{id, refusal};

#[test]
fn a_channel_is_closed_instead_of_an_ack_and_the_message_comes_back() {
    let faulty = Faulty::start();
    let order = json!({
        "kind": "channel_close", "code": 406, "text": "not now", "on": "ack", "queue": "q",
        "every": 2, "times": 1,
    });
    let fault = faulty.order(&order);
    let mut client = faulty.queue("q");
    client.publish(1, "", "q", "one");
    client.publish(1, "", "q", "two");
    client.consume(1, &basic::consume("q", "c"));
    client.expect_deliveries(1, &["one", "two"]);
    client.send(1, &basic::ack(1));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    client.send(1, &basic::ack(2));
    client.expect_refusal(1, &refusal(406, "PRECONDITION_FAILED - not now", id::BASIC_ACK));
    assert_eq!(faulty.hits(fault), 1);
    // The connection lives, and the number of the channel is free.
    client.open_channel(1);
    let got = client.get(1, "q").expect("what was not acked");
    assert_eq!((got.text(), got.redelivered), ("two", true));
    client.send(1, &basic::ack(got.tag));
    client.expect_counts(1, "q", (0, 0));
    faulty.is_well();
}

#[test]
fn a_channel_is_closed_instead_of_a_publish_and_other_channels_are_not() {
    let faulty = Faulty::start();
    let order = json!({ "kind": "channel_close", "code": 403, "on": "publish", "queue": "q" });
    faulty.order(&order);
    let mut client = faulty.queue("q");
    client.open_channel(2);
    client.publish(1, "", "q", "lost");
    let text = "ACCESS_REFUSED - a test has ordered it";
    client.expect_refusal(1, &refusal(403, text, id::BASIC_PUBLISH));
    client.expect_counts(2, "q", (0, 0));
    faulty.withdraw_all();
    client.publish(2, "", "q", "taken");
    client.expect_counts(2, "q", (1, 0));
}

#[test]
fn a_channel_is_closed_instead_of_a_delivery_and_the_message_stays() {
    let faulty = Faulty::start();
    let order = json!({ "kind": "channel_close", "code": 404, "text": "gone", "on": "deliver", "times": 1 });
    faulty.order(&order);
    let mut client = faulty.queue("q");
    client.consume(1, &basic::consume("q", "c"));
    let mut other = faulty.client();
    other.publish(1, "", "q", "one");
    client.expect_refusal(1, &refusal(404, "NOT_FOUND - gone", id::NONE));
    client.open_channel(1);
    client.consume(1, &basic::consume("q", "c"));
    let got = client.expect_delivery(1);
    assert_eq!((got.text(), got.redelivered), ("one", true));
}

#[test]
fn a_declare_is_refused_by_its_name() {
    let faulty = Faulty::start();
    let order = json!({
        "kind": "channel_close", "code": 405, "text": "locked", "on": "declare", "queue": "q",
    });
    let fault = faulty.order(&order);
    let mut client = faulty.client();
    client.declare(1, &queue::declare("other"));
    client.call(1, &exchange::declare("q", "fanout"), id::EXCHANGE_DECLARE_OK);
    let locked = refusal(405, "RESOURCE_LOCKED - locked", id::QUEUE_DECLARE);
    client.refused(1, &queue::declare("q"), &locked);
    assert_eq!(faulty.hits(fault), 1);
    client.open_channel(1);
    faulty.withdraw(fault);
    let order = json!({
        "kind": "connection_close", "code": 541, "text": "broken", "on": "declare",
        "exchange": "e",
    });
    faulty.order(&order);
    client.declare(1, &queue::declare("q"));
    let broken = refusal(541, "INTERNAL_ERROR - broken", id::EXCHANGE_DECLARE);
    client.refused(1, &exchange::declare("e", "fanout"), &broken);
    faulty.withdraw_all();
    faulty.is_well();
}

#[test]
fn a_connection_is_closed_at_once_with_its_code_and_later_ones_are_not() {
    let faulty = Faulty::start();
    let mut one = faulty.client();
    let name = faulty.http.get("/api/connections").json()[0]["name"].clone();
    let mut two = faulty.client();
    let order =
        json!({ "kind": "connection_close", "code": 320, "text": "go", "connection": name });
    let fault = faulty.order(&order);
    one.expect_connection_close(&refusal(320, "CONNECTION_FORCED - go", id::NONE));
    assert_eq!(faulty.hits(fault), 1);
    two.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    faulty.withdraw_all();
    let fault = faulty.order(&plain("connection_close"));
    let text = "CONNECTION_FORCED - a test has ordered it";
    two.expect_connection_close(&refusal(320, text, id::NONE));
    // The first one may not be quite gone.
    let hits = faulty.hits(fault);
    assert!((1..=2).contains(&hits), "{hits}");
    faulty.is_well();
    assert_eq!(faulty.hits(fault), hits, "it was for those that were open");
}

#[test]
fn a_connection_is_closed_instead_of_a_publish() {
    let faulty = Faulty::start();
    let (mut client, _) = faulty.confirming();
    faulty.queue("q");
    let order = json!({
        "kind": "connection_close", "code": 506, "text": "full", "on": "publish", "queue": "q",
    });
    faulty.order(&order);
    client.publish(1, "", "q", "lost");
    client.expect_connection_close(&refusal(506, "RESOURCE_ERROR - full", id::BASIC_PUBLISH));
    faulty.client().expect_counts(1, "q", (0, 0));
}

#[test]
fn a_cut_connection_ends_without_a_word_and_gives_back_what_it_held() {
    let faulty = Faulty::start();
    let mut client = faulty.queue("q");
    client.publish(1, "", "q", "held");
    client.consume(1, &basic::consume("q", "c"));
    client.expect_deliveries(1, &["held"]);
    let fault = faulty.order(&plain("cut"));
    client.expect_end();
    assert_eq!(faulty.hits(fault), 1);
    let mut after = faulty.client();
    let got = after.get(1, "q").expect("what was held");
    assert_eq!((got.text(), got.redelivered), ("held", true), "I6");
}

#[test]
fn a_cut_on_the_third_publish_takes_what_came_before_and_nothing_behind() {
    let faulty = Faulty::start();
    let mut client = faulty.queue("q");
    faulty.order(&json!({ "kind": "cut", "on": "publish", "every": 3, "queue": "q" }));
    let publish = |body: &[u8; 1]| {
        let mut bytes = basic::publish("", "q").frame(1);
        bytes.extend(b"\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x01\0\0\xce");
        bytes.extend([b"\x03\0\x01\0\0\0\x01", &body[..], b"\xce"].concat());
        bytes
    };
    // All in one read, as far as the system lets it be.
    let all = [b"1", b"2", b"3", b"4", b"5"].map(publish).concat();
    client.send_bytes(&all);
    client.expect_end();
    let mut after = faulty.client();
    for body in ["1", "2"] {
        assert_eq!(after.get(1, "q").expect("a message").text(), body);
    }
    assert_eq!(after.get(1, "q"), None);
}

#[test]
fn a_cut_on_a_delivery_leaves_the_message_to_the_next() {
    let faulty = Faulty::start();
    let mut other = faulty.queue("q");
    let mut client = faulty.client();
    client.consume(1, &basic::consume("q", "c"));
    faulty.order(&json!({ "kind": "cut", "on": "deliver", "times": 1, "exchange": "" }));
    other.publish(1, "", "q", "one");
    client.expect_end();
    let mut next = faulty.client();
    next.consume(1, &basic::consume("q", "c"));
    assert_eq!(next.expect_delivery(1).text(), "one");
    next.send(1, &channel::close());
    next.expect(1, id::CHANNEL_CLOSE_OK);
    other.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}
