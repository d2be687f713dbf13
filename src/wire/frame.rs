//! Frames as slices of the chunk they were read in (spec: 4.2.3 General Frame Format).
//!
//! ```text
//! 0      1         3             7                  7 + size
//! +------+---------+-------------+------------------+-----------+
//! | type | channel |    size     |     payload      | end (206) |
//! +------+---------+-------------+------------------+-----------+
//!  octet    short       long        `size` octets       octet
//! ```

use bytes::Bytes;

use crate::base::ChannelId;

/// Octets before the payload: type, channel, size.
pub const FRAME_HEADER_BYTES: usize = 7;

/// The octet after the payload.
pub const FRAME_END: u8 = 206;

/// Octets of the first frame of this input, whole or not; `None` while its header is not there. What a
/// peer says of itself: check it before you believe it.
#[must_use]
pub fn first_frame_bytes(input: &[u8]) -> Option<usize> {
    let header = FrameHeader::read(*input.first_chunk()?);
    Some(FRAME_HEADER_BYTES.saturating_add(header.bytes as usize).saturating_add(1))
}

/// What a frame carries (spec: 4.2.3; numbers from the constants of the specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// A method and its arguments.
    Method,
    /// The size and the properties of a content.
    Header,
    /// A piece of a content.
    Body,
    /// A sign of life.
    Heartbeat,
}

impl FrameKind {
    /// The frame type on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Method => 1,
            Self::Header => 2,
            Self::Body => 3,
            Self::Heartbeat => 8,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Method),
            2 => Some(Self::Header),
            3 => Some(Self::Body),
            8 => Some(Self::Heartbeat),
            _ => None,
        }
    }
}

/// One whole frame, borrowed from the chunk it came in.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it carries.
    pub kind: FrameKind,
    /// The channel; 0 is the connection itself.
    pub channel: ChannelId,
    /// What stands between header and end octet.
    pub payload: &'a [u8],
    /// Where the payload begins in the chunk.
    at: usize,
    chunk: &'a Bytes,
}

impl Frame<'_> {
    /// The payload as a slice of the chunk: no copy, and the chunk lives as long as the slice.
    #[must_use]
    pub fn payload_bytes(&self) -> Bytes {
        self.chunk.slice(self.at..self.at + self.payload.len())
    }
}

/// The frames of a chunk in order. The chunk is what [`super::Decoder::complete_prefix`] measured;
/// anything that is no whole frame ends the iteration.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    chunk: &'a Bytes,
    at: usize,
}

impl<'a> Frames<'a> {
    /// The frames of this chunk.
    #[must_use]
    pub fn new(chunk: &'a Bytes) -> Self {
        Self { chunk, at: 0 }
    }

    /// Bytes of the chunk that were handed out already.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let left = self.chunk.get(self.at..)?;
        let (header, rest) = left.split_first_chunk::<FRAME_HEADER_BYTES>()?;
        let header = FrameHeader::read(*header);
        let (payload, _end) = rest.split_at_checked(header.bytes as usize)?;
        let kind = FrameKind::of(header.kind)?;
        let at = self.at + FRAME_HEADER_BYTES;
        self.at = at + payload.len() + 1;
        Some(Frame { kind, channel: header.channel, payload, at, chunk: self.chunk })
    }
}

/// The seven octets before a payload, whatever they say.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) kind: u8,
    pub(super) channel: ChannelId,
    pub(super) bytes: u32,
}

impl FrameHeader {
    #[inline]
    pub(super) fn read(octets: [u8; FRAME_HEADER_BYTES]) -> Self {
        let [kind, c0, c1, s0, s1, s2, s3] = octets;
        Self {
            kind,
            channel: ChannelId(u16::from_be_bytes([c0, c1])),
            bytes: u32::from_be_bytes([s0, s1, s2, s3]),
        }
    }

    #[inline]
    pub(super) fn octets(kind: FrameKind, channel: ChannelId, bytes: u32) -> [u8; 7] {
        let [c0, c1] = channel.0.to_be_bytes();
        let [s0, s1, s2, s3] = bytes.to_be_bytes();
        [kind.number(), c0, c1, s0, s1, s2, s3]
    }
}
