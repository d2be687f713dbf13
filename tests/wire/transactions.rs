//! Transactions (spec: 1.9 tx; rabbitmq: semantics.md).

use crate::support::methods::{basic, tx};
use crate::support::{RawClient, id, refusal};

fn transactional() -> (RawClient, String) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.call(1, &tx::select(), id::TX_SELECT_OK).end();
    (client, queue)
}

fn commit(client: &mut RawClient) {
    client.call(1, &tx::commit(), id::TX_COMMIT_OK).end();
}

fn rollback(client: &mut RawClient) {
    client.call(1, &tx::rollback(), id::TX_ROLLBACK_OK).end();
}

#[test]
fn select_may_come_twice() {
    let (mut client, queue) = transactional();
    client.publish(1, "", &queue, "held");
    client.call(1, &tx::select(), id::TX_SELECT_OK).end();
    client.expect_counts(1, &queue, (0, 0));
    commit(&mut client);
    client.expect_counts(1, &queue, (1, 0));
}

#[test]
fn commit_and_rollback_need_select() {
    let text = "PRECONDITION_FAILED - channel is not transactional";
    let mut client = RawClient::with_channel();
    client.refused(1, &tx::commit(), &refusal(406, text, id::TX_COMMIT));
    client.open_channel(1);
    client.refused(1, &tx::rollback(), &refusal(406, text, id::TX_ROLLBACK));
}

#[test]
fn an_empty_commit_and_an_empty_rollback_are_fine() {
    let (mut client, _) = transactional();
    commit(&mut client);
    rollback(&mut client);
    commit(&mut client);
}

#[test]
fn publishes_are_there_after_the_commit_in_their_order() {
    let (mut client, queue) = transactional();
    for body in ["a", "b", "c"] {
        client.publish(1, "", &queue, body);
    }
    client.expect_counts(1, &queue, (0, 0));
    commit(&mut client);
    client.expect_counts(1, &queue, (3, 0));
    for body in ["a", "b", "c"] {
        assert_eq!(client.get(1, &queue).expect("a message").text(), body);
    }
}

#[test]
fn publishes_are_gone_after_a_rollback() {
    let (mut client, queue) = transactional();
    client.publish(1, "", &queue, "never");
    rollback(&mut client);
    commit(&mut client);
    assert_eq!(client.get(1, &queue), None);
    client.publish(1, "", &queue, "the next one");
    commit(&mut client);
    assert_eq!(client.get(1, &queue).expect("it").text(), "the next one");
}

#[test]
fn acks_count_after_the_commit() {
    let (mut client, queue) = transactional();
    client.open_channel(2);
    for body in ["a", "b"] {
        client.publish(2, "", &queue, body);
    }
    client.expect_counts(2, &queue, (2, 0));
    let first = client.get(1, &queue).expect("a");
    client.get(1, &queue).expect("b");
    client.send(1, &basic::ack(first.tag));
    commit(&mut client);
    client.close_channel(1);
    client.expect_counts(2, &queue, (1, 0));
    assert_eq!(client.get(2, &queue).expect("b").text(), "b");
}

#[test]
fn acks_of_a_closed_channel_that_did_not_commit_do_not_count() {
    let (mut client, queue) = transactional();
    client.open_channel(2);
    client.publish(2, "", &queue, "a");
    client.expect_counts(2, &queue, (1, 0));
    let got = client.get(1, &queue).expect("a");
    client.send(1, &basic::ack(got.tag));
    client.close_channel(1);
    client.expect_counts(2, &queue, (1, 0));
    assert!(client.get(2, &queue).expect("a").redelivered);
}

#[test]
fn a_rollback_does_not_requeue() {
    let (mut client, queue) = transactional();
    client.open_channel(2);
    client.publish(2, "", &queue, "a");
    client.expect_counts(2, &queue, (1, 0));
    let got = client.get(1, &queue).expect("a");
    client.send(1, &basic::ack(got.tag));
    rollback(&mut client);
    client.expect_counts(2, &queue, (0, 0));
    client.send(1, &basic::reject(got.tag, true));
    client.expect_counts(2, &queue, (0, 0));
    commit(&mut client);
    client.expect_counts(2, &queue, (1, 0));
}

#[test]
fn a_tag_is_settled_once_within_a_transaction() {
    let (mut client, queue) = transactional();
    client.publish(1, "", &queue, "a");
    commit(&mut client);
    let got = client.get(1, &queue).expect("a");
    client.send(1, &basic::ack(got.tag));
    let text = format!("PRECONDITION_FAILED - unknown delivery tag {}", got.tag);
    client.refused(1, &basic::ack(got.tag), &refusal(406, text, id::BASIC_ACK));
}

#[test]
fn an_unknown_tag_is_refused_before_the_commit() {
    let (mut client, _) = transactional();
    let text = "PRECONDITION_FAILED - unknown delivery tag 9";
    client.refused(1, &basic::ack(9), &refusal(406, text, id::BASIC_ACK));
}

#[test]
fn returns_come_before_commit_ok() {
    let (mut client, _) = transactional();
    let mandatory = basic::publish("", "no such queue").with(basic::MANDATORY);
    client.send_publish(1, &mandatory, &[0, 0], "back");
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    client.send(1, &tx::commit());
    assert_eq!(client.expect_return(1).text(), "back");
    client.expect(1, id::TX_COMMIT_OK);
}

#[test]
fn a_missing_exchange_is_refused_before_the_commit() {
    let (mut client, queue) = transactional();
    client.publish(1, "", &queue, "never");
    client.publish(1, "missing", "k", "refused");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    client.expect_counts(1, &queue, (0, 0));
}

#[test]
fn publishes_and_acks_are_committed_together() {
    let (mut client, queue) = transactional();
    let other = client.exclusive_queue(1);
    client.publish(1, "", &queue, "job");
    commit(&mut client);
    let job = client.get(1, &queue).expect("the job");
    client.publish(1, "", &other, "result");
    client.send(1, &basic::ack(job.tag));
    commit(&mut client);
    assert_eq!(client.get(1, &other).expect("the result").text(), "result");
    client.call(1, &basic::recover(true), id::BASIC_RECOVER_OK);
    assert_eq!(client.get(1, &queue), None);
}
