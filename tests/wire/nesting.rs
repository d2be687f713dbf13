//! Field tables within field tables, deeper than any stack: the server must not fall.

use crate::support::methods::{basic, queue};
use crate::support::{Broker, Call, RawClient, Table, frame, id, on_oracle, refusal, unique};

const LEVELS: usize = 5000;

const TOO_DEEP: &str = "FRAME_ERROR - field table is nested deeper than 64 levels";

fn the_server_still_stands() {
    RawClient::with_channel().exclusive_queue(1);
}

/// A `start-ok` with such client properties, and such a response.
fn start_ok(properties: &Table, mechanism: &str, response: &[u8]) -> Call {
    Call::of(id::CONNECTION_START_OK)
        .long_string(properties.contents())
        .short_string(mechanism)
        .long_string(response)
        .short_string("en_US")
}

/// Some fill a frame before login to its brim, some are too large for it. The server may answer as it
/// sees fit, at once or after a pause, so they wait together.
#[test]
fn deep_tables_before_login_harm_nobody() {
    let mut calls: Vec<Call> = [65, 500, 1100, LEVELS]
        .map(|levels| start_ok(&Table::nested(levels), "PLAIN", b"\0guest\0guest"))
        .to_vec();
    for levels in [65, 1000, LEVELS] {
        calls.push(start_ok(&Table::new(), "AMQPLAIN", Table::nested(levels).contents()));
    }
    let mut waiting: Vec<RawClient> = calls
        .iter()
        .map(|call| {
            let mut client = RawClient::connect(Broker::shared());
            client.send_bytes(b"AMQP\x00\x00\x09\x01");
            client.expect(0, id::CONNECTION_START);
            client.send_bytes_in_vain(&call.frame(0));
            client.close_sending_side();
            client
        })
        .collect();
    for client in &mut waiting {
        while client.next_frame_or_end().is_some() {}
    }
    the_server_still_stands();
}

/// RabbitMQ takes any depth.
#[test]
fn deep_arguments_after_login_are_refused() {
    let mut client = RawClient::with_channel();
    let declare =
        queue::declare(unique("deep")).with(queue::EXCLUSIVE).arguments(Table::nested(LEVELS));
    client.send(1, &declare);
    if on_oracle() {
        client.expect(1, id::QUEUE_DECLARE_OK);
    } else {
        client.expect_connection_close(&refusal(501, TOO_DEEP, id::QUEUE_DECLARE));
    }
    the_server_still_stands();
}

#[test]
fn deep_arrays_after_login_are_refused() {
    let mut value = vec![b'A', 0, 0, 0, 0];
    for _ in 0..200 {
        let len = u32::try_from(value.len()).expect("small");
        value = [&b"A"[..], &len.to_be_bytes(), &value].concat();
    }
    let mut client = RawClient::with_channel();
    let declare = queue::declare(unique("deep"))
        .with(queue::EXCLUSIVE)
        .arguments(Table::new().raw("k", &value));
    client.send(1, &declare);
    if on_oracle() {
        client.expect(1, id::QUEUE_DECLARE_OK);
    } else {
        client.expect_connection_close(&refusal(501, TOO_DEEP, id::QUEUE_DECLARE));
    }
}

#[test]
fn deep_message_headers_are_refused() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send(1, &basic::publish("", &queue));
    let headers = [&[0x20, 0][..], &Table::nested(LEVELS).with_length()].concat();
    client.send_header(1, 0, &headers);
    if on_oracle() {
        assert_eq!(client.get(1, &queue).expect("the message").properties, headers);
    } else {
        client.expect_connection_close(&refusal(501, TOO_DEEP, id::BASIC_PUBLISH));
    }
    the_server_still_stands();
}

#[test]
fn tables_as_deep_as_clients_build_them_are_accepted() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let headers = [&[0x20, 0][..], &Table::nested(50).with_length()].concat();
    client.send_publish(1, &basic::publish("", &queue), &headers, "deep enough");
    assert_eq!(client.get(1, &queue).expect("the message").properties, headers);
}

/// A length that promises more than the frame holds must not reserve it.
#[test]
fn a_table_that_lies_about_its_length_is_refused() {
    let mut payload = queue::declare("q").payload();
    payload.truncate(payload.len() - 4);
    payload.extend_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let mut client = RawClient::with_channel();
    client.send_bytes(&frame(1, 1, &payload));
    let text = "FRAME_ERROR - cannot decode <<0,0,1,113,0,255,255,255,255>>";
    client.expect_connection_close(&refusal(501, text, id::QUEUE_DECLARE));
}
