//! Deliveries and what clients say of them.

use super::pair::{Pair, QUEUE, Received, delivery, exchange, method_frame, settled, short};
use crate::base::{ChannelId, DeliveryTag, HolderId, MessageId, QueueId};
use crate::protocol::{Action, Outcome, Settle};
use crate::wire::{Method, MethodId};

fn ack(tag: u64, multiple: bool) -> Method {
    Method::BasicAck { delivery_tag: DeliveryTag(tag), multiple }
}

fn nack(tag: u64, multiple: bool, requeue: bool) -> Method {
    Method::BasicNack { delivery_tag: DeliveryTag(tag), multiple, requeue }
}

fn reject(tag: u64, requeue: bool) -> Method {
    Method::BasicReject { delivery_tag: DeliveryTag(tag), requeue }
}

/// A channel that was handed messages 1 to `count`, with these tags.
fn delivered(count: u64) -> Pair {
    let mut pair = Pair::channel();
    for id in 1..=count {
        pair.deliver(id);
    }
    pair.received();
    pair
}

#[test]
fn a_delivery_is_written_with_its_content_and_tags_from_1() {
    let mut pair = Pair::channel();
    pair.deliver(10);
    pair.deliver(11);
    let received = pair.received();
    let deliver = |n| {
        Received::Method(
            1,
            Method::BasicDeliver {
                consumer_tag: "tag".try_into().expect("short"),
                delivery_tag: DeliveryTag(n),
                redelivered: false,
                exchange: exchange("logs"),
                routing_key: short("key"),
            },
        )
    };
    assert_eq!(received.len(), 6);
    assert_eq!((&received[0], &received[3]), (&deliver(1), &deliver(2)));
    assert!(matches!(&received[1], Received::Header { channel: 1, size: 1, .. }));
    assert!(matches!(&received[2], Received::Body(1, body) if &body[..] == b"m"));
}

#[test]
fn acks_of_one_read_are_one_settlement_of_runs() {
    let mut pair = delivered(10);
    let bytes: Vec<u8> =
        [1, 2, 3, 7, 5].iter().flat_map(|tag| method_frame(1, &ack(*tag, false))).collect();
    assert_eq!(pair.write(&bytes), vec![settled(Outcome::Ack, &[(1, 3), (7, 7), (5, 5)])]);
    assert_eq!(pair.send(1, &ack(8, true)), vec![settled(Outcome::Ack, &[(4, 4), (6, 6), (8, 8)])]);
    assert_eq!(pair.send(1, &ack(0, true)), vec![settled(Outcome::Ack, &[(9, 10)])]);
    assert_eq!(pair.send(1, &ack(0, true)), vec![]);
}

#[test]
fn nack_and_reject_requeue_or_discard() {
    let mut pair = delivered(6);
    let failed = vec![settled(Outcome::RequeueFailed, &[(1, 1)])];
    assert_eq!(pair.send(1, &reject(1, true)), failed, "a nack says something else of the message");
    assert_eq!(pair.send(1, &reject(2, false)), vec![settled(Outcome::Discard, &[(2, 2)])]);
    assert_eq!(pair.send(1, &nack(3, false, true)), vec![settled(Outcome::Requeue, &[(3, 3)])]);
    assert_eq!(pair.send(1, &nack(5, true, false)), vec![settled(Outcome::Discard, &[(4, 5)])]);
    assert_eq!(pair.send(1, &nack(0, true, true)), vec![settled(Outcome::Requeue, &[(6, 6)])]);
}

#[test]
fn messages_of_two_queues_are_settled_apart() {
    let mut pair = Pair::channel();
    let (channel, holder) = (ChannelId(1), HolderId(1));
    let tag = "tag".try_into().expect("short");
    for (queue, id) in [(1, 5), (2, 5), (1, 6), (2, 9)] {
        pair.server.deliver(channel, holder, &tag, true, &delivery(queue, id));
    }
    let settle = |queue, runs: &[u64]| {
        let messages = runs.iter().map(|id| (MessageId(*id), MessageId(*id))).collect();
        Action::Settle(Settle { holder, queue: QueueId(queue), outcome: Outcome::Ack, messages })
    };
    let first = Action::Settle(Settle {
        holder,
        queue: QueueId(1),
        outcome: Outcome::Ack,
        messages: vec![(MessageId(5), MessageId(6))],
    });
    assert_eq!(pair.send(1, &ack(4, true)), vec![first, settle(2, &[5, 9])]);
}

#[test]
fn an_unknown_or_used_tag_ends_the_channel() {
    let cases = [
        (ack(4, false), 4, MethodId::BASIC_ACK),
        (ack(4, true), 4, MethodId::BASIC_ACK),
        (ack(0, false), 0, MethodId::BASIC_ACK),
        (ack(2, false), 2, MethodId::BASIC_ACK),
        // rabbitmq: a settled tag is unknown to `multiple` as well, though others lie below it.
        (ack(2, true), 2, MethodId::BASIC_ACK),
        (nack(9, false, true), 9, MethodId::BASIC_NACK),
        (reject(2, true), 2, MethodId::BASIC_REJECT),
    ];
    for (method, tag, failed) in cases {
        let mut pair = delivered(3);
        pair.send(1, &ack(2, false));
        let actions = pair.send(1, &method);
        let text = format!("PRECONDITION_FAILED - unknown delivery tag {tag}");
        pair.expect_channel_close(&actions, (406, &text, failed));
    }
}

#[test]
fn an_automatic_delivery_has_a_tag_that_cannot_be_settled() {
    let mut pair = Pair::channel();
    let tag = "tag".try_into().expect("short");
    pair.server.deliver(ChannelId(1), HolderId(1), &tag, false, &delivery(QUEUE, 1));
    pair.deliver(2);
    assert_eq!(pair.send(1, &ack(2, false)), vec![settled(Outcome::Ack, &[(2, 2)])]);
    let actions = pair.send(1, &ack(1, false));
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_ACK));
}

#[test]
fn an_ack_stays_behind_the_publish_it_was_sent_after() {
    let mut pair = delivered(2);
    let mut bytes = method_frame(1, &ack(1, false));
    bytes.extend(super::pair::publish_frames(1, b"x"));
    bytes.extend(method_frame(1, &ack(2, false)));
    let expected = vec![
        settled(Outcome::Ack, &[(1, 1)]),
        super::pair::published(b"x", None),
        settled(Outcome::Ack, &[(2, 2)]),
    ];
    assert_eq!(pair.write(&bytes), expected);
}

#[test]
fn recover_gives_everything_back_and_needs_requeue() {
    let mut pair = delivered(3);
    pair.send(1, &ack(2, false));
    let requeued = vec![settled(Outcome::Requeue, &[(1, 1), (3, 3)])];
    assert_eq!(pair.send(1, &Method::BasicRecover { requeue: true }), requeued);
    assert_eq!(pair.only_method(1), Method::BasicRecoverOk);
    assert_eq!(pair.call(1, &Method::BasicRecover { requeue: true }), Method::BasicRecoverOk);

    pair.deliver(3);
    pair.received();
    let again = vec![settled(Outcome::Requeue, &[(3, 3)])];
    assert_eq!(pair.send(1, &Method::BasicRecoverAsync { requeue: true }), again);
    assert_eq!(pair.received(), vec![], "the asynchronous form is not answered");

    for method in
        [Method::BasicRecover { requeue: false }, Method::BasicRecoverAsync { requeue: false }]
    {
        let mut pair = delivered(1);
        let actions = pair.send(1, &method);
        let text = "NOT_IMPLEMENTED - requeue=false";
        pair.expect_connection_close(&actions, (540, text, method.id()));
    }
}

#[test]
fn nothing_is_delivered_to_a_channel_that_is_closing_or_gone() {
    let mut pair = delivered(1);
    let actions = pair.send(1, &ack(9, false));
    assert_eq!(actions.len(), 2);
    pair.received();
    pair.deliver(2);
    assert_eq!(pair.received(), vec![]);
    pair.send(1, &Method::ChannelCloseOk);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    pair.deliver(3);
    assert_eq!(pair.received(), vec![], "the holder is of the opening before");
}

#[test]
fn bodies_are_cut_to_the_clients_frame_max() {
    let mut pair = Pair::tuning(crate::protocol::Settings::default());
    pair.send(0, &Method::ConnectionTuneOk { channel_max: 1, frame_max: 4096, heartbeat_s: 0 });
    pair.send(0, &Method::ConnectionOpen { vhost: super::pair::vhost() });
    pair.answer(crate::protocol::Answer::Done);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    let mut large = delivery(QUEUE, 1);
    large.message = super::pair::message(&[7; 10_000]);
    let tag = "tag".try_into().expect("short");
    pair.server.deliver(ChannelId(1), HolderId(1), &tag, true, &large);
    let sizes: Vec<usize> = pair
        .received()
        .iter()
        .filter_map(|received| match received {
            Received::Body(1, body) => Some(body.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [4088, 4088, 1824]);
}
