//! Publisher confirms (rabbitmq: confirms.md).

use crate::support::methods::{basic, confirm, queue, tx};
use crate::support::{Broker, Call, RawClient, id, refusal};

fn confirming() -> (RawClient, String) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    (client, queue)
}

#[test]
fn confirm_select_may_come_twice() {
    let (mut client, queue) = confirming();
    client.publish(1, "", &queue, "one");
    assert_eq!(client.expect_ack(1), (1, false));
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    client.publish(1, "", &queue, "two");
    assert_eq!(client.expect_ack(1), (2, false), "the count goes on");
}

#[test]
fn confirm_select_with_nowait_gives_no_answer() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send(1, &Call::of(id::CONFIRM_SELECT).octet(1));
    client.publish(1, "", &queue, "one");
    assert_eq!(client.expect_ack(1), (1, false));
}

#[test]
fn what_is_published_before_confirm_select_does_not_count() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.publish(1, "", &queue, "before");
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.publish(1, "", &queue, "after");
    assert_eq!(client.expect_ack(1), (1, false));
}

#[test]
fn every_publish_is_confirmed_once() {
    let (mut client, queue) = confirming();
    for n in 0..500 {
        client.publish(1, "", &queue, &n.to_string());
    }
    client.expect_acks_up_to(1, 500);
    client.expect_counts(1, &queue, (500, 0));
}

#[test]
fn many_confirms_of_one_write_come_as_one() {
    let (mut client, queue) = confirming();
    let mut one = basic::publish("", &queue).frame(1);
    one.extend_from_slice(b"\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\0\0\0\xce");
    client.send_bytes(&one.repeat(100));
    let mut acks = 0;
    let mut confirmed = 0;
    while confirmed < 100 {
        let (tag, multiple) = client.expect_ack(1);
        assert!(tag > confirmed && (multiple || tag == confirmed + 1), "{tag} after {confirmed}");
        confirmed = tag;
        acks += 1;
    }
    assert!(acks < 100, "{acks} acks for 100 publishes");
}

#[test]
fn an_unroutable_publish_is_confirmed() {
    let (mut client, _) = confirming();
    client.publish(1, "", "no such queue", "lost");
    assert_eq!(client.expect_ack(1), (1, false));
}

#[test]
fn a_return_comes_before_its_confirm() {
    let (mut client, queue) = confirming();
    let mandatory = basic::publish("", "no such queue").with(basic::MANDATORY);
    client.send_publish(1, &mandatory, &[0, 0], "back");
    assert_eq!(client.expect_return(1).text(), "back");
    assert_eq!(client.expect_ack(1), (1, false));
    client.publish(1, "", &queue, "stays");
    assert_eq!(client.expect_ack(1), (2, false));
}

#[test]
fn a_message_for_several_queues_is_confirmed_once() {
    let (mut client, queue) = confirming();
    let other = client.exclusive_queue(1);
    for queue in [&queue, &other] {
        client.call(1, &queue::bind(queue, "amq.direct", &other), id::QUEUE_BIND_OK);
    }
    client.publish(1, "amq.direct", &other, "both");
    assert_eq!(client.expect_ack(1), (1, false));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn persistent_messages_of_a_durable_queue_are_confirmed() {
    let (mut client, _) = confirming();
    let name = crate::support::unique("durable");
    client.declare(1, &queue::declare(&name).with(crate::support::methods::DURABLE));
    for _ in 0..10 {
        client.send_publish(1, &basic::publish("", &name), b"\x10\x00\x02", "persistent");
    }
    client.expect_acks_up_to(1, 10);
    client.call(1, &queue::delete(&name), id::QUEUE_DELETE_OK);
}

#[test]
fn each_channel_counts_for_itself() {
    let (mut client, queue) = confirming();
    client.open_channel(2);
    client.call(2, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.publish(1, "", &queue, "a");
    assert_eq!(client.expect_ack(1), (1, false));
    client.publish(2, "", &queue, "b");
    assert_eq!(client.expect_ack(2), (1, false));
    client.publish(1, "", &queue, "c");
    assert_eq!(client.expect_ack(1), (2, false));
}

#[test]
fn a_new_opening_of_a_channel_counts_from_one_and_confirms_only_when_asked() {
    let (mut client, queue) = confirming();
    client.publish(1, "", &queue, "a");
    assert_eq!(client.expect_ack(1), (1, false));
    client.close_channel(1);
    client.open_channel(1);
    client.publish(1, "", &queue, "not confirmed");
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.publish(1, "", &queue, "confirmed");
    assert_eq!(client.expect_ack(1), (1, false));
}

#[test]
fn a_refused_publish_is_not_confirmed() {
    let (mut client, _) = confirming();
    client.publish(1, "missing", "k", "refused");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
}

#[test]
fn a_confirming_channel_cannot_become_transactional() {
    let (mut client, _) = confirming();
    let text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode";
    client.refused(1, &tx::select(), &refusal(406, text, id::TX_SELECT));
}

#[test]
fn a_transactional_channel_cannot_become_confirming() {
    let mut client = RawClient::with_channel();
    client.call(1, &tx::select(), id::TX_SELECT_OK);
    let text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode";
    client.refused(1, &confirm::select(), &refusal(406, text, id::CONFIRM_SELECT));
}

/// A confirm and a delivery of the same message come on the same connection, in any order.
#[test]
fn a_publisher_may_consume_its_own_messages() {
    let mut client = RawClient::with_channel_on(Broker::shared());
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.consume(2, &basic::consume(&queue, "c").with(basic::NO_ACK));
    client.publish(1, "", &queue, "hello");
    let first = client.next_frame();
    if first.method() == Some(id::BASIC_ACK) {
        client.expect_deliveries(2, &["hello"]);
    } else {
        assert_eq!((first.method(), first.channel), (Some(id::BASIC_DELIVER), 2));
        client.expect_content(2);
        assert_eq!(client.expect_ack(1), (1, false));
    }
}
