//! `basic.qos`: how many messages may be open (rabbitmq: consumer-prefetch.md).

use crate::support::methods::basic;
use crate::support::{RawClient, id, refusal};

/// A channel with a queue of its own that holds these messages.
fn filled(bodies: &[&str]) -> (RawClient, String) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    for body in bodies {
        client.publish(1, "", &queue, body);
    }
    let len = u32::try_from(bodies.len()).expect("a few");
    client.expect_counts(1, &queue, (len, 0));
    (client, queue)
}

fn qos(client: &mut RawClient, prefetch_count: u16, global: bool) {
    client.call(1, &basic::qos_of(0, prefetch_count, global), id::BASIC_QOS_OK).end();
}

#[test]
fn a_prefetch_in_bytes_is_not_implemented() {
    let mut client = RawClient::with_channel();
    let text = "NOT_IMPLEMENTED - prefetch_size!=0 (7)";
    client.refused(1, &basic::qos_of(7, 0, false), &refusal(540, text, id::BASIC_QOS));
}

#[test]
fn prefetch_one_holds_the_second_message_until_the_ack() {
    let (mut client, queue) = filled(&["a", "b", "c"]);
    qos(&mut client, 1, false);
    client.consume(1, &basic::consume(&queue, "c"));
    let tags = client.expect_deliveries(1, &["a"]);
    client.expect_counts(1, &queue, (2, 1));
    client.send(1, &basic::ack(tags[0]));
    let tags = client.expect_deliveries(1, &["b"]);
    client.expect_counts(1, &queue, (1, 1));
    client.send(1, &basic::reject(tags[0], false));
    client.expect_deliveries(1, &["c"]);
}

#[test]
fn a_prefetch_of_three_holds_the_fourth() {
    let (mut client, queue) = filled(&["a", "b", "c", "d", "e"]);
    qos(&mut client, 3, false);
    client.consume(1, &basic::consume(&queue, "c"));
    let tags = client.expect_deliveries(1, &["a", "b", "c"]);
    client.expect_counts(1, &queue, (2, 1));
    client.send(1, &basic::ack(tags[1]));
    client.expect_deliveries(1, &["d"]);
    client.expect_counts(1, &queue, (1, 1));
    client.send(1, &basic::ack_up_to(tags[2]));
    client.expect_deliveries(1, &["e"]);
}

#[test]
fn without_a_prefetch_everything_is_delivered() {
    let (mut client, queue) = filled(&["a", "b", "c"]);
    qos(&mut client, 0, false);
    client.consume(1, &basic::consume(&queue, "c"));
    client.expect_deliveries(1, &["a", "b", "c"]);
}

#[test]
fn the_prefetch_is_for_each_consumer() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 1, false);
    client.consume(1, &basic::consume(&queue, "first"));
    assert_eq!(client.expect_delivery(1).consumer_tag, "first");
    client.consume(1, &basic::consume(&queue, "second"));
    assert_eq!(client.expect_delivery(1).consumer_tag, "second");
    client.expect_counts(1, &queue, (2, 2));
}

#[test]
fn a_changed_prefetch_is_for_new_consumers_only() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 1, false);
    client.consume(1, &basic::consume(&queue, "first"));
    client.expect_deliveries(1, &["a"]);
    qos(&mut client, 2, false);
    client.expect_counts(1, &queue, (3, 1));
    client.consume(1, &basic::consume(&queue, "second"));
    client.expect_deliveries(1, &["b", "c"]);
    client.expect_counts(1, &queue, (1, 2));
}

#[test]
fn no_ack_ignores_the_prefetch() {
    let (mut client, queue) = filled(&["a", "b", "c"]);
    qos(&mut client, 1, false);
    client.consume(1, &basic::consume(&queue, "c").with(basic::NO_ACK));
    client.expect_deliveries(1, &["a", "b", "c"]);
}

#[test]
fn get_ignores_the_prefetch() {
    let (mut client, queue) = filled(&["a", "b", "c"]);
    qos(&mut client, 1, false);
    for body in ["a", "b", "c"] {
        assert_eq!(client.get(1, &queue).expect("a message").text(), body);
    }
}

#[test]
fn a_global_prefetch_is_shared_by_all_consumers_of_the_channel() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 2, true);
    client.consume(1, &basic::consume(&queue, "first"));
    let tags = client.expect_deliveries(1, &["a", "b"]);
    client.consume(1, &basic::consume(&queue, "second"));
    client.expect_counts(1, &queue, (2, 2));
    client.send(1, &basic::ack(tags[0]));
    client.expect_delivery(1);
    client.expect_counts(1, &queue, (1, 2));
}

#[test]
fn both_kinds_of_prefetch_count_at_the_same_time() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 2, false);
    qos(&mut client, 3, true);
    client.consume(1, &basic::consume(&queue, "first"));
    client.expect_deliveries(1, &["a", "b"]);
    client.consume(1, &basic::consume(&queue, "second"));
    client.expect_deliveries(1, &["c"]);
    client.expect_counts(1, &queue, (1, 2));
}

/// As RabbitMQ does it: the last word counts, whatever it was about.
#[test]
fn a_prefetch_for_each_consumer_ends_the_shared_one() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 1, true);
    qos(&mut client, 3, false);
    client.consume(1, &basic::consume(&queue, "c"));
    client.expect_deliveries(1, &["a", "b", "c"]);
    client.expect_counts(1, &queue, (1, 1));
}

#[test]
fn a_global_prefetch_that_grows_lets_more_through() {
    let (mut client, queue) = filled(&["a", "b", "c", "d"]);
    qos(&mut client, 1, true);
    client.consume(1, &basic::consume(&queue, "c"));
    client.expect_deliveries(1, &["a"]);
    client.expect_counts(1, &queue, (3, 1));
    client.send(1, &basic::qos_of(0, 3, true));
    client.expect_ok_and_deliveries(1, id::BASIC_QOS_OK, &["b", "c"]);
    client.expect_counts(1, &queue, (1, 1));
    client.send(1, &basic::qos_of(0, 0, true));
    client.expect_ok_and_deliveries(1, id::BASIC_QOS_OK, &["d"]);
}

#[test]
fn a_global_prefetch_is_for_its_channel_only() {
    let (mut client, queue) = filled(&["a", "b", "c"]);
    client.open_channel(2);
    qos(&mut client, 1, true);
    client.consume(1, &basic::consume(&queue, "limited"));
    client.expect_deliveries(1, &["a"]);
    client.consume(2, &basic::consume(&queue, "free"));
    client.expect_deliveries(2, &["b", "c"]);
}

/// A worker of two gets what the other leaves: the slow one holds one message, the fast one the rest.
#[test]
fn a_slow_worker_gets_less() {
    let (mut client, queue) = filled(&["0", "1", "2", "3", "4", "5", "6", "7"]);
    client.open_channel(2);
    qos(&mut client, 1, false);
    client.call(2, &basic::qos(1), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume(&queue, "slow"));
    let held = client.expect_deliveries(1, &["0"]);
    client.consume(2, &basic::consume(&queue, "fast"));
    for body in ["1", "2", "3", "4", "5", "6", "7"] {
        let tags = client.expect_deliveries(2, &[body]);
        client.send(2, &basic::ack(tags[0]));
    }
    client.send(1, &basic::ack(held[0]));
    client.expect_counts(1, &queue, (0, 2));
}

#[test]
fn a_cancelled_consumer_s_open_messages_do_not_block_the_next() {
    let (mut client, queue) = filled(&["a", "b"]);
    qos(&mut client, 1, false);
    client.consume(1, &basic::consume(&queue, "first"));
    client.expect_deliveries(1, &["a"]);
    client.call(1, &basic::cancel("first"), id::BASIC_CANCEL_OK);
    client.consume(1, &basic::consume(&queue, "second"));
    client.expect_deliveries(1, &["b"]);
}
