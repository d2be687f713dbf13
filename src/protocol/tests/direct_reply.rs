//! Direct reply-to: the consumer of a channel, and what its requests look like.

use super::pair::{
    Pair, Received, body_frame, exchange, header_frame, method_frame, publish_method, short,
};
use crate::base::{
    Body, ChannelId, ConsumerTag, DIRECT_REPLY_TO, FieldTable, FieldValue, HolderId, Message,
    MessageHeader, PublishSequence, ReplyCode, ShortStr,
};
use crate::protocol::{Action, Answer, Publish, Refusal, Request};
use crate::wire::{BasicConsume, Method, MethodId, Properties};

const ADDRESS: &str = "amq.rabbitmq.reply-to.token";

fn tag(text: &str) -> ConsumerTag {
    text.try_into().expect("short")
}

fn consume(queue: &str, consumer_tag: &str, no_ack: bool) -> Method {
    Method::BasicConsume(BasicConsume {
        queue: queue.try_into().expect("short"),
        consumer_tag: tag(consumer_tag),
        no_local: false,
        no_ack,
        exclusive: true,
        nowait: false,
        arguments: FieldTable::EMPTY,
    })
}

fn consume_replies(consumer_tag: &str) -> Method {
    consume(DIRECT_REPLY_TO, consumer_tag, true)
}

fn set(pair: &mut Pair, address: &str) {
    assert_eq!(pair.asks(1, &consume_replies("r")), Request::ConsumeReplies(tag("r")));
    let answer = Answer::ConsumingReplies { consumer_tag: tag("r"), address: short(address) };
    assert_eq!(pair.answer(answer), vec![]);
    assert_eq!(pair.only_method(1), Method::BasicConsumeOk { consumer_tag: tag("r") });
}

fn properties(reply_to: &str) -> Vec<u8> {
    let headers = FieldTable::new(vec![(short("n"), FieldValue::I32(1))]);
    let all = Properties {
        content_type: Some(short("text/plain")),
        headers: Some(headers),
        correlation_id: Some(short("c")),
        reply_to: Some(short(reply_to)),
        message_id: Some(short("m")),
        ..Properties::default()
    };
    all.encode().to_vec()
}

fn publish_frames(properties: &[u8], body: &[u8]) -> Vec<u8> {
    let method = method_frame(1, &publish_method(false));
    let header = header_frame(1, body.len() as u64, properties);
    [method, header, body_frame(1, body)].concat()
}

fn request(properties: &[u8], sequence: Option<u64>) -> Action {
    let body = Body::One(bytes::Bytes::from_static(b"request"));
    let header = MessageHeader { has_headers: true, ..MessageHeader::default() };
    Action::Publish(Publish {
        channel: ChannelId(1),
        holder: HolderId(1),
        message: Message::new(&exchange("logs"), b"key", properties, body, header),
        mandatory: false,
        sequence: sequence.map(PublishSequence),
    })
}

/// P16, and everything but the property is left byte for byte as it was.
#[test]
fn a_request_names_where_the_replies_of_its_channel_go() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    let sent = publish_frames(&properties(DIRECT_REPLY_TO), b"request");
    let expected = vec![request(&properties(ADDRESS), None)];
    assert_eq!(pair.write(&sent), expected);
    // The long way, a frame at a time.
    let mut actions = Vec::new();
    for octet in sent {
        actions.extend(pair.write(&[octet]));
    }
    assert_eq!(actions, expected);
}

#[test]
fn another_reply_to_is_left_alone() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    for reply_to in ["mine", "", "amq.rabbitmq.reply-to.", "amq.rabbitmq.Reply-To", ADDRESS] {
        let sent = properties(reply_to);
        assert_eq!(pair.write(&publish_frames(&sent, b"request")), vec![request(&sent, None)]);
    }
}

#[test]
fn a_request_needs_the_consumer_of_its_channel_first() {
    let text = "PRECONDITION_FAILED - fast reply consumer does not exist";
    let refuses = |pair: &mut Pair| {
        let actions = pair.write(&publish_frames(&properties(DIRECT_REPLY_TO), b"request"));
        let [Action::Ask(ask)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(ask.request, Request::CheckPublish { exchange: exchange("logs") });
        let actions = pair.answer(Answer::Done);
        pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_PUBLISH));
    };
    refuses(&mut Pair::channel());
    refuses(&mut Pair::confirming());

    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    pair.asks(1, &Method::BasicCancel { consumer_tag: tag("r"), nowait: false });
    pair.answer(Answer::Done);
    assert_eq!(pair.only_method(1), Method::BasicCancelOk { consumer_tag: tag("r") });
    refuses(&mut pair);
}

#[test]
fn what_the_broker_has_against_the_request_counts_more() {
    let mut pair = Pair::channel();
    pair.write(&publish_frames(&properties(DIRECT_REPLY_TO), b"request"));
    let actions = pair.answer(Answer::Refused(Refusal {
        code: ReplyCode::NotFound,
        text: "no exchange 'logs' in vhost '/'".to_owned(),
        failed: MethodId::BASIC_PUBLISH,
    }));
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    pair.expect_channel_close(&actions, (404, text, MethodId::BASIC_PUBLISH));
}

#[test]
fn replies_cannot_be_acknowledged() {
    let mut pair = Pair::channel();
    let actions = pair.send(1, &consume(DIRECT_REPLY_TO, "r", false));
    let text = "PRECONDITION_FAILED - reply consumer cannot acknowledge";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_CONSUME));
}

#[test]
fn a_channel_has_one_consumer_of_replies() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    let actions = pair.send(1, &consume_replies("other"));
    let text = "PRECONDITION_FAILED - reply consumer already set";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_CONSUME));
}

#[test]
fn its_tag_is_a_tag_like_any_other() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    let actions = pair.send(1, &consume("q", "r", true));
    let text = "NOT_ALLOWED - attempt to reuse consumer tag 'r'";
    pair.expect_connection_close(&actions, (530, text, MethodId::BASIC_CONSUME));
}

#[test]
fn a_cancelled_consumer_may_be_followed_by_another() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    let cancel = Method::BasicCancel { consumer_tag: tag("r"), nowait: true };
    assert_eq!(pair.asks(1, &cancel), Request::Cancel(tag("r")));
    pair.answer(Answer::Done);
    assert_eq!(pair.received(), vec![]);
    set(&mut pair, "amq.rabbitmq.reply-to.other");
    let sent = publish_frames(&properties(DIRECT_REPLY_TO), b"request");
    let expected = request(&properties("amq.rabbitmq.reply-to.other"), None);
    assert_eq!(pair.write(&sent), vec![expected]);
}

#[test]
fn a_cancel_of_another_consumer_leaves_the_replies() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    pair.asks(1, &consume("q", "c", true));
    pair.answer(Answer::Consuming(tag("c")));
    pair.asks(1, &Method::BasicCancel { consumer_tag: tag("c"), nowait: true });
    pair.answer(Answer::Done);
    let sent = publish_frames(&properties(DIRECT_REPLY_TO), b"request");
    assert_eq!(pair.write(&sent), vec![request(&properties(ADDRESS), None)]);
}

#[test]
fn an_empty_queue_name_may_stand_for_the_pseudo_queue() {
    let mut pair = Pair::channel();
    pair.asks(
        1,
        &Method::QueueDeclare(crate::wire::QueueDeclare {
            queue: DIRECT_REPLY_TO.try_into().expect("short"),
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        }),
    );
    let queue = DIRECT_REPLY_TO.try_into().expect("short");
    pair.answer(Answer::QueueDeclared { queue, message_count: 0, consumer_count: 1 });
    pair.received();
    assert_eq!(pair.asks(1, &consume("", "r", true)), Request::ConsumeReplies(tag("r")));
}

#[test]
fn a_request_in_a_transaction_is_refused_or_addressed_when_it_comes() {
    let mut pair = Pair::channel();
    assert_eq!(pair.call(1, &Method::TxSelect), Method::TxSelectOk);
    set(&mut pair, ADDRESS);
    pair.write(&publish_frames(&properties(DIRECT_REPLY_TO), b"request"));
    pair.answer(Answer::Done);
    pair.asks(1, &Method::BasicCancel { consumer_tag: tag("r"), nowait: true });
    pair.answer(Answer::Done);
    let expected = request(&properties(ADDRESS), Some(1));
    assert_eq!(pair.send(1, &Method::TxCommit), vec![expected]);
}

#[test]
fn a_reply_is_a_delivery_that_wants_no_ack() {
    let mut pair = Pair::channel();
    set(&mut pair, ADDRESS);
    let body = Body::One(bytes::Bytes::from_static(b"reply"));
    let key = ShortStr::try_from(ADDRESS).expect("short");
    let reply =
        Message::new(&exchange(""), key.as_bytes(), &[0, 0], body, MessageHeader::default());
    for delivery_tag in 1..=2 {
        pair.server.deliver_reply(ChannelId(1), HolderId(1), &tag("r"), &reply);
        let received = pair.received();
        let [Received::Method(1, Method::BasicDeliver { .. }), _, Received::Body(1, body)] =
            &received[..]
        else {
            panic!("{received:?}");
        };
        let Received::Method(_, method) = &received[0] else { unreachable!() };
        assert_eq!(
            *method,
            Method::BasicDeliver {
                consumer_tag: tag("r"),
                delivery_tag: crate::base::DeliveryTag(delivery_tag),
                redelivered: false,
                exchange: exchange(""),
                routing_key: key.clone(),
            }
        );
        assert_eq!(body.as_ref(), b"reply");
    }
    pair.server.deliver_reply(ChannelId(1), HolderId(9), &tag("r"), &reply);
    assert_eq!(pair.received(), vec![], "of an opening that is over");
    let ack = Method::BasicAck { delivery_tag: crate::base::DeliveryTag(1), multiple: false };
    let actions = pair.send(1, &ack);
    let text = "PRECONDITION_FAILED - unknown delivery tag 1";
    pair.expect_channel_close(&actions, (406, text, MethodId::BASIC_ACK));
}
