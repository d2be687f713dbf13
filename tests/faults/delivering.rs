//! Faults of deliveries: messages that come back, and messages that come twice.

use serde_json::json;

use super::{Faulty, plain};
use crate::support::methods::basic;
use crate::support::{RawClient, id};

/// A consumer of a queue with these messages; the tags of their deliveries.
fn consumer(faulty: &Faulty, name: &str, bodies: &[&str]) -> (RawClient, Vec<u64>) {
    let mut client = faulty.queue(name);
    for body in bodies {
        client.publish(1, "", name, body);
    }
    client.consume(1, &basic::consume(name, "c"));
    let tags = client.expect_deliveries(1, bodies);
    (client, tags)
}

#[test]
fn what_is_held_is_delivered_again_and_marked_so() {
    let faulty = Faulty::start();
    let (mut client, tags) = consumer(&faulty, "q", &["one", "two", "three"]);
    client.send(1, &basic::ack(tags[1]));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    let fault = faulty.order(&json!({ "kind": "redeliver", "queue": "q", "vhost": "/" }));
    assert_eq!(faulty.hits(fault), 2);
    for (body, tag) in [("one", 4), ("three", 5)] {
        let again = client.expect_delivery(1);
        assert_eq!((again.text(), again.tag, again.redelivered), (body, tag, true));
    }
    client.send(1, &basic::ack_up_to(5));
    client.expect_counts(1, "q", (0, 1));
    client.close();
    let mut after = faulty.client();
    after.expect_counts(1, "q", (0, 0));
    faulty.is_well();
}

#[test]
fn each_second_message_comes_back_and_only_so_many() {
    let faulty = Faulty::start();
    let (mut client, _) = consumer(&faulty, "q", &["1", "2", "3", "4", "5", "6"]);
    let order = json!({ "kind": "redeliver", "queue": "q", "every": 2, "times": 2 });
    let fault = faulty.order(&order);
    assert_eq!(faulty.hits(fault), 2);
    client.expect_deliveries(1, &["2", "4"]);
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    let nowhere = faulty.order(&json!({ "kind": "redeliver", "queue": "q", "vhost": "other" }));
    assert_eq!(faulty.hits(nowhere), 0);
}

#[test]
fn a_message_comes_twice_and_either_tag_settles_it() {
    let faulty = Faulty::start();
    let fault = faulty.order(&json!({ "kind": "duplicate", "queue": "q", "every": 2 }));
    let mut client = faulty.queue("q");
    for body in ["one", "two", "three"] {
        client.publish(1, "", "q", body);
    }
    client.consume(1, &basic::consume("q", "c"));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let got = client.expect_delivery(1);
        seen.push((got.text().to_owned(), got.tag, got.redelivered));
    }
    let expected = [("one", 1, false), ("two", 2, false), ("two", 3, true), ("three", 4, false)];
    assert_eq!(seen, expected.map(|(body, tag, again)| (body.to_owned(), tag, again)));
    assert_eq!(faulty.hits(fault), 1);
    // The copy settles the message; the word about the first delivery changes nothing then.
    client.send(1, &basic::ack(3));
    client.send(1, &basic::nack(2, 2));
    client.send(1, &basic::ack(1));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    client.close();
    let mut after = faulty.client();
    let left = after.get(1, "q").expect("what was not settled");
    assert_eq!((left.text(), left.redelivered), ("three", true));
    assert_eq!(after.get(1, "q"), None);
}

#[test]
fn a_copy_takes_no_credit_and_gives_none_back() {
    let faulty = Faulty::start();
    faulty.order(&plain("duplicate"));
    let mut client = faulty.queue("q");
    for body in ["one", "two", "three"] {
        client.publish(1, "", "q", body);
    }
    client.call(1, &basic::qos_of(0, 1, true), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume("q", "c"));
    client.expect_deliveries(1, &["one", "one"]);
    client.send(1, &basic::ack(1));
    client.expect_deliveries(1, &["two", "two"]);
    client.send(1, &basic::ack(2));
    client.call(1, &basic::qos_of(0, 1, true), id::BASIC_QOS_OK);
    client.send(1, &basic::ack_up_to(4));
    client.expect_deliveries(1, &["three", "three"]);
}

#[test]
fn without_acks_the_copy_needs_none_either() {
    let faulty = Faulty::start();
    faulty.order(&plain("duplicate"));
    let mut client = faulty.queue("q");
    client.publish(1, "", "q", "one");
    client.consume(1, &basic::consume("q", "c").with(basic::NO_ACK));
    client.expect_deliveries(1, &["one", "one"]);
    client.expect_counts(1, "q", (0, 1));
    faulty.withdraw_all();
    client.publish(1, "", "q", "two");
    client.expect_deliveries(1, &["two"]);
    client.expect_counts(1, "q", (0, 1));
}
