//! Frames out of a stream, however it is cut: against amq-protocol, and against a reader of five lines.

use amq_protocol::frame::parse_frame;
use bytes::Bytes;
use haremq::base::ChannelId;
use haremq::wire::{
    Decoder, FRAME_END, Frame, FrameKind, Frames, Output, decode_method, decode_publish,
};

use super::super::harness::Script;
use super::memory::allocates_at_most;

/// What the protocol agrees on at least.
const FRAME_MAX: u32 = 4096;

/// The first octet chooses where the stream is cut; the rest is the stream.
pub(super) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let cut = usize::from(script.word());
    let stream = script.take(usize::MAX);
    let mut decoder = Decoder::new();
    decoder.set_frame_max(FRAME_MAX);
    let (whole, error) = decoder.complete_prefix(stream);
    assert_eq!(whole, plain_prefix(stream), "{error:?}");
    // A frame that is whole before the cut is whole behind it, and the rest does not change what was found.
    let head = &stream[..cut.min(stream.len())];
    let (first, _) = decoder.complete_prefix(head);
    assert!(first <= head.len() && first <= whole);
    assert_eq!(first + decoder.complete_prefix(&stream[first..]).0, whole);
    let chunk = Bytes::copy_from_slice(&stream[..whole]);
    let mut frames = Frames::new(&chunk);
    let mut at = 0;
    while let Some(frame) = frames.next() {
        let bytes = &chunk[at..frames.consumed()];
        assert_eq!(bytes[7..bytes.len() - 1], *frame.payload);
        assert_eq!(frame.payload_bytes(), frame.payload);
        at = frames.consumed();
        one_frame(&frame, bytes);
    }
    assert_eq!(at, whole, "every whole frame is handed out");
}

/// How many octets are whole, good frames.
fn plain_prefix(stream: &[u8]) -> usize {
    let mut at = 0;
    while let Some([kind, _, _, a, b, c, d]) = stream.get(at..at + 7) {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let good = len <= FRAME_MAX as usize && [1, 2, 3, 8].contains(kind);
        if !good || (*kind == 8 && len > 0) || stream.get(at + 7 + len) != Some(&FRAME_END) {
            break;
        }
        at += 8 + len;
    }
    at
}

fn one_frame(frame: &Frame<'_>, bytes: &[u8]) {
    if frame.kind != FrameKind::Method {
        return;
    }
    // A table of n octets becomes entries of a few dozen bytes each, in lists that double.
    let decoded =
        allocates_at_most(bytes.len() as u64 * 128 + 2048, || decode_method(frame.payload));
    let published = decode_publish(frame.payload);
    if let Some(published) = published {
        let read = published.and_then(|publish| publish.exchange_name());
        assert_eq!(read.is_ok(), decoded.is_ok(), "both readers of basic.publish agree");
    }
    let Ok(method) = decoded else { return };
    let mut output = Output::new();
    output.method(ChannelId(frame.channel.0), &method);
    let written: Vec<u8> = output.slices().flatten().copied().collect();
    let again = decode_method(&written[7..written.len() - 1]);
    // NaN is not itself, so the values are compared as they are written.
    assert_eq!(again.map(|again| format!("{again:?}")), Ok(format!("{method:?}")));
    // amq-protocol wants UTF-8 where RabbitMQ takes any octets.
    if !frame.payload.is_ascii() {
        return;
    }
    let (rest, _) = parse_frame(written.as_slice()).expect("amq-protocol reads what we write");
    assert!(rest.is_empty(), "to the last octet");
}
