//! Publishes put together from their frames.

use super::pair::{
    NO_PROPERTIES, Pair, body_frame, frame, header_frame, method_frame, publish_frames,
    publish_method, published,
};
use crate::base::limits::BODY_PIECE_BYTES;
use crate::base::{BodyRef, ChannelId, HolderId, MessageHeader, ReplyCode};
use crate::protocol::{Action, Answer, Refusal, Settings};
use crate::wire::{Method, MethodId};

const PUBLISH: MethodId = MethodId::BASIC_PUBLISH;

fn start(pair: &mut Pair, channel: u16) {
    assert_eq!(pair.send(channel, &publish_method(false)), vec![]);
}

/// Sends frames after `basic.publish`; the connection must end with this error.
fn fails(frames: &[Vec<u8>], (code, text): (u16, &str)) {
    let mut pair = Pair::channel();
    start(&mut pair, 1);
    let actions = pair.write(&frames.concat());
    pair.expect_connection_close(&actions, (code, text, PUBLISH));
}

#[test]
fn a_publish_becomes_a_message_with_its_header_left_raw() {
    let mut pair = Pair::channel();
    // delivery-mode 2, priority 3, expiration "1000", type "t".
    let properties = b"\x19\x20\x02\x03\x041000\x01t";
    let mut bytes = method_frame(
        1,
        &Method::BasicPublish {
            exchange: super::pair::exchange("logs"),
            routing_key: super::pair::short("a.b"),
            mandatory: true,
            immediate: false,
        },
    );
    bytes.extend(header_frame(1, 5, properties));
    bytes.extend(body_frame(1, b"hello"));
    let actions = pair.write(&bytes);
    let [Action::Publish(publish)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((publish.channel, publish.holder), (ChannelId(1), HolderId(1)));
    assert!(publish.mandatory);
    assert_eq!(publish.sequence, None);
    let message = &publish.message;
    assert_eq!(message.exchange(), "logs");
    assert_eq!(message.routing_key(), b"a.b");
    assert_eq!(message.properties(), properties);
    assert_eq!(message.body(), BodyRef::Packed(b"hello"));
    let header = MessageHeader {
        persistent: true,
        priority: Some(3),
        expiration_ms: Some(1000),
        has_headers: false,
    };
    assert_eq!(message.header(), header);
    assert!(pair.server.has_published());
}

#[test]
fn a_body_may_be_empty() {
    let mut pair = Pair::channel();
    assert_eq!(pair.publish(1, b""), vec![published(b"", None)]);
    start(&mut pair, 1);
    assert_eq!(pair.write(&header_frame(1, 0, NO_PROPERTIES)), vec![published(b"", None)]);
}

#[test]
fn several_publishes_of_one_read_keep_their_order() {
    let mut pair = Pair::channel();
    let bytes: Vec<u8> =
        (0..100u8).flat_map(|n| publish_frames(1, &vec![n; usize::from(n)])).collect();
    let expected: Vec<Action> =
        (0..100u8).map(|n| published(&vec![n; usize::from(n)], None)).collect();
    assert_eq!(pair.write(&bytes), expected);
}

#[test]
fn bodies_of_several_frames_and_channels_may_interleave() {
    let mut pair = Pair::channel();
    pair.send(2, &Method::ChannelOpen);
    start(&mut pair, 1);
    start(&mut pair, 2);
    let mut bytes = header_frame(1, 4, NO_PROPERTIES);
    bytes.extend(header_frame(2, 2, NO_PROPERTIES));
    bytes.extend(body_frame(1, b"ab"));
    bytes.extend(body_frame(2, b"xy"));
    bytes.extend(body_frame(1, b""));
    bytes.extend(body_frame(1, b"cd"));
    let actions = pair.write(&bytes);
    let bodies: Vec<(u16, BodyRef<'_>)> = actions
        .iter()
        .map(|action| match action {
            Action::Publish(publish) => (publish.channel.0, publish.message.body()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bodies, [(2, BodyRef::Packed(b"xy")), (1, BodyRef::Packed(b"abcd"))]);
}

#[test]
fn a_large_body_keeps_the_slices_it_came_in_and_small_frames_are_joined() {
    let mut pair = Pair::channel();
    start(&mut pair, 1);
    let large = vec![7; 100_000];
    let size = 2 * 100_000 + 1000;
    let mut bytes = header_frame(1, size, NO_PROPERTIES);
    bytes.extend(body_frame(1, &large));
    for _ in 0..1000 {
        bytes.extend(body_frame(1, b"x"));
    }
    bytes.extend(body_frame(1, &large));
    let actions = pair.write(&bytes);
    let [Action::Publish(publish)] = &actions[..] else { panic!("{}", actions.len()) };
    let pieces: Vec<usize> = publish.message.body().pieces().map(<[u8]>::len).collect();
    assert_eq!(pieces, [100_000, 1000, 100_000]);
}

/// P6; no piece is so large that making room in it, or giving it back, holds others up.
#[test]
fn a_large_body_in_small_frames_is_kept_in_pieces() {
    let mut pair = Pair::channel();
    start(&mut pair, 1);
    let frames = 2 * BODY_PIECE_BYTES / 4096 + 2;
    let body: Vec<u8> =
        (0..=u8::MAX).cycle().take(frames).flat_map(|number| [number; 4096]).collect();
    let mut bytes = header_frame(1, body.len() as u64, NO_PROPERTIES);
    bytes.extend(body.chunks(4096).flat_map(|chunk| body_frame(1, chunk)));
    let actions = pair.write(&bytes);
    let [Action::Publish(publish)] = &actions[..] else { panic!("{}", actions.len()) };
    let pieces: Vec<&[u8]> = publish.message.body().pieces().collect();
    let sizes: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
    assert_eq!(sizes, [BODY_PIECE_BYTES, BODY_PIECE_BYTES, 2 * 4096]);
    assert!(pieces.concat() == body, "in order");
}

#[test]
fn a_message_that_is_too_large_is_refused_after_its_body_and_kept_nowhere() {
    let settings = Settings { message_bytes_max: 1000, ..Settings::default() };
    let mut pair = Pair::open_with(settings, &[], 0);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    assert_eq!(pair.publish(1, &[1; 1000]).len(), 1);

    start(&mut pair, 1);
    assert_eq!(pair.write(&header_frame(1, 1001, NO_PROPERTIES)), vec![]);
    assert_eq!(pair.write(&body_frame(1, &[1; 1000])), vec![]);
    assert_eq!(pair.received(), vec![]);
    let actions = pair.write(&body_frame(1, &[1]));
    let text = "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000";
    pair.expect_channel_close(&actions, (406, text, PUBLISH));
}

#[test]
fn the_hard_limit_is_not_called_configured() {
    let hard = 512 * 1024 * 1024;
    let failed =
        crate::protocol::error::ProtocolError::MessageTooLarge { bytes: hard + 1, bytes_max: hard };
    let text = "message size 536870913 is larger than max size 536870912";
    assert_eq!(failed.to_string(), text);
}

#[test]
fn a_size_beyond_every_limit_is_refused_at_the_header() {
    let text = "FRAME_ERROR - content body size 536870913 exceeds maximum allowed size 536870912";
    fails(&[header_frame(1, 536_870_913, NO_PROPERTIES)], (501, text));
}

#[test]
fn more_body_than_announced_is_refused() {
    let text = "FRAME_ERROR - content body frame exceeds remaining content size";
    fails(&[header_frame(1, 2, NO_PROPERTIES), body_frame(1, b"abc")], (501, text));
    fails(
        &[header_frame(1, 2, NO_PROPERTIES), body_frame(1, b"a"), body_frame(1, b"bc")],
        (501, text),
    );
}

#[test]
fn a_method_or_a_body_where_a_header_is_due_is_refused() {
    let text = "UNEXPECTED_FRAME - expected content header for class 60, \
                got non content header frame instead";
    fails(&[body_frame(1, b"x")], (505, text));
    fails(&[method_frame(1, &Method::TxSelect)], (505, text));
    fails(&[publish_frames(1, b"x")], (505, text));
}

#[test]
fn a_method_or_a_header_where_a_body_is_due_is_refused() {
    let text = "UNEXPECTED_FRAME - expected content body, got non content body frame instead";
    let header = || header_frame(1, 2, NO_PROPERTIES);
    fails(&[header(), header()], (505, text));
    fails(&[header(), method_frame(1, &Method::TxSelect)], (505, text));
    fails(&[header(), body_frame(1, b"a"), method_frame(1, &Method::TxSelect)], (505, text));
}

#[test]
fn a_header_or_a_body_where_a_method_is_due_is_refused() {
    for bytes in [header_frame(1, 1, NO_PROPERTIES), body_frame(1, b"x")] {
        let mut pair = Pair::channel();
        let actions = pair.write(&bytes);
        let text = "UNEXPECTED_FRAME - expected method frame, got non method frame instead";
        pair.expect_connection_close(&actions, (505, text, MethodId::default()));
    }
}

#[test]
fn a_header_of_another_class_is_refused() {
    let text = "UNEXPECTED_FRAME - expected content header for class 60, \
                got one for class 50 instead";
    fails(&[frame(2, 1, &[0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])], (505, text));
}

#[test]
fn a_header_with_a_weight_or_broken_properties_is_refused() {
    let text = "UNEXPECTED_FRAME - expected content header for class 60, \
                got non content header frame instead";
    fails(&[frame(2, 1, &[0, 60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])], (505, text));
    let text = "FRAME_ERROR - cannot decode content header <<128,0,9,97>>";
    fails(&[header_frame(1, 1, &[0x80, 0, 9, b'a'])], (501, text));
}

#[test]
fn immediate_is_not_implemented() {
    let mut pair = Pair::channel();
    let actions = pair.send(1, &publish_method(true));
    pair.expect_connection_close(&actions, (540, "NOT_IMPLEMENTED - immediate=true", PUBLISH));
}

#[test]
fn an_expiration_that_is_no_number_ends_the_channel_after_the_body() {
    let cases = [
        (&b"x"[..], "'x': no_integer"),
        (b"12s", "'12s': {leftover_string,\"s\"}"),
        (b"-1", "'-1': {value_negative,-1}"),
        (b"315360000001", "'315360000001': {value_too_large,315360000001}"),
    ];
    for (expiration, explanation) in cases {
        let mut properties = vec![1, 0, u8::try_from(expiration.len()).expect("short")];
        properties.extend_from_slice(expiration);
        let mut pair = Pair::channel();
        start(&mut pair, 1);
        assert_eq!(pair.write(&header_frame(1, 1, &properties)), vec![]);
        assert!(matches!(pair.write(&body_frame(1, b"x"))[..], [Action::Ask(_)]));
        let actions = pair.answer(Answer::Done);
        let text = format!("PRECONDITION_FAILED - invalid expiration {explanation}");
        pair.expect_channel_close(&actions, (406, &text, PUBLISH));
    }
}

#[test]
fn a_missing_exchange_counts_more_than_a_bad_expiration() {
    let mut pair = Pair::channel();
    start(&mut pair, 1);
    let mut bytes = header_frame(1, 1, &[1, 0, 1, b'x']);
    bytes.extend(body_frame(1, b"x"));
    pair.write(&bytes);
    let refusal = Refusal {
        code: ReplyCode::NotFound,
        text: "no exchange 'logs' in vhost '/'".to_owned(),
        failed: PUBLISH,
    };
    let actions = pair.answer(Answer::Refused(refusal));
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    pair.expect_channel_close(&actions, (404, text, PUBLISH));
}

#[test]
fn a_publish_on_a_second_exchange_does_not_keep_the_first() {
    let mut pair = Pair::channel();
    let names: Vec<String> = ["a", "b", "b", "a"]
        .iter()
        .map(|name| {
            let mut bytes = method_frame(
                1,
                &Method::BasicPublish {
                    exchange: super::pair::exchange(name),
                    routing_key: super::pair::short("key"),
                    mandatory: false,
                    immediate: false,
                },
            );
            bytes.extend(header_frame(1, 0, NO_PROPERTIES));
            match &pair.write(&bytes)[..] {
                [Action::Publish(publish)] => publish.message.exchange().to_string(),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(names, ["a", "b", "b", "a"]);
}
