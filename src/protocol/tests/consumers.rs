//! Consumers, prefetch and `basic.get`.

use super::pair::{Pair, QUEUE, Received, close, delivery, exchange, settled, short};
use crate::base::{ChannelId, ConsumerTag, DeliveryTag, FieldTable, HolderId, ReplyCode};
use crate::protocol::{Action, Answer, Got, Outcome, Refusal, Request};
use crate::wire::{BasicConsume, Method, MethodId};

fn tag(text: &str) -> ConsumerTag {
    text.try_into().expect("short")
}

fn consume(consumer_tag: &str, nowait: bool) -> BasicConsume {
    BasicConsume {
        queue: "q".try_into().expect("short"),
        consumer_tag: tag(consumer_tag),
        no_local: false,
        no_ack: false,
        exclusive: false,
        nowait,
        arguments: FieldTable::EMPTY,
    }
}

fn consuming(pair: &mut Pair, consumer_tag: &str) {
    pair.asks(1, &Method::BasicConsume(consume(consumer_tag, false)));
    assert_eq!(pair.answer(Answer::Consuming(tag(consumer_tag))), vec![]);
    let ok = Method::BasicConsumeOk { consumer_tag: tag(consumer_tag) };
    assert_eq!(pair.only_method(1), ok);
}

fn qos(prefetch_count: u16, global: bool) -> Method {
    Method::BasicQos { prefetch_size: 0, prefetch_count, global }
}

#[test]
fn a_consumer_gets_the_prefetch_of_its_channel() {
    let mut pair = Pair::channel();
    let asked = pair.asks(1, &Method::BasicConsume(consume("a", false)));
    assert_eq!(asked, Request::Consume { consume: consume("a", false), prefetch: 0 });
    pair.answer(Answer::Consuming(tag("a")));
    pair.received();
    assert_eq!(pair.call(1, &qos(10, false)), Method::BasicQosOk);
    let asked = pair.asks(1, &Method::BasicConsume(consume("b", false)));
    assert_eq!(asked, Request::Consume { consume: consume("b", false), prefetch: 10 });
}

#[test]
fn a_tag_made_by_the_server_is_told_and_remembered() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::BasicConsume(consume("", false)));
    pair.answer(Answer::Consuming(tag("amq.ctag-1")));
    let ok = Method::BasicConsumeOk { consumer_tag: tag("amq.ctag-1") };
    assert_eq!(pair.only_method(1), ok);
    let actions = pair.send(1, &Method::BasicConsume(consume("amq.ctag-1", false)));
    let text = "NOT_ALLOWED - attempt to reuse consumer tag 'amq.ctag-1'";
    pair.expect_connection_close(&actions, (530, text, MethodId::BASIC_CONSUME));
}

#[test]
fn a_tag_may_be_used_on_two_channels_and_again_after_a_cancel() {
    let mut pair = Pair::channel();
    consuming(&mut pair, "a");
    pair.send(2, &Method::ChannelOpen);
    pair.received();
    pair.asks(2, &Method::BasicConsume(consume("a", false)));
    pair.answer_to((2, 2), Answer::Consuming(tag("a")));
    pair.received();

    let cancel = Method::BasicCancel { consumer_tag: tag("a"), nowait: false };
    assert_eq!(pair.asks(1, &cancel), Request::Cancel(tag("a")));
    pair.answer(Answer::Done);
    assert_eq!(pair.only_method(1), Method::BasicCancelOk { consumer_tag: tag("a") });
    consuming(&mut pair, "a");
}

#[test]
fn a_refused_consumer_leaves_its_tag_free() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::BasicConsume(consume("a", false)));
    let refusal = Refusal {
        code: ReplyCode::AccessRefused,
        text: "queue 'q' in vhost '/' in exclusive use".to_owned(),
        failed: MethodId::default(),
    };
    let actions = pair.answer(Answer::Refused(refusal));
    let text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    pair.expect_channel_close(&actions, (403, text, MethodId::BASIC_CONSUME));
}

#[test]
fn cancel_of_an_unknown_tag_is_no_error() {
    let mut pair = Pair::channel();
    let cancel = |nowait| Method::BasicCancel { consumer_tag: tag("who"), nowait };
    assert_eq!(pair.call(1, &cancel(false)), Method::BasicCancelOk { consumer_tag: tag("who") });
    assert_eq!(pair.send(1, &cancel(true)), vec![]);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn nowait_is_asked_and_not_answered() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::BasicConsume(consume("a", true)));
    pair.answer(Answer::Consuming(tag("a")));
    assert_eq!(pair.received(), vec![]);
    pair.asks(1, &Method::BasicCancel { consumer_tag: tag("a"), nowait: true });
    pair.answer(Answer::Done);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn consumers_of_a_channel_are_bounded() {
    let mut pair = Pair::channel();
    for n in 0..65_535 {
        let name = format!("t{n}");
        pair.asks(1, &Method::BasicConsume(consume(&name, true)));
        pair.answer(Answer::Consuming(tag(&name)));
    }
    let actions = pair.send(1, &Method::BasicConsume(consume("one-too-many", false)));
    let text = "NOT_ALLOWED - reached maximum (65535) of consumers per channel";
    pair.expect_connection_close(&actions, (530, text, MethodId::BASIC_CONSUME));
}

#[test]
fn a_consumer_that_the_broker_cancels_is_told_when_the_client_takes_it() {
    let mut pair = Pair::channel();
    consuming(&mut pair, "a");
    pair.server.cancel_consumer(ChannelId(1), HolderId(1), &tag("a"));
    let cancel = Method::BasicCancel { consumer_tag: tag("a"), nowait: true };
    assert_eq!(pair.only_method(1), cancel);
    pair.server.cancel_consumer(ChannelId(1), HolderId(1), &tag("a"));
    assert_eq!(pair.received(), vec![]);
    consuming(&mut pair, "a");

    let mut pair = Pair::open_with(crate::protocol::Settings::default(), &[], 0);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    consuming(&mut pair, "a");
    pair.server.cancel_consumer(ChannelId(1), HolderId(1), &tag("a"));
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn a_prefetch_in_bytes_is_not_implemented() {
    let mut pair = Pair::channel();
    let bytes = Method::BasicQos { prefetch_size: 4096, prefetch_count: 0, global: false };
    let actions = pair.send(1, &bytes);
    let text = "NOT_IMPLEMENTED - prefetch_size!=0 (4096)";
    pair.expect_connection_close(&actions, (540, text, MethodId::BASIC_QOS));
}

fn shared(prefetch: Option<u32>, used: u32) -> Action {
    Action::ShareCredit { holder: HolderId(1), prefetch, used }
}

#[test]
fn a_global_prefetch_is_shared_credit_that_settlements_return() {
    let mut pair = Pair::channel();
    pair.deliver(1);
    pair.received();
    assert_eq!(pair.send(1, &qos(5, true)), vec![shared(Some(5), 1)]);
    assert_eq!(pair.only_method(1), Method::BasicQosOk);
    pair.deliver(2);
    let ack = Method::BasicAck { delivery_tag: DeliveryTag(2), multiple: true };
    let returned = Action::ReturnCredit { holder: HolderId(1), messages: 2 };
    assert_eq!(pair.send(1, &ack), vec![settled(Outcome::Ack, &[(1, 2)]), returned]);

    pair.received();
    assert_eq!(pair.send(1, &qos(0, true)), vec![shared(None, 0)]);
    pair.received();
    assert_eq!(pair.call(1, &qos(0, true)), Method::BasicQosOk);
    pair.deliver(3);
    let ack = Method::BasicAck { delivery_tag: DeliveryTag(3), multiple: false };
    assert_eq!(pair.send(1, &ack), vec![settled(Outcome::Ack, &[(3, 3)])]);
}

#[test]
fn a_prefetch_per_consumer_ends_the_shared_one() {
    let mut pair = Pair::channel();
    pair.send(1, &qos(5, true));
    pair.received();
    assert_eq!(pair.send(1, &qos(3, false)), vec![shared(None, 0)]);
    assert_eq!(pair.only_method(1), Method::BasicQosOk);
}

fn get(no_ack: bool) -> Method {
    Method::BasicGet { queue: "q".try_into().expect("short"), no_ack }
}

fn got(id: u64) -> Answer {
    Answer::Got(Box::new(Got { delivery: delivery(QUEUE, id), message_count: 4 }))
}

#[test]
fn a_message_that_was_got_has_a_tag_and_is_settled_without_credit() {
    let mut pair = Pair::channel();
    pair.send(1, &qos(5, true));
    pair.received();
    let queue = "q".try_into().expect("short");
    assert_eq!(pair.asks(1, &get(false)), Request::Get { queue, no_ack: false });
    assert_eq!(pair.answer(got(9)), vec![]);
    let ok = Method::BasicGetOk {
        delivery_tag: DeliveryTag(1),
        redelivered: false,
        exchange: exchange("logs"),
        routing_key: short("key"),
        message_count: 4,
    };
    let received = pair.received();
    assert_eq!(received.first(), Some(&Received::Method(1, ok)));
    assert_eq!(received.len(), 3);
    let ack = Method::BasicAck { delivery_tag: DeliveryTag(1), multiple: false };
    assert_eq!(pair.send(1, &ack), vec![settled(Outcome::Ack, &[(9, 9)])]);
}

#[test]
fn a_message_that_was_got_without_ack_has_a_tag_that_cannot_be_settled() {
    let mut pair = Pair::channel();
    pair.asks(1, &get(true));
    pair.answer(got(9));
    pair.received();
    let ack = Method::BasicAck { delivery_tag: DeliveryTag(1), multiple: false };
    let actions = pair.send(1, &ack);
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_ACK));
}

#[test]
fn an_empty_queue_answers_empty() {
    let mut pair = Pair::channel();
    pair.asks(1, &get(false));
    pair.answer(Answer::Empty);
    assert_eq!(pair.only_method(1), Method::BasicGetEmpty);
}

/// P7
#[test]
fn a_question_is_answered_before_the_next_frame_is_looked_at() {
    let mut pair = Pair::channel();
    pair.deliver(1);
    pair.received();
    let ack = Method::BasicAck { delivery_tag: DeliveryTag(1), multiple: false };
    let bytes: Vec<u8> = [&get(false), &get(false), &ack]
        .iter()
        .flat_map(|method| super::pair::method_frame(1, method))
        .collect();
    assert!(matches!(pair.write(&bytes)[..], [Action::Ask(_)]));
    assert_eq!(pair.recv(), vec![], "nothing is taken while it waits");
    assert!(matches!(pair.answer(Answer::Empty)[..], [Action::Ask(_)]));
    assert_eq!(pair.answer(Answer::Empty), vec![settled(Outcome::Ack, &[(1, 1)])]);
    let empty = || Received::Method(1, Method::BasicGetEmpty);
    assert_eq!(pair.received(), vec![empty(), empty()]);
}

#[test]
fn an_answer_for_a_channel_that_failed_meanwhile_is_ignored() {
    let mut pair = Pair::channel();
    pair.asks(1, &get(false));
    let mut actions = Vec::new();
    let refusal = Refusal {
        code: ReplyCode::PreconditionFailed,
        text: "delivery acknowledgement on channel 1 timed out".to_owned(),
        failed: MethodId::default(),
    };
    pair.server.fail(pair.now, ChannelId(1), HolderId(1), refusal, &mut actions);
    assert!(!pair.server.is_waiting());
    pair.received();
    assert_eq!(pair.answer(got(9)), vec![]);
    assert_eq!(pair.received(), vec![]);
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    assert_eq!(pair.call(1, &bye), Method::ChannelCloseOk);
}
