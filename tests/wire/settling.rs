//! Ack, nack, reject and recover (spec: 1.8.3; rabbitmq: confirms.md, nack.md).

use crate::support::methods::basic;
use crate::support::{Call, Id, RawClient, id, refusal};

const MULTIPLE: u8 = 1;
const REQUEUE: u8 = 2;

/// A channel that holds these messages of a queue of its own, with tags from 1.
fn holding(bodies: &[&str]) -> (RawClient, String) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    for body in bodies {
        client.publish(1, "", &queue, body);
    }
    for body in bodies {
        assert_eq!(client.get(1, &queue).expect("a message").text(), *body);
    }
    (client, queue)
}

/// What is ready now: bodies and whether they were handed out before. They are taken out.
fn ready(client: &mut RawClient, queue: &str) -> Vec<(String, bool)> {
    std::iter::from_fn(|| client.get_with(1, &basic::get_no_ack(queue)))
        .map(|got| (got.text().to_owned(), got.redelivered))
        .collect()
}

fn again(bodies: &[&str]) -> Vec<(String, bool)> {
    bodies.iter().map(|body| ((*body).to_owned(), true)).collect()
}

fn is_unknown(client: &mut RawClient, call: &Call, tag: u64, failed: Id) {
    let text = format!("PRECONDITION_FAILED - unknown delivery tag {tag}");
    client.refused(1, call, &refusal(406, text, failed));
    client.open_channel(1);
}

#[test]
fn an_unknown_tag_is_refused() {
    let mut client = RawClient::with_channel();
    is_unknown(&mut client, &basic::ack(1), 1, id::BASIC_ACK);
    is_unknown(&mut client, &basic::ack(0), 0, id::BASIC_ACK);
    is_unknown(&mut client, &basic::ack_up_to(7), 7, id::BASIC_ACK);
    is_unknown(&mut client, &basic::nack(7, 0), 7, id::BASIC_NACK);
    is_unknown(&mut client, &basic::reject(7, true), 7, id::BASIC_REJECT);
    is_unknown(&mut client, &basic::ack(u64::MAX), u64::MAX, id::BASIC_ACK);
}

#[test]
fn a_tag_is_settled_once() {
    let (mut client, _) = holding(&["a", "b"]);
    client.send(1, &basic::ack(1));
    is_unknown(&mut client, &basic::ack(1), 1, id::BASIC_ACK);
    let (mut client, _) = holding(&["a", "b"]);
    client.send(1, &basic::nack(1, REQUEUE));
    is_unknown(&mut client, &basic::reject(1, true), 1, id::BASIC_REJECT);
}

#[test]
fn a_tag_above_the_last_one_is_refused_and_settles_nothing() {
    let (mut client, queue) = holding(&["a", "b"]);
    is_unknown(&mut client, &basic::ack_up_to(3), 3, id::BASIC_ACK);
    assert_eq!(ready(&mut client, &queue), again(&["a", "b"]));
}

#[test]
fn a_settled_tag_is_unknown_with_multiple_too() {
    let (mut client, queue) = holding(&["a", "b", "c"]);
    client.send(1, &basic::ack(2));
    is_unknown(&mut client, &basic::ack_up_to(2), 2, id::BASIC_ACK);
    assert_eq!(ready(&mut client, &queue), again(&["a", "c"]));
}

#[test]
fn a_tag_belongs_to_its_channel() {
    let (mut client, queue) = holding(&["a"]);
    client.open_channel(2);
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    client.refused(2, &basic::ack(1), &refusal(406, text, id::BASIC_ACK));
    client.send(1, &basic::ack(1));
    client.close_channel(1);
    client.open_channel(1);
    assert_eq!(ready(&mut client, &queue), []);
}

#[test]
fn tags_begin_at_one_in_every_opening_of_a_channel() {
    let (mut client, queue) = holding(&["a"]);
    client.close_channel(1);
    client.open_channel(1);
    client.expect_counts(1, &queue, (1, 0));
    assert_eq!(client.get(1, &queue).expect("a").tag, 1);
}

#[test]
fn ack_settles_one() {
    let (mut client, queue) = holding(&["a", "b", "c"]);
    client.send(1, &basic::ack(2));
    client.send(1, &basic::recover(true));
    client.expect(1, id::BASIC_RECOVER_OK);
    assert_eq!(ready(&mut client, &queue), again(&["a", "c"]));
}

#[test]
fn ack_multiple_settles_all_up_to_the_tag() {
    let (mut client, queue) = holding(&["a", "b", "c", "d"]);
    client.send(1, &basic::ack(1));
    client.send(1, &basic::ack_up_to(3));
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK);
    assert_eq!(ready(&mut client, &queue), again(&["d"]));
}

#[test]
fn ack_multiple_with_tag_zero_settles_everything() {
    let (mut client, queue) = holding(&["a", "b", "c"]);
    client.send(1, &basic::ack_up_to(0));
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK);
    assert_eq!(ready(&mut client, &queue), []);
}

#[test]
fn ack_multiple_with_tag_zero_is_fine_with_nothing_to_settle() {
    let mut client = RawClient::with_channel();
    client.send(1, &basic::ack_up_to(0));
    client.send(1, &basic::nack(0, MULTIPLE));
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn reject_without_requeue_throws_away() {
    let (mut client, queue) = holding(&["a", "b"]);
    client.send(1, &basic::reject(1, false));
    client.send(1, &basic::nack(2, 0));
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK);
    assert_eq!(ready(&mut client, &queue), []);
}

#[test]
fn requeued_messages_go_back_to_their_old_places() {
    let (mut client, queue) = holding(&["a", "b", "c"]);
    client.publish(1, "", &queue, "d");
    for tag in [2, 3, 1] {
        client.send(1, &basic::reject(tag, true));
    }
    let mut expected = again(&["a", "b", "c"]);
    expected.push(("d".to_owned(), false));
    assert_eq!(ready(&mut client, &queue), expected);
}

#[test]
fn nack_multiple_requeues_all_up_to_the_tag_in_order() {
    let (mut client, queue) = holding(&["a", "b", "c", "d"]);
    client.send(1, &basic::nack(3, MULTIPLE | REQUEUE));
    assert_eq!(ready(&mut client, &queue), again(&["a", "b", "c"]));
    client.send(1, &basic::nack(0, MULTIPLE | REQUEUE));
    assert_eq!(ready(&mut client, &queue), again(&["d"]));
}

#[test]
fn a_requeued_message_is_delivered_again_to_the_consumer() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.call(1, &basic::qos(1), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume(&queue, "c"));
    client.publish(1, "", &queue, "a");
    client.publish(1, "", &queue, "b");
    let first = client.expect_delivery(1);
    client.send(1, &basic::reject(first.tag, true));
    let again = client.expect_delivery(1);
    assert_eq!((again.text(), again.redelivered, again.tag), ("a", true, 2));
    client.send(1, &basic::ack(again.tag));
    let next = client.expect_delivery(1);
    assert_eq!((next.text(), next.redelivered), ("b", false));
}

#[test]
fn recover_gives_everything_back_in_order() {
    let (mut client, queue) = holding(&["a", "b", "c"]);
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK).end();
    assert_eq!(ready(&mut client, &queue), again(&["a", "b", "c"]));
    is_unknown(&mut client, &basic::ack(1), 1, id::BASIC_ACK);
}

#[test]
fn recover_delivers_again_to_the_consumer() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.consume(1, &basic::consume(&queue, "c"));
    client.publish(1, "", &queue, "a");
    client.publish(1, "", &queue, "b");
    client.expect_deliveries(1, &["a", "b"]);
    client.send(1, &basic::recover(true));
    client.expect_ok_and_deliveries(1, id::BASIC_RECOVER_OK, &["a", "b"]);
}

#[test]
fn recover_async_has_no_answer() {
    let (mut client, queue) = holding(&["a"]);
    client.send(1, &basic::recover_async(true));
    assert_eq!(ready(&mut client, &queue), again(&["a"]));
}

#[test]
fn recover_without_requeue_is_not_implemented() {
    let text = "NOT_IMPLEMENTED - requeue=false";
    let recover = basic::recover(false);
    RawClient::with_channel().refused(1, &recover, &refusal(540, text, id::BASIC_RECOVER));
    let recover = basic::recover_async(false);
    RawClient::with_channel().refused(1, &recover, &refusal(540, text, id::BASIC_RECOVER_ASYNC));
}

#[test]
fn messages_of_several_queues_are_settled_together() {
    let mut client = RawClient::with_channel();
    let queues = [client.exclusive_queue(1), client.exclusive_queue(1)];
    for n in 0..6 {
        let queue = &queues[n % 2];
        client.publish(1, "", queue, &n.to_string());
        client.get(1, queue).expect("it");
    }
    client.send(1, &basic::ack_up_to(3));
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK);
    assert_eq!(ready(&mut client, &queues[0]), again(&["4"]));
    assert_eq!(ready(&mut client, &queues[1]), again(&["3", "5"]));
}
