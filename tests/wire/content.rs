//! Contents: method, header, bodies, and everything that is not in this order (spec: 4.2.6).

use crate::support::methods::{basic, exchange};
use crate::support::{Id, RawClient, content_header, id, on_oracle, refusal};

const EXPECTED_METHOD: &str =
    "UNEXPECTED_FRAME - expected method frame, got non method frame instead";
const EXPECTED_HEADER: &str = "UNEXPECTED_FRAME - expected content header for class 60, got non \
                               content header frame instead";
const EXPECTED_BODY: &str =
    "UNEXPECTED_FRAME - expected content body, got non content body frame instead";

fn is_refused(client: &mut RawClient, code: u16, text: &str, failed: Id) {
    client.expect_connection_close(&refusal(code, text, failed));
}

/// A channel that has announced a body of so many octets.
fn publishing(body_size: u64) -> (RawClient, String) {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.send(1, &basic::publish("", &queue));
    client.send_header(1, body_size, &[0, 0]);
    (client, queue)
}

#[test]
fn a_header_without_a_method_is_refused() {
    let mut client = RawClient::with_channel();
    client.send_header(1, 1, &[0, 0]);
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_body_without_a_method_is_refused() {
    let mut client = RawClient::with_channel();
    client.send_body(1, b"body");
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_body_after_a_method_without_content_is_refused() {
    let mut client = RawClient::with_channel();
    client.call(1, &basic::qos(1), id::BASIC_QOS_OK);
    client.send_body(1, b"body");
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_method_where_a_header_is_due_is_refused() {
    let mut client = RawClient::with_channel();
    client.send(1, &basic::publish("", "nowhere"));
    client.send(1, &basic::qos(1));
    is_refused(&mut client, 505, EXPECTED_HEADER, id::BASIC_PUBLISH);
}

#[test]
fn a_body_where_a_header_is_due_is_refused() {
    let mut client = RawClient::with_channel();
    client.send(1, &basic::publish("", "nowhere"));
    client.send_body(1, b"body");
    is_refused(&mut client, 505, EXPECTED_HEADER, id::BASIC_PUBLISH);
}

#[test]
fn a_header_of_another_class_is_refused() {
    let mut client = RawClient::with_channel();
    client.send(1, &basic::publish("", "nowhere"));
    client.send_frame(2, 1, &content_header(50, 1, &[0, 0]));
    let text = "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 \
                instead";
    is_refused(&mut client, 505, text, id::BASIC_PUBLISH);
}

#[test]
fn a_method_where_a_body_is_due_is_refused() {
    let (mut client, _) = publishing(4);
    client.send(1, &basic::qos(1));
    is_refused(&mut client, 505, EXPECTED_BODY, id::BASIC_PUBLISH);
    let (mut client, _) = publishing(4);
    client.send_body(1, b"hal");
    client.send(1, &basic::qos(1));
    is_refused(&mut client, 505, EXPECTED_BODY, id::BASIC_PUBLISH);
}

#[test]
fn a_second_header_where_a_body_is_due_is_refused() {
    let (mut client, _) = publishing(4);
    client.send_header(1, 4, &[0, 0]);
    is_refused(&mut client, 505, EXPECTED_BODY, id::BASIC_PUBLISH);
}

#[test]
fn a_body_longer_than_announced_is_refused() {
    if on_oracle() {
        return; // RabbitMQ 3.10 waits for ever.
    }
    let text = "FRAME_ERROR - content body frame exceeds remaining content size";
    let (mut client, _) = publishing(3);
    client.send_body(1, b"long");
    is_refused(&mut client, 501, text, id::BASIC_PUBLISH);
    let (mut client, _) = publishing(5);
    client.send_body(1, b"long");
    client.send_body(1, b"er");
    is_refused(&mut client, 501, text, id::BASIC_PUBLISH);
}

#[test]
fn a_body_after_the_whole_content_is_refused() {
    let (mut client, _) = publishing(4);
    client.send_body(1, b"body");
    client.send_body(1, b"more");
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_body_for_an_empty_content_is_refused() {
    let (mut client, _) = publishing(0);
    client.send_body(1, b"body");
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_body_that_is_never_whole_goes_with_its_connection() {
    let mut watcher = RawClient::with_channel();
    let queue = watcher.exclusive_queue(1);
    let mut client = RawClient::with_channel();
    client.send(1, &basic::publish("", &queue));
    client.send_header(1, 100, &[0, 0]);
    client.send_body(1, b"the beginning");
    client.close();
    assert_eq!(watcher.get(1, &queue), None);
}

#[test]
fn a_header_for_an_absurd_body_is_refused() {
    if on_oracle() {
        return; // RabbitMQ 3.10 has no such bound.
    }
    let (mut client, _) = publishing(512 * 1024 * 1024 + 1);
    let text = "FRAME_ERROR - content body size 536870913 exceeds maximum allowed size 536870912";
    is_refused(&mut client, 501, text, id::BASIC_PUBLISH);
    let (mut client, _) = publishing(u64::MAX);
    let text = "FRAME_ERROR - content body size 18446744073709551615 exceeds maximum allowed size \
                536870912";
    is_refused(&mut client, 501, text, id::BASIC_PUBLISH);
}

#[test]
fn an_empty_body_needs_no_frame() {
    let (mut client, queue) = publishing(0);
    let delivery = client.get(1, &queue).expect("the message");
    assert_eq!((delivery.body, delivery.properties), (Vec::new(), vec![0, 0]));
}

#[test]
fn empty_body_frames_count_for_nothing() {
    let (mut client, queue) = publishing(2);
    client.send_body(1, b"");
    client.send_body(1, b"h");
    client.send_body(1, b"");
    client.send_body(1, b"i");
    assert_eq!(client.get(1, &queue).expect("the message").text(), "hi");
}

#[test]
fn contents_of_different_channels_may_be_interleaved() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let queue = client.exclusive_queue(1);
    client.send(1, &basic::publish("", &queue));
    client.send(2, &basic::publish("", &queue));
    client.send_header(2, 4, &[0, 0]);
    client.send_header(1, 6, &[0, 0]);
    client.send_body(1, b"one");
    client.send_body(2, b"two!");
    assert_eq!(client.get(2, &queue).expect("the second").text(), "two!");
    assert_eq!(client.get(2, &queue), None, "the first is not whole");
    client.send_body(1, b"...");
    let first = client.get(1, &queue).expect("the first");
    assert_eq!(first.text(), "one...");
}

#[test]
fn a_body_on_another_channel_than_its_header_is_refused() {
    let (mut client, _) = publishing(4);
    client.open_channel(2);
    client.send_body(2, b"body");
    is_refused(&mut client, 505, EXPECTED_METHOD, id::NONE);
}

#[test]
fn a_large_body_comes_back_whole() {
    let (mut client, queue) = publishing(3_000_000);
    let body: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[(n % 3) as usize]).collect();
    for piece in body.chunks(131_064) {
        client.send_body(1, piece);
    }
    let delivery = client.get(1, &queue).expect("the message");
    assert!(delivery.body == body, "the body is changed");
}

#[test]
fn a_publish_to_a_missing_exchange_is_refused_after_its_content() {
    let mut client = RawClient::with_channel();
    client.send(1, &basic::publish("no such exchange", "k"));
    client.send_header(1, 4, &[0, 0]);
    client.send_body(1, b"body");
    let text = "NOT_FOUND - no exchange 'no such exchange' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    client.call(1, &exchange::delete("no such exchange"), id::EXCHANGE_DELETE_OK);
}

#[test]
fn properties_that_do_not_fill_their_header_are_refused() {
    for properties in [&b"\x80\x00\x05ab"[..], b"\x80\x00\x01ab", b"\x20\x00\x00\x00\x00\x09"] {
        let mut client = RawClient::with_channel();
        let queue = client.exclusive_queue(1);
        client.send(1, &basic::publish("", queue));
        client.send_header(1, 0, properties);
        let text = format!("FRAME_ERROR - cannot decode content header {properties:?}")
            .replace('[', "<<")
            .replace(']', ">>")
            .replace(", ", ",");
        let expected = refusal(501, text, id::BASIC_PUBLISH)
            .or_oracle(541, "INTERNAL_ERROR")
            .oracle_blames(id::NONE);
        client.expect_connection_close(&expected);
    }
}
