//! Frames that are no frames, or stand where they may not (spec: 4.2.3; docs/reply-codes.md, frames).

use crate::support::methods::{basic, connection, queue};
use crate::support::{Broker, Call, Id, Login, RawClient, frame, id, on_oracle, refusal};

/// Sends octets; the connection is closed with this code and text, no method being to blame. The
/// socket may stay open for some seconds after that, so only one test waits for its end.
fn is_refused(bytes: &[u8], code: u16, text: &str) -> RawClient {
    let mut client = RawClient::with_channel();
    client.send_bytes(bytes);
    client.expect_connection_close_only(&refusal(code, text, id::NONE));
    client
}

#[test]
fn a_frame_that_is_too_large_is_refused_before_its_payload_came() {
    let text = "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}";
    is_refused(b"\x03\x00\x01\x00\x02\x00\x01", 501, text);
    let text = "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4294967295,131064}";
    is_refused(b"\x01\x00\x01\xff\xff\xff\xff", 501, text);
}

#[test]
fn the_negotiated_frame_max_counts() {
    let mut client = RawClient::login(Broker::shared(), &Login::guest().frame_max(4096));
    client.send_bytes(b"\x01\x00\x01\x00\x00\x10\x01");
    let text = "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4097,4088}";
    client.expect_connection_close_only(&refusal(501, text, id::NONE));
}

/// Eight octets more than the limit are let through, because clients count the frame's own octets
/// wrongly.
#[test]
fn a_frame_that_forgets_its_own_octets_is_let_through() {
    let mut client = RawClient::login(Broker::shared(), &Login::guest().frame_max(4096));
    client.open_channel(1);
    let queue = client.exclusive_queue(1);
    client.send(1, &basic::publish("", &queue));
    client.send_header(1, 4096, &[0, 0]);
    client.send_body(1, &[b'x'; 4096]);
    let delivery = client.get(1, &queue).expect("the message");
    assert_eq!(delivery.body, [b'x'; 4096]);
}

#[test]
fn a_body_goes_out_in_frames_of_the_consumer_s_frame_max() {
    let mut client = RawClient::login(Broker::shared(), &Login::guest().frame_max(4096));
    client.open_channel(1);
    let queue = client.exclusive_queue(1);
    let mut large = RawClient::with_channel();
    large.send(1, &basic::publish("", &queue));
    large.send_header(1, 10_000, &[0, 0]);
    large.send_body(1, &[b'x'; 10_000]);
    client.consume(1, &basic::consume(&queue, "").with(basic::NO_ACK));
    client.expect(1, id::BASIC_DELIVER);
    assert_eq!(client.next_frame().kind, 2);
    let sizes = [0; 3].map(|_| client.next_frame().payload.len());
    assert_eq!(sizes, [4088, 4088, 10_000 - 2 * 4088]);
}

#[test]
fn a_bad_end_octet_is_refused() {
    let text = "FRAME_ERROR - type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,0}";
    is_refused(b"\x01\x00\x02\x00\x00\x00\x05\x00\x14\x00\x0a\x00\x00", 501, text);
}

/// RabbitMQ breaks lines of more than 80 columns, also within a reply text.
#[test]
fn of_a_long_payload_with_a_bad_end_octet_the_beginning_is_shown() {
    let cases = [
        (&b"sixteen letters, more"[..], 33, "<<\"sixteen letters,\">>"),
        (b"a quote \" and \\\x1b\n", 0, "<<\"a quote \\\" and \\\\\\e\">>"),
        (b"\"\\\x1b\n", 205, "<<\"\\\"\\\\\\e\\n\">>"),
        (b"\x00\x01\xff", 205, "<<0,1,255>>"),
    ];
    for (payload, end, shown) in cases {
        let which = if payload.len() > 16 { "first 16" } else { "all" };
        let mut bytes = frame(3, 1, payload);
        bytes.pop();
        bytes.push(end);
        let text = format!(
            "FRAME_ERROR - type 3, {which} octets = {shown}: {{invalid_frame_end_marker,{end}}}"
        );
        let mut client = RawClient::with_channel();
        client.send_bytes(&bytes);
        let mut got = client.expect(0, id::CONNECTION_CLOSE);
        assert_eq!(got.short(), 501);
        let got = got.short_string();
        let got = if on_oracle() { without_line_breaks(&got) } else { got };
        assert_eq!(got, text);
    }
}

fn without_line_breaks(text: &str) -> String {
    text.split('\n').map(str::trim_start).collect()
}

#[test]
fn nothing_is_heard_after_a_frame_that_lost_its_place_and_the_socket_ends() {
    let text = "FRAME_ERROR - type 8, all octets = <<>>: {invalid_frame_end_marker,0}";
    let mut client = is_refused(b"\x08\x00\x00\x00\x00\x00\x00\x00", 501, text);
    client.send_bytes_in_vain(&queue::declare("").frame(1));
    client.expect_end();
}

#[test]
fn an_unknown_frame_type_is_refused() {
    let text = "FRAME_ERROR - type 4, all octets = <<\"hi\">>: unknown_frame";
    is_refused(&frame(4, 1, b"hi"), 501, text);
    is_refused(&frame(4, 0, b"hi"), 501, text);
    let text = "FRAME_ERROR - type 255, all octets = <<>>: unknown_frame";
    is_refused(&frame(255, 7, b""), 501, text);
}

#[test]
fn a_frame_too_short_for_its_type_is_refused() {
    let text = "FRAME_ERROR - type 1, all octets = <<0,10,0>>: unknown_frame";
    is_refused(&frame(1, 1, &[0, 10, 0]), 501, text);
    let text = "FRAME_ERROR - type 2, all octets = <<0,60,0,0>>: unknown_frame";
    is_refused(&frame(2, 1, &[0, 60, 0, 0]), 501, text);
    let text = "FRAME_ERROR - type 8, all octets = <<1>>: unknown_frame";
    is_refused(&frame(8, 0, &[1]), 501, text);
}

#[test]
fn a_heartbeat_on_a_channel_is_refused() {
    is_refused(&frame(8, 1, b""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>");
    is_refused(&frame(8, 9, b""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>");
}

#[test]
fn a_content_on_channel_0_is_refused() {
    let text = "UNEXPECTED_FRAME - type 3, all octets = <<\"body\">>";
    is_refused(&frame(3, 0, b"body"), 505, text);
    let text = "UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,1,0,0>>";
    is_refused(&frame(2, 0, b"\0\x3c\0\0\0\0\0\0\0\0\0\x01\0\0"), 505, text);
}

#[test]
fn arguments_that_are_cut_short_are_refused() {
    let mut client = RawClient::with_channel();
    client.send_frame(1, 1, &[0, 50, 0, 10, 0, 0, 5, b'h']);
    let text = "FRAME_ERROR - cannot decode <<0,0,5,104>>";
    client.expect_connection_close(&refusal(501, text, id::QUEUE_DECLARE));
}

#[test]
fn arguments_with_something_behind_them_are_refused() {
    let mut client = RawClient::with_channel();
    client.send_frame(1, 1, &[0, 85, 0, 10, 0, 7]);
    let text = "FRAME_ERROR - cannot decode <<0,7>>";
    client.expect_connection_close(&refusal(501, text, id::CONFIRM_SELECT));
}

#[test]
fn a_table_that_is_none_is_refused() {
    let mut client = RawClient::with_channel();
    let mut payload = queue::declare("q").payload();
    payload.truncate(payload.len() - 4);
    payload.extend_from_slice(&[0, 0, 0, 3, 1, b'k', b'?']);
    client.send_frame(1, 1, &payload);
    let text = "FRAME_ERROR - cannot decode <<0,0,1,113,0,0,0,0,3,1,107,63>>";
    if on_oracle() {
        client.expect_end(); // RabbitMQ's reader dies of it.
    } else {
        client.expect_connection_close(&refusal(501, text, id::QUEUE_DECLARE));
    }
}

#[test]
fn a_text_longer_than_a_short_string_is_cut_and_ends_in_dots() {
    let mut client = RawClient::with_channel();
    client.send_frame(1, 1, &[&[0, 50, 0, 10, 0, 0, 255][..], &[200; 200]].concat());
    let full = format!("FRAME_ERROR - cannot decode <<0,0,255{}>>", ",200".repeat(200));
    let text = format!("{}...", &full[..252]);
    client.expect_connection_close(&refusal(501, text, id::QUEUE_DECLARE));
}

/// RabbitMQ 3.10 stops the connection without a word here.
#[test]
fn a_method_that_does_not_exist_is_refused() {
    for failed in [Id(99, 99), Id(50, 99), Id(0, 0), Id(60, 41), Id(10, 99)] {
        let channel = u16::from(failed.0 != 10);
        let mut client = RawClient::with_channel();
        client.send(channel, &Call::of(failed));
        if on_oracle() {
            while client.next_frame_or_end().is_some() {}
        } else {
            let text = "COMMAND_INVALID - unimplemented method";
            client.expect_connection_close(&refusal(503, text, failed));
        }
    }
}

/// What only a server sends is known, and still not implemented for a server.
#[test]
fn a_method_that_only_a_server_sends_is_refused() {
    for failed in [id::QUEUE_BIND_OK, id::BASIC_GET_EMPTY, id::TX_SELECT_OK] {
        let mut call = Call::of(failed);
        if failed == id::BASIC_GET_EMPTY {
            call = call.short_string("");
        }
        let text = "COMMAND_INVALID - unimplemented method";
        RawClient::with_channel().refused(1, &call, &refusal(503, text, failed));
    }
}

#[test]
fn a_method_of_the_connection_on_a_channel_is_refused() {
    let text = "COMMAND_INVALID - unimplemented method";
    let close = connection::close();
    RawClient::with_channel().refused(1, &close, &refusal(503, text, id::CONNECTION_CLOSE));
}

#[test]
fn half_a_frame_and_then_nothing_harms_nobody() {
    let declare = queue::declare("").with(queue::EXCLUSIVE).frame(1);
    for len in 1..declare.len() {
        let mut client = RawClient::with_channel();
        client.send_bytes(&declare[..len]);
        client.close_sending_side();
        client.expect_end();
    }
    RawClient::with_channel().exclusive_queue(1);
}

#[test]
fn frames_may_come_octet_by_octet() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let mut bytes = basic::publish("", &queue).frame(1);
    bytes.extend(frame(2, 1, b"\0\x3c\0\0\0\0\0\0\0\0\0\x05\0\0"));
    bytes.extend(frame(3, 1, b"he"));
    bytes.extend(frame(3, 1, b"llo"));
    for octet in bytes {
        client.send_bytes(&[octet]);
    }
    assert_eq!(client.get(1, &queue).expect("the message").text(), "hello");
}

#[test]
fn many_frames_may_come_at_once() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let one = [
        basic::publish("", &queue).frame(1),
        frame(2, 1, b"\0\x3c\0\0\0\0\0\0\0\0\0\x05\0\0"),
        frame(3, 1, b"hello"),
    ];
    client.send_bytes(&one.concat().repeat(500));
    client.expect_counts(1, &queue, (500, 0));
}
