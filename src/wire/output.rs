//! The outgoing bytes of one connection, encoded in place and handed out as slices for one vectored
//! write.
//!
//! Everything small stands in one vector that is used again and again; a large piece of a body stays
//! the shared slice it is, and only its place between the small bytes is noted. In steady state no
//! allocation happens here.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use crate::base::limits::{
    FRAME_OVERHEAD_BYTES, MESSAGE_PACKED_BYTES_MAX, OUTPUT_HIGH_WATER_BYTES,
};
use crate::base::{BodyRef, ChannelId, ConsumerTag, ContentRef, DeliveryTag, Message, ReplyCode};

use super::encode::encode_method;
use super::frame::{FRAME_END, FrameHeader, FrameKind};
use super::method::{Method, MethodId};
use super::protocol_header::PROTOCOL_HEADER;
use super::writer::{bits, put_short_string};

/// Pieces of a body above this size are not copied. Below it a copy is cheaper than one more slice
/// in the write and one more reference to count.
const SHARED_BYTES_MIN: usize = MESSAGE_PACKED_BYTES_MAX;

/// Written bytes at the front of a vector that never runs empty, above which the rest is moved down.
const COMPACT_BYTES_MIN: usize = 64 * 1024;

/// A vector that grew beyond this goes as soon as it is empty.
const KEPT_BYTES_MAX: usize = 2 * OUTPUT_HIGH_WATER_BYTES;

/// A vector up to this size is kept however little of it is used.
const KEPT_BYTES_MIN: usize = 4 * 1024;

/// Times in a row that the vector runs empty with a quarter of it used, before it is made smaller.
const SPARSE_TURNS_MAX: u8 = 16;

/// Places for shared pieces that are kept when there are none.
const KEPT_PIECES_MAX: usize = 64;

/// Octets of a content header's frame without its properties, between the frame's header and its end.
const HEADER_FIXED_BYTES: usize = 12;

/// A large piece that goes out between two bytes of the vector.
#[derive(Debug)]
struct Shared {
    /// How many bytes of the vector go before it.
    at: usize,
    bytes: Bytes,
}

/// Bytes that wait to be written to one connection.
#[derive(Debug, Default)]
pub struct Output {
    /// Everything but the shared pieces, in order.
    small: Vec<u8>,
    /// The shared pieces, in order of their places.
    shared: VecDeque<Shared>,
    /// How much of `small` is written.
    written: usize,
    /// Bytes that are not written yet, shared ones included.
    len: usize,
    /// Times in a row that most of `small` was not needed.
    sparse_turns: u8,
}

impl Output {
    /// An output that holds nothing, not even memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether everything is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory that the output keeps for itself, shared bodies aside.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.small.capacity()
    }

    /// The protocol header that answers a wrong one.
    pub fn protocol_header(&mut self) {
        self.small.extend_from_slice(&PROTOCOL_HEADER);
        self.len += PROTOCOL_HEADER.len();
    }

    /// A heartbeat frame (spec: 4.2.7).
    pub fn heartbeat(&mut self) {
        let [h0, h1, h2, h3, h4, h5, h6] =
            FrameHeader::octets(FrameKind::Heartbeat, ChannelId(0), 0);
        self.small.extend_from_slice(&[h0, h1, h2, h3, h4, h5, h6, FRAME_END]);
        self.len += 8;
    }

    /// A method frame. The content of a method that has one must follow.
    pub fn method(&mut self, channel: ChannelId, method: &Method) {
        let start = self.small.len();
        self.small.extend_from_slice(&FrameHeader::octets(FrameKind::Method, channel, 0));
        encode_method(method, &mut self.small);
        let payload_len = self.small.len() - start - 7;
        // A method's arguments are a few short strings and a table: far below 4 GiB.
        let payload_bytes = u32::try_from(payload_len).unwrap_or(u32::MAX);
        if let Some(place) = self.small.get_mut(start..start + 7) {
            place.copy_from_slice(&FrameHeader::octets(FrameKind::Method, channel, payload_bytes));
        }
        self.small.push(FRAME_END);
        self.len += self.small.len() - start;
    }

    /// `basic.ack`: a confirm (rabbitmq: confirms.md).
    pub fn ack(&mut self, channel: ChannelId, delivery_tag: DeliveryTag, multiple: bool) {
        self.settlement(channel, MethodId::BASIC_ACK, delivery_tag, u8::from(multiple));
    }

    /// `basic.nack`: a publish that was not taken. `requeue` means nothing in this direction; it is
    /// set because it is set by default, and RabbitMQ leaves it so.
    pub fn nack(&mut self, channel: ChannelId, delivery_tag: DeliveryTag, multiple: bool) {
        self.settlement(channel, MethodId::BASIC_NACK, delivery_tag, bits(&[multiple, true]));
    }

    fn settlement(&mut self, channel: ChannelId, id: MethodId, tag: DeliveryTag, flags: u8) {
        let start = self.small.len();
        let mut frame = [0; 21];
        let (head, arguments) = frame.split_at_mut(11);
        head.copy_from_slice(&method_head(id, channel, 13));
        let (place, flags_and_end) = arguments.split_at_mut(8);
        place.copy_from_slice(&tag.0.to_be_bytes());
        flags_and_end.copy_from_slice(&[flags, FRAME_END]);
        self.small.extend_from_slice(&frame);
        self.len += self.small.len() - start;
    }

    /// `basic.deliver` with its content.
    pub fn deliver(
        &mut self,
        channel: ChannelId,
        consumer_tag: &ConsumerTag,
        delivery_tag: DeliveryTag,
        redelivered: bool,
        message: &Message,
        frame_max: u32,
    ) {
        let tag = consumer_tag.as_str().as_bytes();
        let own_bytes = 4 + 1 + tag.len() + 9;
        self.with_content(message, frame_max, channel, own_bytes, |size, content, out| {
            let [h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10] =
                method_head(MethodId::BASIC_DELIVER, channel, size);
            // A tag has at most 255 bytes.
            let length = u8::try_from(tag.len()).unwrap_or(u8::MAX);
            out.extend_from_slice(&[h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, length]);
            out.extend_from_slice(tag);
            put_tag_and_flag(delivery_tag, redelivered, out);
            out.extend_from_slice(content.route);
        });
    }

    /// `basic.get-ok` with its content.
    pub fn get_ok(
        &mut self,
        channel: ChannelId,
        delivery_tag: DeliveryTag,
        redelivered: bool,
        message_count: u32,
        message: &Message,
        frame_max: u32,
    ) {
        self.with_content(message, frame_max, channel, 4 + 9 + 4, |size, content, out| {
            out.extend_from_slice(&method_head(MethodId::BASIC_GET_OK, channel, size));
            put_tag_and_flag(delivery_tag, redelivered, out);
            out.extend_from_slice(content.route);
            out.extend_from_slice(&message_count.to_be_bytes());
        });
    }

    /// `basic.return` with its content. RabbitMQ's text is the code's name alone.
    pub fn returned(
        &mut self,
        channel: ChannelId,
        reply_code: ReplyCode,
        message: &Message,
        frame_max: u32,
    ) {
        let text = reply_code.name().as_bytes();
        let own_bytes = 4 + 2 + 1 + text.len();
        self.with_content(message, frame_max, channel, own_bytes, |size, content, out| {
            out.extend_from_slice(&method_head(MethodId::BASIC_RETURN, channel, size));
            out.extend_from_slice(&reply_code.number().to_be_bytes());
            put_short_string(text, out);
            out.extend_from_slice(content.route);
        });
    }

    /// A method frame, which `put` writes but for its end, and the content after it. `own_bytes` is the
    /// payload of the method without exchange and routing key.
    #[inline]
    fn with_content(
        &mut self,
        message: &Message,
        frame_max: u32,
        channel: ChannelId,
        own_bytes: usize,
        put: impl FnOnce(u32, &ContentRef<'_>, &mut Vec<u8>),
    ) {
        let content = message.content();
        let payload_bytes = own_bytes + content.route.len();
        let body_size = content.body.len();
        let copied = if body_size <= SHARED_BYTES_MIN { body_size } else { 0 };
        self.small.reserve(64 + payload_bytes + content.properties.len() + copied);
        let start = self.small.len();
        // Two hundred and fifty-five bytes three times at most.
        put(u32::try_from(payload_bytes).unwrap_or(u32::MAX), &content, &mut self.small);
        put_next_header(channel, content.properties, body_size, &mut self.small);
        match content.body {
            BodyRef::Packed(bytes) => {
                for part in bytes.chunks(payload_bytes_max(frame_max)) {
                    put_next_body(channel, part, &mut self.small);
                }
                self.small.push(FRAME_END);
                self.len += self.small.len() - start;
            }
            BodyRef::Slices(pieces) => {
                self.small.push(FRAME_END);
                self.len += self.small.len() - start;
                self.body(channel, pieces, body_size, frame_max);
            }
        }
    }

    /// Body frames, each as full as frame-max allows, whatever the pieces are that came in.
    fn body(&mut self, channel: ChannelId, pieces: &[Bytes], body_size: usize, frame_max: u32) {
        let mut pieces = pieces.iter();
        let mut piece = Bytes::new();
        let mut left = body_size;
        while left > 0 {
            let mut wanted = left.min(payload_bytes_max(frame_max));
            left -= wanted;
            // `payload_bytes_max` fits into 32 bits.
            let size = u32::try_from(wanted).unwrap_or(u32::MAX);
            self.append(&FrameHeader::octets(FrameKind::Body, channel, size));
            while wanted > 0 {
                if piece.is_empty() {
                    // The lengths of the pieces add up to `body_size`.
                    let Some(next) = pieces.next() else { return };
                    piece = next.clone();
                }
                let part = piece.split_to(wanted.min(piece.len()));
                wanted -= part.len();
                if part.len() < SHARED_BYTES_MIN {
                    self.append(&part);
                } else {
                    self.len += part.len();
                    self.shared.push_back(Shared { at: self.small.len(), bytes: part });
                }
            }
            self.append(&[FRAME_END]);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.small.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// What waits, in order, as slices for a vectored write.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = self.written;
        let mut shared = self.shared.iter().peekable();
        std::iter::from_fn(move || {
            if let Some(next) = shared.next_if(|next| next.at <= at) {
                return Some(next.bytes.as_ref());
            }
            let end = shared.peek().map_or(self.small.len(), |next| next.at);
            let slice = self.small.get(at..end).filter(|slice| !slice.is_empty())?;
            at = end;
            Some(slice)
        })
    }

    /// Fills `into` with the first slices and tells how many there are.
    pub fn fill<'a>(&'a self, into: &mut [&'a [u8]]) -> usize {
        into.iter_mut().zip(self.slices()).map(|(place, slice)| *place = slice).count()
    }

    /// The first `bytes` bytes are written.
    ///
    /// # Panics
    /// When that is more than [`Self::len`]: whoever wrote has counted wrong.
    pub fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.len, "{bytes} bytes written of {}", self.len);
        self.len -= bytes;
        if self.len == 0 {
            self.shared.clear();
            self.shared.shrink_to(KEPT_PIECES_MAX);
            self.empty_small();
            return;
        }
        let mut left = bytes;
        while left > 0 {
            match self.shared.front_mut() {
                Some(front) if front.at <= self.written => {
                    let part = left.min(front.bytes.len());
                    front.bytes.advance(part);
                    left -= part;
                    if front.bytes.is_empty() {
                        self.shared.pop_front();
                    }
                }
                front => {
                    let end = front.map_or(self.small.len(), |front| front.at);
                    let part = left.min(end - self.written);
                    self.written += part;
                    left -= part;
                }
            }
        }
        if self.written >= COMPACT_BYTES_MIN && self.written * 2 >= self.small.len() {
            self.compact();
        }
    }

    /// Gives all memory back. For a connection that has gone quiet; does nothing while bytes wait.
    pub fn release(&mut self) {
        if self.len == 0 {
            self.small = Vec::new();
            self.shared = VecDeque::new();
            self.written = 0;
            self.sparse_turns = 0;
        }
    }

    /// Moves what waits to the front of the vector, once half of it is written: each byte is moved
    /// less than once on average.
    fn compact(&mut self) {
        self.small.drain(..self.written);
        for shared in &mut self.shared {
            shared.at -= self.written;
        }
        self.written = 0;
    }

    /// Makes the vector empty, and smaller when a burst has left it larger than its use.
    fn empty_small(&mut self) {
        let (used, capacity) = (self.small.len(), self.small.capacity());
        self.small.clear();
        self.written = 0;
        if capacity <= KEPT_BYTES_MIN {
            return;
        }
        self.sparse_turns = if used < capacity / 4 { self.sparse_turns + 1 } else { 0 };
        if capacity > KEPT_BYTES_MAX {
            self.small.shrink_to(KEPT_BYTES_MIN);
        } else if self.sparse_turns >= SPARSE_TURNS_MAX {
            self.sparse_turns = 0;
            self.small.shrink_to(capacity / 4);
        }
    }
}

/// Header of a method frame, class id and method id.
#[inline]
fn method_head(id: MethodId, channel: ChannelId, payload_bytes: u32) -> [u8; 11] {
    let [h0, h1, h2, h3, h4, h5, h6] =
        FrameHeader::octets(FrameKind::Method, channel, payload_bytes);
    let [c0, c1, m0, m1] = id.octets();
    [h0, h1, h2, h3, h4, h5, h6, c0, c1, m0, m1]
}

#[inline]
fn put_tag_and_flag(delivery_tag: DeliveryTag, flag: bool, out: &mut Vec<u8>) {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = delivery_tag.0.to_be_bytes();
    out.extend_from_slice(&[t0, t1, t2, t3, t4, t5, t6, t7, u8::from(flag)]);
}

/// The end of the frame before, and a content header frame but for its own end; the publisher's
/// properties go as they came. Each piece that is put at once costs a look at the room that is left.
#[inline]
fn put_next_header(channel: ChannelId, properties: &[u8], body_size: usize, out: &mut Vec<u8>) {
    let size = u32::try_from(HEADER_FIXED_BYTES + properties.len()).unwrap_or(u32::MAX);
    let [h0, h1, h2, h3, h4, h5, h6] = FrameHeader::octets(FrameKind::Header, channel, size);
    let [c0, c1] = MethodId::BASIC_PUBLISH.class.to_be_bytes();
    let [b0, b1, b2, b3, b4, b5, b6, b7] = (body_size as u64).to_be_bytes();
    let fixed: [u8; 8 + HEADER_FIXED_BYTES] =
        [FRAME_END, h0, h1, h2, h3, h4, h5, h6, c0, c1, 0, 0, b0, b1, b2, b3, b4, b5, b6, b7];
    out.extend_from_slice(&fixed);
    out.extend_from_slice(properties);
}

/// The end of the frame before, and a body frame but for its own end, by copying.
#[inline]
fn put_next_body(channel: ChannelId, piece: &[u8], out: &mut Vec<u8>) {
    let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
    let [h0, h1, h2, h3, h4, h5, h6] = FrameHeader::octets(FrameKind::Body, channel, size);
    out.extend_from_slice(&[FRAME_END, h0, h1, h2, h3, h4, h5, h6]);
    out.extend_from_slice(piece);
}

/// The payload that frame-max leaves room for; 0 means no limit.
#[inline]
fn payload_bytes_max(frame_max: u32) -> usize {
    match frame_max {
        0 => u32::MAX as usize,
        frame_max => frame_max.saturating_sub(FRAME_OVERHEAD_BYTES).max(1) as usize,
    }
}
