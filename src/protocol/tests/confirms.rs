//! Publisher confirms and returns.

use super::pair::{Pair, Received, message, method_frame, publish_frames, published};
use crate::base::{ChannelId, DeliveryTag, HolderId, PublishSequence, ReplyCode};
use crate::protocol::{Action, Answer, Publish, Refusal};
use crate::wire::{Method, MethodId};

const HOLDER: HolderId = HolderId(1);

fn seq(n: u64) -> PublishSequence {
    PublishSequence(n)
}

fn ack(tag: u64, multiple: bool) -> Received {
    Received::Method(1, Method::BasicAck { delivery_tag: DeliveryTag(tag), multiple })
}

fn nack(tag: u64) -> Received {
    let delivery_tag = DeliveryTag(tag);
    Received::Method(1, Method::BasicNack { delivery_tag, multiple: false, requeue: true })
}

#[test]
fn publishes_are_numbered_from_1_after_confirm_select() {
    let mut pair = Pair::channel();
    assert_eq!(pair.publish(1, b"a"), vec![published(b"a", None)]);
    assert_eq!(pair.send(1, &Method::ConfirmSelect { nowait: true }), vec![]);
    assert_eq!(pair.publish(1, b"b"), vec![published(b"b", Some(1))]);
    let select = Method::ConfirmSelect { nowait: false };
    assert_eq!(pair.call(1, &select), Method::ConfirmSelectOk);
    assert_eq!(pair.publish(1, b"c"), vec![published(b"c", Some(2))]);
}

#[test]
fn the_confirms_of_a_turn_are_one_ack() {
    let mut pair = Pair::confirming();
    for n in 1..=4 {
        pair.publish(1, b"x");
        pair.server.published(HOLDER, seq(n), 1);
    }
    pair.server.confirmed(HOLDER, seq(1), seq(3));
    assert_eq!(pair.received(), vec![], "nothing is written before the end of the turn");
    assert_eq!(pair.flush_confirms(), vec![]);
    assert_eq!(pair.received(), vec![ack(3, true)]);
    pair.server.refused(HOLDER, seq(4));
    pair.flush_confirms();
    assert_eq!(pair.received(), vec![nack(4)]);
    assert_eq!(pair.flush_confirms(), vec![]);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn a_return_comes_before_its_confirm() {
    let mut pair = Pair::confirming();
    let actions = pair.publish(1, b"lost");
    let [Action::Publish(publish)] = &actions[..] else { panic!("{actions:?}") };
    pair.server.returned(publish);
    pair.server.published(HOLDER, seq(1), 0);
    pair.flush_confirms();
    let returned = Method::BasicReturn {
        reply_code: 312,
        reply_text: super::pair::short("NO_ROUTE"),
        exchange: super::pair::exchange("logs"),
        routing_key: super::pair::short("key"),
    };
    let received = pair.received();
    assert_eq!(received.len(), 4);
    assert_eq!(received.first(), Some(&Received::Method(1, returned)));
    assert!(matches!(&received[1], Received::Header { size: 4, .. }), "{received:?}");
    assert_eq!(received.last(), Some(&ack(1, false)));
}

#[test]
fn confirms_of_a_closed_channel_go_nowhere() {
    let mut pair = Pair::confirming();
    pair.publish(1, b"x");
    let mut actions = Vec::new();
    let refusal = Refusal {
        code: ReplyCode::NotFound,
        text: "no exchange 'logs' in vhost '/'".to_owned(),
        failed: MethodId::BASIC_PUBLISH,
    };
    pair.server.fail(pair.now, ChannelId(1), HOLDER, refusal, &mut actions);
    pair.received();
    pair.server.published(HOLDER, seq(1), 1);
    pair.server.confirmed(HOLDER, seq(1), seq(1));
    let channel = ChannelId(1);
    let publish = Publish {
        channel,
        holder: HOLDER,
        message: message(b"x"),
        mandatory: true,
        sequence: None,
    };
    pair.server.returned(&publish);
    pair.flush_confirms();
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn what_was_confirmed_before_an_error_is_told_before_it() {
    let mut pair = Pair::confirming();
    pair.write(&[publish_frames(1, b"a"), publish_frames(1, b"b")].concat());
    pair.server.published(HOLDER, seq(1), 0);
    let mut actions = Vec::new();
    let refusal = Refusal {
        code: ReplyCode::NotFound,
        text: "no exchange 'logs' in vhost '/'".to_owned(),
        failed: MethodId::BASIC_PUBLISH,
    };
    pair.server.fail(pair.now, ChannelId(1), HOLDER, refusal, &mut actions);
    let received = pair.received();
    assert_eq!(received.first(), Some(&ack(1, false)));
    assert!(matches!(received.last(), Some(Received::Method(1, Method::ChannelClose(_)))));
}

#[test]
fn what_was_confirmed_before_a_close_is_told_before_close_ok() {
    let mut pair = Pair::confirming();
    let bye = super::pair::close(200, "bye", MethodId::default());
    let bytes = [publish_frames(1, b"a"), method_frame(1, &Method::ChannelClose(bye))].concat();
    pair.write(&bytes);
    pair.server.published(HOLDER, seq(1), 0);
    pair.answer(Answer::Done);
    assert_eq!(pair.received(), vec![ack(1, false), Received::Method(1, Method::ChannelCloseOk)]);
}

#[test]
fn modes_of_a_channel_exclude_each_other() {
    let mut pair = Pair::confirming();
    let actions = pair.send(1, &Method::TxSelect);
    let text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode";
    pair.expect_channel_close(&actions, (406, text, MethodId::TX_SELECT));

    let mut pair = Pair::channel();
    assert_eq!(pair.call(1, &Method::TxSelect), Method::TxSelectOk);
    assert_eq!(pair.call(1, &Method::TxSelect), Method::TxSelectOk);
    let actions = pair.send(1, &Method::ConfirmSelect { nowait: false });
    let text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode";
    pair.expect_channel_close(&actions, (406, text, MethodId::CONFIRM_SELECT));
}
