//! Finds whole frames at the beginning of the input, and refuses a bad one as early as can be known.

use crate::base::limits::{
    FRAME_BYTES_MAX_BEFORE_TUNE, FRAME_OVERHEAD_BYTES, MESSAGE_BYTES_MAX_HARD,
};

use super::error::{Snippet, WireError};
use super::frame::{FRAME_END, FRAME_HEADER_BYTES, FrameHeader, FrameKind};

/// Octets by which RabbitMQ lets a payload exceed the negotiated size.
const FRAME_SLACK_BYTES: u32 = 8;

/// Measures frames against the negotiated frame-max. Holds no bytes.
#[derive(Clone, Debug)]
pub struct Decoder {
    frame_max: u32,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder for a connection that has not been tuned yet.
    #[must_use]
    pub fn new() -> Self {
        Self { frame_max: FRAME_BYTES_MAX_BEFORE_TUNE }
    }

    /// Sets what `connection.tune-ok` agreed on; 0 means no limit, and then a frame may be as large
    /// as the largest message, because no message needs a larger one.
    pub fn set_frame_max(&mut self, frame_max: u32) {
        self.frame_max = frame_max;
    }

    /// The frame-max in force; 0 for no limit.
    #[must_use]
    pub fn frame_max(&self) -> u32 {
        self.frame_max
    }

    /// How many leading bytes of the input are whole, well-formed frames, and what is wrong with the
    /// frame after them.
    ///
    /// A frame that is too large is refused as soon as its header is there; without an error the
    /// frame after the prefix only needs more bytes. What follows an error means nothing.
    #[must_use]
    pub fn complete_prefix(&self, input: &[u8]) -> (usize, Option<WireError>) {
        let bytes_max = self.payload_bytes_max();
        let mut left = input;
        let error = loop {
            match next_frame(left, bytes_max) {
                Ok(Some(rest)) => left = rest,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        (input.len() - left.len(), error)
    }

    /// The payload that frame-max leaves room for.
    fn payload_bytes_max(&self) -> u32 {
        match self.frame_max {
            0 => u32::try_from(MESSAGE_BYTES_MAX_HARD).unwrap_or(u32::MAX - FRAME_SLACK_BYTES),
            frame_max => frame_max.saturating_sub(FRAME_OVERHEAD_BYTES),
        }
    }
}

/// What follows the first frame, or nothing when it is not whole yet.
#[inline]
fn next_frame(input: &[u8], bytes_max: u32) -> Result<Option<&[u8]>, WireError> {
    let Some((header, rest)) = input.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Ok(None);
    };
    let header = FrameHeader::read(*header);
    if header.bytes > bytes_max.saturating_add(FRAME_SLACK_BYTES) {
        return Err(WireError::FrameTooLarge { kind: header.kind, bytes: header.bytes, bytes_max });
    }
    let Some((payload, rest)) = rest.split_at_checked(header.bytes as usize) else {
        return Ok(None);
    };
    let Some((marker, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let is_known = match FrameKind::of(header.kind) {
        // rabbitmq: a heartbeat that carries anything is a frame of no known kind.
        Some(FrameKind::Heartbeat) => payload.is_empty(),
        Some(FrameKind::Method | FrameKind::Header | FrameKind::Body) => true,
        None => false,
    };
    if *marker == FRAME_END && is_known {
        return Ok(Some(rest));
    }
    Err(bad_frame(header.kind, *marker, payload))
}

#[cold]
fn bad_frame(kind: u8, marker: u8, payload: &[u8]) -> WireError {
    let snippet = Snippet::of(payload);
    if marker == FRAME_END {
        WireError::UnknownFrame { kind, snippet }
    } else {
        WireError::BadFrameEnd { kind, marker, snippet }
    }
}
