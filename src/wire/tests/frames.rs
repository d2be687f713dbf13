//! Frames: cut out of chunks at will, and refused in time.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::limits::{FRAME_BYTES_MAX_BEFORE_TUNE, FRAME_MAX_MIN, MESSAGE_BYTES_MAX_HARD};
use crate::base::{ChannelId, ReplyCode};
use crate::wire::{Decoder, FrameKind, Frames, MethodId, Snippet, WireError};

pub(super) fn frame(kind: u8, channel: u16, payload: &[u8], end: u8) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(channel.to_be_bytes());
    bytes.extend(u32::try_from(payload.len()).expect("small").to_be_bytes());
    bytes.extend(payload);
    bytes.push(end);
    bytes
}

/// What a frame says, owned.
type Parts = (FrameKind, ChannelId, Vec<u8>);

/// All frames of an input that comes in pieces cut at `cuts`.
fn fed_in_pieces(input: &[u8], cuts: &[usize]) -> (Vec<Parts>, Option<WireError>) {
    let decoder = Decoder::new();
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([input.len()]) {
        let cut = cut.clamp(at, input.len());
        buffer.extend_from_slice(&input[at..cut]);
        at = cut;
        let (len, error) = decoder.complete_prefix(&buffer);
        let chunk = buffer.split_to(len).freeze();
        let mut whole = Frames::new(&chunk);
        for frame in whole.by_ref() {
            assert_eq!(frame.payload_bytes(), frame.payload);
            frames.push((frame.kind, frame.channel, frame.payload.to_vec()));
        }
        assert_eq!(whole.consumed(), len);
        if error.is_some() {
            return (frames, error);
        }
    }
    (frames, None)
}

fn error_of(input: &[u8]) -> Option<WireError> {
    Decoder::new().complete_prefix(input).1
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_frames(
        parts in vec((prop::sample::select(&[1u8, 2, 3][..]), any::<u16>(), vec(any::<u8>(), 0..50)), 0..12),
        beats in vec(0..12usize, 0..3),
        mut cuts in vec(0..800usize, 0..20),
        garbage in vec(any::<u8>(), 0..30),
    ) {
        let mut input = Vec::new();
        for (at, (kind, channel, payload)) in parts.iter().enumerate() {
            if beats.contains(&at) {
                input.extend(frame(8, 0, b"", 206));
            }
            input.extend(frame(*kind, *channel, payload, 206));
        }
        let good_len = input.len();
        input.extend(garbage);
        cuts.sort_unstable();
        let (whole, error) = fed_in_pieces(&input, &[]);
        prop_assert!(Decoder::new().complete_prefix(&input).0 >= good_len);
        let (pieces, piecewise_error) = fed_in_pieces(&input, &cuts);
        prop_assert_eq!(&whole, &pieces);
        // A frame that is too large shows earlier in pieces, and never later.
        prop_assert!(error.is_none() || piecewise_error.is_some());
        let sent = whole.iter().filter(|(kind, ..)| *kind != FrameKind::Heartbeat);
        for ((kind, channel, payload), (sent_kind, sent_channel, sent_payload)) in sent.zip(&parts) {
            prop_assert_eq!((kind.number(), channel.0), (*sent_kind, *sent_channel));
            prop_assert_eq!(payload, sent_payload);
        }
    }
}

#[test]
fn a_slice_of_a_payload_is_no_copy() {
    let chunk = Bytes::from(frame(3, 1, b"body", 206));
    let frame = Frames::new(&chunk).next().expect("one frame");
    assert_eq!(frame.payload_bytes().as_ptr(), chunk[7..].as_ptr());
    assert_eq!((frame.kind, frame.channel), (FrameKind::Body, ChannelId(1)));
}

#[test]
fn a_frame_too_large_is_refused_by_its_header_alone() {
    let mut input = frame(1, 0, b"ok", 206);
    let good_len = input.len();
    input.extend([3, 0, 1]);
    input.extend((FRAME_BYTES_MAX_BEFORE_TUNE + 1).to_be_bytes());
    let (len, error) = Decoder::new().complete_prefix(&input);
    assert_eq!(len, good_len);
    let error = error.expect("too large");
    assert_eq!(error.to_string(), "type 3, all octets = <<>>: {frame_too_large,8193,8184}");
    assert_eq!((error.reply_code(), error.failed()), (ReplyCode::FrameError, MethodId::default()));
    // Without the last octet of the header nothing is known yet.
    assert_eq!(Decoder::new().complete_prefix(&input[..input.len() - 1]), (good_len, None));
}

#[test]
fn eight_octets_of_slack_are_allowed() {
    let mut decoder = Decoder::new();
    decoder.set_frame_max(FRAME_MAX_MIN);
    assert_eq!(decoder.frame_max(), 4096);
    let fits = frame(3, 1, &[0; 4096], 206);
    assert_eq!(decoder.complete_prefix(&fits), (fits.len(), None));
    let (len, error) = decoder.complete_prefix(&frame(3, 1, &[0; 4097], 206));
    assert_eq!(len, 0);
    assert_eq!(
        error.expect("too large").to_string(),
        "type 3, all octets = <<>>: {frame_too_large,4097,4088}"
    );
}

#[test]
fn no_limit_is_the_largest_message() {
    let mut decoder = Decoder::new();
    decoder.set_frame_max(0);
    let max = u32::try_from(MESSAGE_BYTES_MAX_HARD).expect("fits");
    let header = |size: u32| [&[3, 0, 1][..], &size.to_be_bytes()].concat();
    assert_eq!(decoder.complete_prefix(&header(max)), (0, None));
    assert!(decoder.complete_prefix(&header(max + 9)).1.is_some());
    assert!(decoder.complete_prefix(&header(u32::MAX)).1.is_some());
}

#[test]
fn a_bad_end_octet_shows_the_beginning_of_the_payload() {
    let text = |payload: &[u8], end| {
        let error = error_of(&frame(3, 1, payload, end)).expect("refused");
        assert_eq!(error.reply_code(), ReplyCode::FrameError);
        error.reply_text()
    };
    // As RabbitMQ 3.10 was seen to answer.
    assert_eq!(
        text(b"hello", 207),
        "type 3, all octets = <<\"hello\">>: {invalid_frame_end_marker,207}"
    );
    assert_eq!(
        text(b"abcdefghijklmnopqrs", 0),
        "type 3, first 16 octets = <<\"abcdefghijklmnop\">>: {invalid_frame_end_marker,0}"
    );
    assert_eq!(
        text(&[1, 0, 0, 0, 22, 0, 60, 0, 40, 0, 0, 13, 111, 114, 100, 101, 9], 54),
        "type 3, first 16 octets = <<1,0,0,0,22,0,60,0,40,0,0,13,111,114,100,101>>: \
         {invalid_frame_end_marker,54}"
    );
    assert_eq!(text(b"", 1), "type 3, all octets = <<>>: {invalid_frame_end_marker,1}");
}

#[test]
fn a_frame_of_no_known_kind_is_refused_when_it_is_whole() {
    let text = |input: &[u8]| error_of(input).map(|error| error.reply_text());
    let unknown = frame(9, 1, &[1, 2], 206);
    assert_eq!(text(&unknown[..unknown.len() - 1]), None);
    assert_eq!(text(&unknown), Some("type 9, all octets = <<1,2>>: unknown_frame".into()));
    assert_eq!(
        text(&frame(8, 0, b"abc", 206)),
        Some("type 8, all octets = <<\"abc\">>: unknown_frame".into())
    );
}

#[test]
fn a_frame_in_the_wrong_place_has_a_text_for_whoever_finds_it() {
    let error = WireError::UnexpectedFrame { kind: 8, snippet: Snippet::of(b"") };
    assert_eq!(error.to_string(), "type 8, all octets = <<>>");
    assert_eq!(error.reply_code(), ReplyCode::UnexpectedFrame);
}
