//! Transactions.

use super::pair::{
    Pair, Received, close, exchange, method_frame, publish_frames, published, settled,
};
use crate::base::{ChannelId, DeliveryTag, HolderId, PublishSequence, ReplyCode};
use crate::protocol::{Action, Answer, Outcome, Refusal, Request, Settings};
use crate::wire::{Method, MethodId};

const HOLDER: HolderId = HolderId(1);

fn transactional() -> Pair {
    transactional_with(Settings::default())
}

fn transactional_with(settings: Settings) -> Pair {
    let mut pair = Pair::open_with(settings, &[], 0);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    assert_eq!(pair.call(1, &Method::TxSelect), Method::TxSelectOk);
    pair
}

fn ack(tag: u64, multiple: bool) -> Method {
    Method::BasicAck { delivery_tag: DeliveryTag(tag), multiple }
}

/// A publish is asked about and then held.
fn hold(pair: &mut Pair, body: &[u8]) {
    let actions = pair.publish(1, body);
    let [Action::Ask(ask)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(ask.request, Request::CheckPublish { exchange: exchange("logs") });
    assert_eq!(pair.answer(Answer::Done), vec![]);
    assert_eq!(pair.received(), vec![]);
}

fn refusal() -> Refusal {
    Refusal {
        code: ReplyCode::NotFound,
        text: "no exchange 'logs' in vhost '/'".to_owned(),
        failed: MethodId::BASIC_PUBLISH,
    }
}

#[test]
fn commit_hands_everything_out_and_is_answered_when_all_is_confirmed() {
    let mut pair = transactional();
    pair.deliver(7);
    pair.received();
    hold(&mut pair, b"a");
    hold(&mut pair, b"b");
    assert_eq!(pair.send(1, &ack(1, false)), vec![]);

    let committed = pair.send(1, &Method::TxCommit);
    let expected =
        vec![published(b"a", Some(1)), published(b"b", Some(2)), settled(Outcome::Ack, &[(7, 7)])];
    assert_eq!(committed, expected);
    assert!(pair.server.is_waiting());
    pair.server.published(HOLDER, PublishSequence(1), 1);
    pair.server.published(HOLDER, PublishSequence(2), 0);
    assert_eq!(pair.flush_confirms(), vec![]);
    assert_eq!(pair.received(), vec![]);
    pair.server.confirmed(HOLDER, PublishSequence(1), PublishSequence(1));
    assert_eq!(pair.flush_confirms(), vec![]);
    assert!(!pair.server.is_waiting());
    assert_eq!(pair.only_method(1), Method::TxCommitOk);

    hold(&mut pair, b"c");
    assert_eq!(pair.send(1, &Method::TxCommit), vec![published(b"c", Some(3))]);
}

#[test]
fn a_commit_without_publishes_is_answered_at_once() {
    let mut pair = transactional();
    assert_eq!(pair.call(1, &Method::TxCommit), Method::TxCommitOk);
}

#[test]
fn returns_come_before_commit_ok() {
    let mut pair = transactional();
    hold(&mut pair, b"a");
    let actions = pair.send(1, &Method::TxCommit);
    let [Action::Publish(publish)] = &actions[..] else { panic!("{actions:?}") };
    pair.server.returned(publish);
    pair.server.published(HOLDER, PublishSequence(1), 0);
    pair.flush_confirms();
    let received = pair.received();
    assert!(matches!(received[0], Received::Method(1, Method::BasicReturn { .. })));
    assert_eq!(received.last(), Some(&Received::Method(1, Method::TxCommitOk)));
}

#[test]
fn frames_behind_a_commit_wait_for_its_end() {
    let mut pair = transactional();
    hold(&mut pair, b"a");
    let bytes: Vec<u8> = [Method::TxCommit, Method::TxRollback]
        .iter()
        .flat_map(|method| method_frame(1, method))
        .collect();
    assert_eq!(pair.write(&bytes), vec![published(b"a", Some(1))]);
    assert_eq!(pair.recv(), vec![]);
    pair.server.published(HOLDER, PublishSequence(1), 0);
    pair.flush_confirms();
    assert_eq!(pair.recv(), vec![]);
    let ok = |method| Received::Method(1, method);
    assert_eq!(pair.received(), vec![ok(Method::TxCommitOk), ok(Method::TxRollbackOk)]);
}

#[test]
fn rollback_forgets_publishes_and_keeps_deliveries_unsettled() {
    let mut pair = transactional();
    for id in 1..=3 {
        pair.deliver(id);
    }
    pair.received();
    hold(&mut pair, b"a");
    assert_eq!(pair.send(1, &ack(2, false)), vec![]);
    assert_eq!(pair.call(1, &Method::TxRollback), Method::TxRollbackOk);
    assert_eq!(pair.call(1, &Method::TxCommit), Method::TxCommitOk);

    assert_eq!(pair.send(1, &ack(3, true)), vec![]);
    assert_eq!(pair.send(1, &Method::TxCommit), vec![settled(Outcome::Ack, &[(1, 3)])]);
    assert_eq!(pair.only_method(1), Method::TxCommitOk);
}

#[test]
fn settlements_keep_their_order_and_outcome() {
    let mut pair = transactional();
    for id in 1..=4 {
        pair.deliver(id);
    }
    pair.received();
    pair.send(1, &ack(1, false));
    pair.send(1, &Method::BasicReject { delivery_tag: DeliveryTag(3), requeue: true });
    pair.send(1, &ack(4, true));
    let expected = vec![
        settled(Outcome::Ack, &[(1, 1)]),
        settled(Outcome::RequeueFailed, &[(3, 3)]),
        settled(Outcome::Ack, &[(2, 2), (4, 4)]),
    ];
    assert_eq!(pair.send(1, &Method::TxCommit), expected);
}

#[test]
fn a_tag_is_checked_when_it_is_named_and_not_at_the_commit() {
    let mut pair = transactional();
    pair.deliver(1);
    pair.received();
    pair.send(1, &ack(1, false));
    let actions = pair.send(1, &ack(1, false));
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_ACK));
}

#[test]
fn a_publish_is_refused_when_it_comes() {
    let mut pair = transactional();
    pair.publish(1, b"a");
    let actions = pair.answer(Answer::Refused(refusal()));
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    pair.expect_channel_close(&actions, (404, text, MethodId::BASIC_PUBLISH));
}

#[test]
fn a_queue_that_refuses_fails_the_commit() {
    let mut pair = transactional();
    hold(&mut pair, b"a");
    hold(&mut pair, b"b");
    pair.send(1, &Method::TxCommit);
    pair.server.published(HOLDER, PublishSequence(1), 1);
    pair.server.published(HOLDER, PublishSequence(2), 1);
    pair.server.refused(HOLDER, PublishSequence(1));
    pair.server.confirmed(HOLDER, PublishSequence(2), PublishSequence(2));
    let actions = pair.flush_confirms();
    let text = "PRECONDITION_FAILED - partial tx completion";
    pair.expect_channel_close(&actions, (406, text, MethodId::TX_COMMIT));
}

#[test]
fn a_refusal_ends_a_commit_that_waits() {
    let mut pair = transactional();
    hold(&mut pair, b"a");
    pair.send(1, &Method::TxCommit);
    let mut actions = Vec::new();
    pair.server.fail(pair.now, ChannelId(1), HOLDER, refusal(), &mut actions);
    assert!(!pair.server.is_waiting());
    assert_eq!(pair.flush_confirms(), vec![]);
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    pair.expect_channel_close(&actions, (404, text, MethodId::BASIC_PUBLISH));
}

#[test]
fn commit_and_rollback_need_a_transaction() {
    for method in [Method::TxCommit, Method::TxRollback] {
        let mut pair = Pair::channel();
        let actions = pair.send(1, &method);
        let text = "PRECONDITION_FAILED - channel is not transactional";
        pair.expect_channel_close(&actions, (406, text, method.id()));
    }
}

#[test]
fn the_bytes_of_a_transaction_are_bounded() {
    let mut pair = transactional_with(Settings { tx_bytes_max: 5_000, ..Settings::default() });
    hold(&mut pair, &[1; 4_000]);
    pair.publish(1, &[1; 4_000]);
    let actions = pair.answer(Answer::Done);
    let text = "PRECONDITION_FAILED - transaction holds more than 5000 bytes of publishes";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_PUBLISH));
}

#[test]
fn the_entries_of_a_transaction_are_bounded() {
    let mut pair = transactional_with(Settings { tx_entries_max: 2, ..Settings::default() });
    for id in 1..=3 {
        pair.deliver(id);
    }
    pair.received();
    let actions = pair.send(1, &ack(3, true));
    let text = "PRECONDITION_FAILED - transaction holds more than 2 publishes and acknowledgements";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_ACK));
}

#[test]
fn a_recover_leaves_alone_what_the_transaction_has_settled() {
    let mut pair = transactional();
    pair.deliver(1);
    pair.deliver(2);
    pair.received();
    pair.send(1, &ack(1, false));
    let requeued = vec![settled(Outcome::Requeue, &[(2, 2)])];
    assert_eq!(pair.send(1, &Method::BasicRecover { requeue: true }), requeued);
    assert_eq!(pair.send(1, &Method::TxCommit), vec![settled(Outcome::Ack, &[(1, 1)])]);
}

#[test]
fn a_channel_that_closes_drops_its_transaction() {
    let mut pair = transactional();
    hold(&mut pair, b"a");
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    let closed = Action::ChannelClosed { channel: ChannelId(1), holder: HOLDER };
    assert_eq!(pair.send(1, &bye), vec![closed]);
    pair.send(1, &Method::ChannelOpen);
    assert_eq!(pair.write(&publish_frames(1, b"b")).len(), 1);
}
