//! Frames that may not stand where they stand (wire-level errors after login).

use super::pair::{Pair, frame, header_frame, method_frame, publish_method};
use crate::protocol::Action;
use crate::wire::{Method, MethodId};

#[test]
fn a_frame_that_is_too_large_is_refused_by_its_header() {
    let mut pair = Pair::channel();
    let actions = pair.write(&[&[3, 0, 1][..], &131_073u32.to_be_bytes()].concat());
    let text = "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

#[test]
fn eight_octets_more_than_negotiated_are_let_through() {
    let mut pair = Pair::channel();
    let size = 131_072;
    let mut bytes = method_frame(1, &publish_method(false));
    bytes.extend(header_frame(1, size, &[0, 0]));
    bytes.extend(frame(3, 1, &vec![1; usize::try_from(size).expect("small")]));
    assert!(matches!(pair.write(&bytes)[..], [Action::Publish(_)]));
}

#[test]
fn a_wrong_end_octet_loses_sync_and_ends_the_socket_after_a_pause() {
    let mut pair = Pair::channel();
    let mut bytes = frame(1, 1, &[0, 20, 0, 20, 1]);
    *bytes.last_mut().expect("an end octet") = 7;
    let actions = pair.write(&bytes);
    let text = "FRAME_ERROR - type 1, all octets = <<0,20,0,20,1>>: {invalid_frame_end_marker,7}";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
    assert_eq!(pair.server.state(), "closed");
}

#[test]
fn only_the_first_sixteen_octets_are_shown() {
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(9, 1, b"abcdefghijklmnopqrstuvwxyz"));
    let text = "FRAME_ERROR - type 9, first 16 octets = <<\"abcdefghijklmnop\">>: unknown_frame";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

#[test]
fn a_method_frame_without_its_numbers_is_of_no_known_kind() {
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(1, 1, &[0, 20]));
    let text = "FRAME_ERROR - type 1, all octets = <<0,20>>: unknown_frame";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

#[test]
fn a_heartbeat_stands_on_channel_0_and_is_empty() {
    let mut pair = Pair::channel();
    assert_eq!(pair.write(&frame(8, 0, b"")), vec![]);
    assert_eq!(pair.received(), vec![]);
    let actions = pair.write(&frame(8, 1, b""));
    let text = "UNEXPECTED_FRAME - type 8, all octets = <<>>";
    pair.expect_connection_close(&actions, (505, text, MethodId::default()));

    let mut pair = Pair::channel();
    let actions = pair.write(&frame(8, 0, b"\x01"));
    let text = "FRAME_ERROR - type 8, all octets = <<1>>: unknown_frame";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

#[test]
fn content_on_channel_0_is_refused() {
    for kind in [2, 3] {
        let mut pair = Pair::channel();
        let actions = pair.write(&frame(kind, 0, &[1, 2]));
        let text = format!("UNEXPECTED_FRAME - type {kind}, all octets = <<1,2>>");
        pair.expect_connection_close(&actions, (505, &text, MethodId::default()));
    }
}

#[test]
fn arguments_that_are_too_short_or_too_long_are_refused() {
    for (arguments, shown) in [(&[][..], "<<>>"), (&[1, 2][..], "<<1,2>>")] {
        let mut pair = Pair::channel();
        let actions = pair.write(&frame(1, 1, &[&[0, 20, 0, 20], arguments].concat()));
        let text = format!("FRAME_ERROR - cannot decode {shown}");
        pair.expect_connection_close(&actions, (501, &text, MethodId::CHANNEL_FLOW));
    }
}

#[test]
fn an_error_text_is_cut_to_a_short_string() {
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(1, 1, &[&[0, 20, 0, 20][..], &[200; 300]].concat()));
    let Method::ConnectionClose(close) = pair.only_method(0) else { panic!("{actions:?}") };
    assert_eq!(close.reply_text.as_bytes().len(), 255);
    assert!(close.reply_text.to_text().ends_with(",200,20..."), "{}", close.reply_text);
}

#[test]
fn a_name_that_is_not_utf8_is_refused() {
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(1, 1, b"\0\x3c\0\x28\0\0\x01\xff\x00\x00"));
    let text = "FRAME_ERROR - Malformed UTF-8 in shortstr";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

#[test]
fn an_unknown_method_is_refused() {
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(1, 1, &[0, 61, 0, 10]));
    let unknown = MethodId { class: 61, method: 10 };
    pair.expect_connection_close(
        &actions,
        (503, "COMMAND_INVALID - unimplemented method", unknown),
    );
}
