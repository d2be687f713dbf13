//! Consumers: starting, delivering, cancelling (docs/reply-codes.md, consuming).

use crate::support::methods::{basic, queue};
use crate::support::{Broker, Login, RawClient, Table, id, refusal, unique};

#[test]
fn consume_ok_comes_before_the_first_delivery() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.publish(1, "", &queue, "waits already");
    client.expect_counts(1, &queue, (1, 0));
    let tag = client.consume(1, &basic::consume(&queue, "mine"));
    let delivery = client.expect_delivery(1);
    assert_eq!(tag, "mine");
    assert_eq!((delivery.consumer_tag.as_str(), delivery.tag), ("mine", 1));
    assert!(!delivery.redelivered);
    assert_eq!((delivery.exchange.as_str(), &*delivery.routing_key), ("", queue.as_bytes()));
}

/// The whole delivery, octet by octet.
#[test]
fn a_delivery_is_three_frames() {
    let mut client = RawClient::with_channel();
    let name = "hm-three-frames";
    client.declare(1, &queue::declare(name).with(queue::EXCLUSIVE));
    client.consume(1, &basic::consume(name, "c").with(basic::NO_ACK));
    client.publish(1, "", name, "hi");
    client.expect_bytes(
        b"\x01\x00\x01\x00\x00\x00\x20\x00\x3c\x00\x3c\x01c\x00\x00\x00\x00\x00\x00\x00\x01\x00\
          \x00\x0fhm-three-frames\xce\
          \x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\xce\
          \x03\x00\x01\x00\x00\x00\x02hi\xce",
    );
}

#[test]
fn an_empty_tag_gets_one_from_the_server() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let first = client.consume(1, &basic::consume(&queue, ""));
    let second = client.consume(1, &basic::consume(&queue, ""));
    assert!(first.starts_with("amq.ctag-"), "{first}");
    assert_ne!(first, second);
}

#[test]
fn an_empty_queue_name_means_the_queue_declared_last() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume("", "c"));
    client.publish(1, "", &queue, "hello");
    client.expect_deliveries(1, &["hello"]);
}

#[test]
fn nowait_gives_no_answer() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send(1, &basic::consume(&queue, "quiet").with(basic::NOWAIT));
    client.publish(1, "", &queue, "hello");
    client.expect_deliveries(1, &["hello"]);
    client.send(1, &basic::cancel_nowait("quiet"));
    client.expect_counts(1, &queue, (0, 0));
}

#[test]
fn a_tag_in_use_is_refused() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "twice"));
    let text = "NOT_ALLOWED - attempt to reuse consumer tag 'twice'";
    client.refused(1, &basic::consume(&queue, "twice"), &refusal(530, text, id::BASIC_CONSUME));
}

#[test]
fn a_tag_is_free_on_another_channel_and_after_cancel() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "same"));
    client.consume(2, &basic::consume(&queue, "same"));
    client.call(1, &basic::cancel("same"), id::BASIC_CANCEL_OK);
    client.consume(1, &basic::consume(&queue, "same"));
}

#[test]
fn an_exclusive_consumer_keeps_others_out() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    let alone = basic::consume(&queue, "alone").with(basic::EXCLUSIVE);
    client.consume(1, &alone);
    let text = format!("ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use");
    let expected = refusal(403, text, id::BASIC_CONSUME);
    client.refused(2, &basic::consume(&queue, "other"), &expected);
    client.call(1, &basic::cancel("alone"), id::BASIC_CANCEL_OK);
    client.open_channel(2);
    client.consume(2, &basic::consume(&queue, "other"));
    client.refused(1, &alone, &expected);
}

#[test]
fn an_exclusive_consumer_may_be_the_only_one_only() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "shared"));
    let text = format!("ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use");
    let alone = basic::consume(&queue, "alone").with(basic::EXCLUSIVE);
    client.refused(2, &alone, &refusal(403, text, id::BASIC_CONSUME));
    client.publish(1, "", &queue, "the first one still consumes");
    client.expect_deliveries(1, &["the first one still consumes"]);
}

#[test]
fn an_exclusive_consumer_does_not_keep_get_out() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.call(1, &basic::qos(1), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume(&queue, "alone").with(basic::EXCLUSIVE));
    for body in ["delivered", "taken"] {
        client.publish(1, "", &queue, body);
    }
    client.expect_deliveries(1, &["delivered"]);
    client.expect_counts(1, &queue, (1, 1));
    assert_eq!(client.get(2, &queue).expect("the second").text(), "taken");
}

#[test]
fn cancelling_an_unknown_tag_is_fine() {
    let mut client = RawClient::with_channel();
    let mut answer = client.call(1, &basic::cancel("unknown"), id::BASIC_CANCEL_OK);
    assert_eq!(answer.short_string(), "unknown");
    answer.end();
}

#[test]
fn nothing_is_delivered_after_cancel_ok_and_what_was_can_be_acked() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "c"));
    client.publish(1, "", &queue, "before");
    let tags = client.expect_deliveries(1, &["before"]);
    let mut answer = client.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK);
    assert_eq!(answer.short_string(), "c");
    client.publish(1, "", &queue, "after");
    client.send(1, &basic::ack(tags[0]));
    client.expect_counts(1, &queue, (1, 0));
    assert_eq!(client.get(1, &queue).expect("the second").text(), "after");
}

#[test]
fn a_cancel_of_a_publisher_s_flood_comes_after_its_deliveries() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "c").with(basic::NO_ACK));
    for n in 0..200 {
        client.publish(1, "", &queue, &n.to_string());
    }
    client.send(1, &basic::cancel("c"));
    let mut delivered = 0;
    while client.delivery_or(1, id::BASIC_CANCEL_OK).is_some() {
        delivered += 1;
    }
    client.expect_counts(1, &queue, (200 - delivered, 0));
}

#[test]
fn consumers_of_one_queue_take_turns() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    for tag in ["a", "b", "c"] {
        client.consume(1, &basic::consume(&queue, tag));
    }
    for n in 0..9 {
        client.publish(1, "", &queue, &n.to_string());
    }
    let deliveries: Vec<_> = (0..9).map(|_| client.expect_delivery(1)).collect();
    let bodies: Vec<_> = deliveries.iter().map(|delivery| delivery.text().to_owned()).collect();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    let tags: Vec<_> = deliveries.iter().map(|delivery| delivery.consumer_tag.as_str()).collect();
    assert_eq!(tags, ["a", "b", "c"].repeat(3));
}

#[test]
fn the_order_of_one_publisher_is_kept() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "c").with(basic::NO_ACK));
    for n in 0..1000 {
        client.publish(1, "", &queue, &n.to_string());
    }
    for n in 0..1000 {
        let delivery = client.expect_delivery(1);
        assert_eq!((delivery.text(), delivery.tag), (n.to_string().as_str(), n + 1));
    }
}

#[test]
fn no_ack_needs_no_ack_and_takes_none() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "c").with(basic::NO_ACK));
    client.publish(1, "", &queue, "hello");
    let tags = client.expect_deliveries(1, &["hello"]);
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    client.refused(1, &basic::ack(tags[0]), &refusal(406, text, id::BASIC_ACK));
    client.open_channel(1);
    assert_eq!(client.get(1, &queue), None, "it was settled when it was delivered");
}

#[test]
fn a_client_that_understands_it_is_told_of_the_end_of_its_queue() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "told"));
    client.send(2, &queue::delete(&queue));
    // Two channels: either may be first.
    let mut frames = [client.next_frame(), client.next_frame()];
    frames.sort_by_key(|frame| frame.channel);
    assert_eq!(frames[0].method(), Some(id::BASIC_CANCEL), "{frames:?}");
    assert_eq!(frames[1].method(), Some(id::QUEUE_DELETE_OK), "{frames:?}");
    let mut cancel = frames[0].arguments();
    assert_eq!((cancel.short_string().as_str(), cancel.octet()), ("told", 1), "tag and nowait");
    cancel.end();
    // The consumer is gone, so its tag is free.
    let other = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&other, "told"));
}

#[test]
fn a_client_that_does_not_understand_it_is_not_told() {
    let mut client = RawClient::login(Broker::shared(), &Login::guest().without_capabilities());
    client.open_channel(1);
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "told"));
    client.call(2, &queue::delete(&queue), id::QUEUE_DELETE_OK);
    let other = client.exclusive_queue(1);
    client.expect_counts(1, &other, (0, 0));
    client.expect_counts(2, &other, (0, 0));
}

#[test]
fn an_ack_for_a_deleted_queue_is_fine() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.publish(1, "", &queue, "hello");
    let got = client.get(1, &queue).expect("the message");
    client.call(1, &queue::delete(&queue), id::QUEUE_DELETE_OK);
    client.send(1, &basic::ack(got.tag));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn get_says_how_many_messages_are_left() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    assert_eq!(client.get(1, &queue), None);
    for body in ["a", "b", "c"] {
        client.publish(1, "", &queue, body);
    }
    let counts: Vec<_> = (0..3)
        .map(|_| client.get(1, &queue).expect("a message"))
        .map(|got| (got.text().to_owned(), got.tag, got.message_count))
        .collect();
    assert_eq!(counts, [("a".into(), 1, 2), ("b".into(), 2, 1), ("c".into(), 3, 0)]);
    assert_eq!(client.get(1, &queue), None);
}

#[test]
fn a_consumer_is_dropped_with_its_connection_and_its_messages_come_back() {
    let name = unique("dropped");
    let mut watcher = RawClient::with_channel();
    watcher.declare(1, &queue::declare(&name).with(queue::AUTO_DELETE));
    let mut dying = RawClient::with_channel();
    dying.consume(1, &basic::consume(&name, "c"));
    for body in ["a", "b"] {
        watcher.publish(1, "", &name, body);
    }
    dying.expect_deliveries(1, &["a", "b"]);
    watcher.consume(1, &basic::consume(&name, "heir"));
    drop(dying);
    for body in ["a", "b"] {
        let delivery = watcher.expect_delivery(1);
        assert_eq!((delivery.text(), delivery.redelivered), (body, true));
    }
}

#[test]
fn consumer_arguments_are_accepted() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let arguments = Table::new().int("x-priority", 5).text("x-mine", "anything");
    client.consume(1, &basic::consume(&queue, "c").arguments(arguments).with(1));
    client.publish(1, "", &queue, "no-local has no effect");
    client.expect_deliveries(1, &["no-local has no effect"]);
}
