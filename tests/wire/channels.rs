//! The life of a channel (docs/reply-codes.md, channels).

use std::collections::BTreeSet;

use crate::support::methods::{basic, channel, exchange, queue};
use crate::support::{Broker, Call, Login, RawClient, id, on_oracle, refusal};

const NOT_OPEN: &str = "CHANNEL_ERROR - expected 'channel.open'";

fn with_channel_max(channel_max: u16) -> RawClient {
    RawClient::login(Broker::shared(), &Login::guest().channel_max(channel_max))
}

/// The refusal of a queue that is not there, the simplest soft error there is.
fn missing(client: &mut RawClient, number: u16) {
    let text = "NOT_FOUND - no queue 'missing' in vhost '/'";
    client.refused(number, &queue::purge("missing"), &refusal(404, text, id::QUEUE_PURGE));
}

#[test]
fn channel_open_is_answered_octet_by_octet() {
    let mut client = RawClient::shared();
    client.send_bytes(b"\x01\x01\x02\x00\x00\x00\x05\x00\x14\x00\x0a\x00\xce");
    client.expect_bytes(b"\x01\x01\x02\x00\x00\x00\x08\x00\x14\x00\x0b\x00\x00\x00\x00\xce");
    client.send_bytes(
        b"\x01\x01\x02\x00\x00\x00\x0b\x00\x14\x00\x28\x00\xc8\x00\x00\x00\x00\x00\xce",
    );
    client.expect_bytes(b"\x01\x01\x02\x00\x00\x00\x04\x00\x14\x00\x29\xce");
}

#[test]
fn a_method_on_a_channel_that_is_not_open_is_refused() {
    let cases = [
        (queue::declare("q"), id::QUEUE_DECLARE),
        (basic::qos(1), id::BASIC_QOS),
        (basic::ack(1), id::BASIC_ACK),
        (Call::of(id::TX_SELECT), id::TX_SELECT),
        (channel::flow(true), id::CHANNEL_FLOW),
    ];
    for (call, failed) in cases {
        let mut client = RawClient::shared();
        client.send(1, &call);
        client.expect_connection_close(&refusal(504, NOT_OPEN, failed));
    }
}

#[test]
fn closing_a_channel_that_is_not_open_is_refused() {
    let mut client = RawClient::shared();
    client.send(3, &channel::close());
    client.expect_connection_close(&refusal(504, NOT_OPEN, id::CHANNEL_CLOSE));
}

#[test]
fn publishing_on_a_channel_that_is_not_open_is_refused() {
    let mut client = RawClient::shared();
    client.publish(1, "", "q", "body");
    client.expect_connection_close(&refusal(504, NOT_OPEN, id::BASIC_PUBLISH));
}

#[test]
fn a_method_on_a_closed_channel_is_refused() {
    let mut client = RawClient::with_channel();
    client.close_channel(1);
    client.send(1, &queue::declare("q"));
    client.expect_connection_close(&refusal(504, NOT_OPEN, id::QUEUE_DECLARE));
}

#[test]
fn a_method_on_a_channel_that_was_refused_is_refused_after_close_ok() {
    let mut client = RawClient::with_channel();
    missing(&mut client, 1);
    client.send(1, &queue::declare("q"));
    client.expect_connection_close(&refusal(504, NOT_OPEN, id::QUEUE_DECLARE));
}

#[test]
fn a_second_open_is_refused() {
    let mut client = RawClient::with_channel();
    client.send(1, &channel::open());
    let text = "CHANNEL_ERROR - second 'channel.open' seen";
    client.expect_connection_close(&refusal(504, text, id::CHANNEL_OPEN));
}

#[test]
fn an_open_before_close_ok_is_refused() {
    let mut client = RawClient::with_channel();
    client.send(1, &queue::purge("missing"));
    client.expect(1, id::CHANNEL_CLOSE);
    client.send(1, &channel::open());
    let text = "CHANNEL_ERROR - second 'channel.open' seen";
    client.expect_connection_close(&refusal(504, text, id::CHANNEL_OPEN));
}

#[test]
fn a_number_can_be_used_again_after_close() {
    let mut client = RawClient::shared();
    for _ in 0..50 {
        client.open_channel(7);
        client.close_channel(7);
    }
    client.open_channel(7);
    client.exclusive_queue(7);
}

#[test]
fn a_number_can_be_used_again_after_a_refusal() {
    let mut client = RawClient::with_channel();
    for _ in 0..10 {
        missing(&mut client, 1);
        client.open_channel(1);
    }
    client.exclusive_queue(1);
}

#[test]
fn a_refused_channel_leaves_the_others_alone() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(2);
    missing(&mut client, 1);
    client.publish(2, "", &queue, "still here");
    assert_eq!(client.get(2, &queue).expect("the message").text(), "still here");
}

#[test]
fn frames_are_ignored_after_a_refusal_until_close_ok() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let name = client.exclusive_queue(2);
    client.send(1, &queue::purge("missing"));
    // All of this would be refused or do something on an open channel.
    client.send(1, &queue::purge("missing"));
    client.send(1, &basic::ack(99));
    client.publish(1, "", &name, "ignored");
    client.send(1, &queue::delete(&name));
    let text = "NOT_FOUND - no queue 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::QUEUE_PURGE));
    client.open_channel(1);
    client.expect_counts(2, &name, (0, 0));
    assert_eq!(client.get(1, &name), None);
}

#[test]
fn a_close_that_crosses_a_refusal_is_answered() {
    let mut client = RawClient::with_channel();
    client.send(1, &queue::purge("missing"));
    client.send(1, &channel::close());
    let mut close = client.expect(1, id::CHANNEL_CLOSE);
    assert_eq!(close.short(), 404);
    client.expect(1, id::CHANNEL_CLOSE_OK);
    client.send(1, &channel::close_ok());
    client.open_channel(1);
}

#[test]
fn the_highest_number_is_accepted() {
    let mut client = RawClient::shared();
    client.open_channel(2047);
    client.exclusive_queue(2047);
}

/// channel-max counts channels, it does not limit their numbers.
#[test]
fn a_number_above_channel_max_is_accepted() {
    let mut client = with_channel_max(2);
    client.open_channel(9);
    client.open_channel(65_535);
    client.exclusive_queue(65_535);
}

#[test]
fn one_channel_more_than_channel_max_is_refused() {
    let mut client = with_channel_max(3);
    for number in 1..=3 {
        client.open_channel(number);
    }
    client.send(4, &channel::open());
    let text = "NOT_ALLOWED - number of channels opened (3) has reached the negotiated \
                channel_max (3)";
    client.expect_connection_close(&refusal(530, text, id::NONE));
}

#[test]
fn a_closed_channel_makes_room_for_another() {
    let mut client = with_channel_max(1);
    for number in 1..=20 {
        client.open_channel(number);
        client.close_channel(number);
    }
}

#[test]
fn a_flood_of_channels_ends_at_channel_max() {
    let mut client = RawClient::shared();
    let flood: Vec<u8> = (1..=3000).flat_map(|number| channel::open().frame(number)).collect();
    client.send_bytes_in_vain(&flood);
    let mut opened = BTreeSet::new();
    let close = loop {
        let frame = client.next_frame();
        if frame.method() != Some(id::CHANNEL_OPEN_OK) {
            break frame;
        }
        opened.insert(frame.channel);
    };
    let all_in_order = opened.iter().copied().eq(1..=2047);
    assert!(all_in_order || on_oracle(), "{opened:?}"); // RabbitMQ opens channels at the same time.
    assert_eq!(close.method(), Some(id::CONNECTION_CLOSE), "{close:?}");
    let mut close = close.arguments();
    assert_eq!(close.short(), 530);
    assert_eq!(
        close.short_string(),
        "NOT_ALLOWED - number of channels opened (2047) has reached the negotiated channel_max \
         (2047)"
    );
    RawClient::with_channel().close();
}

#[test]
fn flow_on_is_answered() {
    let mut client = RawClient::with_channel();
    let mut answer = client.call(1, &channel::flow(true), id::CHANNEL_FLOW_OK);
    assert_eq!(answer.octet(), 1);
    answer.end();
}

#[test]
fn flow_off_is_not_implemented() {
    let mut client = RawClient::with_channel();
    let text = "NOT_IMPLEMENTED - active=false";
    client.refused(1, &channel::flow(false), &refusal(540, text, id::CHANNEL_FLOW));
}

#[test]
fn access_request_is_answered_with_a_ticket_that_nobody_needs() {
    let mut client = RawClient::with_channel();
    let request = Call::of(id::ACCESS_REQUEST).short_string("/data").octet(0b1_1111);
    let mut answer = client.call(1, &request, id::ACCESS_REQUEST_OK);
    assert_eq!(answer.short(), 1);
    answer.end();
}

#[test]
fn a_channel_that_closes_gives_back_what_it_holds() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    for body in ["a", "b", "c"] {
        client.publish(1, "", &queue, body);
    }
    client.expect_counts(1, &queue, (3, 0));
    client.get(2, &queue).expect("a");
    client.get(2, &queue).expect("b");
    client.close_channel(2);
    client.expect_counts(1, &queue, (3, 0));
    let again = client.get(1, &queue).expect("a");
    assert_eq!((again.text(), again.redelivered), ("a", true));
}

#[test]
fn a_channel_that_closes_ends_its_consumers() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.consume(2, &basic::consume(&queue, "tag"));
    client.expect_counts(1, &queue, (0, 1));
    client.close_channel(2);
    client.expect_counts(1, &queue, (0, 0));
    client.publish(1, "", &queue, "waits");
    client.expect_counts(1, &queue, (1, 0));
}

#[test]
fn an_unknown_exchange_type_ends_the_channel_only() {
    let mut client = RawClient::with_channel();
    let text = "PRECONDITION_FAILED - unknown exchange type 'x-nonsense'";
    let expected = refusal(406, text, id::EXCHANGE_DECLARE)
        .or_oracle(503, "COMMAND_INVALID - unknown exchange type 'x-nonsense'");
    client.refused(1, &exchange::declare("e", "x-nonsense"), &expected);
}
