//! Puts a publish together: method, content header, bodies (spec: 4.2.6 Content Framing).
//!
//! ```text
//!              +-- body size 0 -------------------------------+
//!              |                                              v
//! Nothing --publish--> ExpectHeader --header--> ExpectBody --last body--> a whole publish
//!                                                ^      |
//!                                                +-body-+
//! ```
//!
//! A publish whose frames lie behind one another in one chunk is taken in one step, without a state
//! in between ([`whole`]).
//!
//! - P5: a body in assembly holds no more bytes than its header announced, and never more than the
//!   largest message; of a message that is too large only the number of bytes is kept.
//! - P6: the number of pieces of a body, and of read buffers they keep alive, is bounded by its bytes,
//!   however small its frames are.

use bytes::{Bytes, BytesMut};

use crate::base::limits::{BODY_PIECE_BYTES, MESSAGE_BYTES_MAX_HARD, MESSAGE_COPY_BYTES_MAX};
use crate::base::{
    Body, ChannelId, DIRECT_REPLY_TO, ExchangeName, Message, MessageHeader, ShortStr,
};
use crate::wire::{ContentHeader, Frame, FrameKind, Frames, MethodId, WireError};

use super::error::{Failure, ProtocolError};

/// The arguments of `basic.publish` that are needed when its content is there.
#[derive(Clone, Debug)]
pub(super) struct Publishing {
    pub(super) exchange: ExchangeName,
    pub(super) routing_key: ShortStr,
    pub(super) mandatory: bool,
}

/// A publish with its content.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) message: Message,
    pub(super) mandatory: bool,
    /// Its `reply-to` is the pseudo-queue [`DIRECT_REPLY_TO`].
    pub(super) wants_reply: bool,
}

/// A content is whole.
#[derive(Debug)]
pub(super) enum Completed {
    /// A message.
    Message(Published),
    /// One whose expiration is no number. RabbitMQ looks at the exchange first.
    InvalidExpiration { exchange: ExchangeName, error: WireError },
}

/// What has come of a content, see the module's diagram.
#[derive(Debug, Default)]
pub(super) enum Content {
    /// A method is due.
    #[default]
    Nothing,
    /// A content header is due.
    ExpectHeader(Publishing),
    /// Bodies are due.
    ExpectBody(Box<Assembly>),
}

impl Content {
    /// A method frame came.
    pub(super) fn recv_method(&self) -> Result<(), ProtocolError> {
        match self {
            Self::Nothing => Ok(()),
            Self::ExpectHeader(_) => Err(ProtocolError::ExpectedHeader),
            Self::ExpectBody(_) => Err(ProtocolError::ExpectedBody),
        }
    }

    /// A content header or a body came; the publish, when it is whole now.
    pub(super) fn recv(
        &mut self,
        frame: &Frame<'_>,
        bytes_max: u64,
    ) -> Result<Option<Completed>, Failure> {
        let publish = MethodId::BASIC_PUBLISH;
        match (std::mem::take(self), frame.kind) {
            (Self::Nothing, _) => Err(ProtocolError::ExpectedMethod.of(MethodId::default())),
            (Self::ExpectHeader(publishing), FrameKind::Header) => {
                let assembly = Assembly::new(publishing, frame, bytes_max)?;
                self.go_on(assembly).map_err(|error| error.of(publish))
            }
            (Self::ExpectHeader(_), _) => Err(ProtocolError::ExpectedHeader.of(publish)),
            (Self::ExpectBody(mut assembly), FrameKind::Body) => {
                assembly.recv_body(frame).map_err(|error| error.of(publish))?;
                self.go_on(assembly).map_err(|error| error.of(publish))
            }
            (Self::ExpectBody(_), _) => Err(ProtocolError::ExpectedBody.of(publish)),
        }
    }

    fn go_on(&mut self, assembly: Box<Assembly>) -> Result<Option<Completed>, ProtocolError> {
        if assembly.left > 0 {
            *self = Self::ExpectBody(assembly);
            return Ok(None);
        }
        assembly.finish().map(Some)
    }
}

/// A content whose header is there.
#[derive(Debug)]
pub(super) struct Assembly {
    publishing: Publishing,
    properties: Vec<u8>,
    header: Result<MessageHeader, WireError>,
    wants_reply: bool,
    /// Bytes that the header announced.
    size: u64,
    /// Bytes that are still to come.
    left: u64,
    body: Collected,
}

impl Assembly {
    fn new(
        publishing: Publishing,
        frame: &Frame<'_>,
        bytes_max: u64,
    ) -> Result<Box<Self>, Failure> {
        let header = content_header(frame.payload)?;
        let size = header.body_size;
        let body = if size > bytes_max {
            Collected::Counted { bytes_max }
        } else {
            Collected::Kept { pieces: Vec::new(), small: BytesMut::new() }
        };
        Ok(Box::new(Self {
            publishing,
            // A slice would keep the read buffer alive until the last body is there.
            properties: header.properties.to_vec(),
            header: header.message_header(),
            wants_reply: wants_reply(&header),
            size,
            left: size,
            body,
        }))
    }

    fn recv_body(&mut self, frame: &Frame<'_>) -> Result<(), ProtocolError> {
        let len = frame.payload.len() as u64;
        self.left = self.left.checked_sub(len).ok_or(ProtocolError::BodyTooLong)?;
        self.body.push(frame, self.left);
        Ok(())
    }

    fn finish(self) -> Result<Completed, ProtocolError> {
        let body = match self.body {
            Collected::Counted { bytes_max } => {
                return Err(ProtocolError::MessageTooLarge { bytes: self.size, bytes_max });
            }
            Collected::Kept { pieces, small } => body(pieces, small),
        };
        let Publishing { exchange, routing_key, mandatory } = self.publishing;
        let header = match self.header {
            Ok(header) => header,
            Err(error) => return Ok(Completed::InvalidExpiration { exchange, error }),
        };
        let message =
            Message::new(&exchange, routing_key.as_bytes(), &self.properties, body, header);
        let wants_reply = self.wants_reply;
        Ok(Completed::Message(Published { message, mandatory, wants_reply }))
    }
}

/// The bytes of a body so far.
#[derive(Debug)]
enum Collected {
    /// Larger than the largest message: the bytes are dropped as they come.
    Counted { bytes_max: u64 },
    /// Large frames are slices of what was read; small ones in a row are copied together, in pieces: to make room for
    /// one more frame in a body of 100 MiB can take milliseconds.
    Kept { pieces: Vec<Bytes>, small: BytesMut },
}

impl Collected {
    fn push(&mut self, frame: &Frame<'_>, left: u64) {
        let Self::Kept { pieces, small } = self else { return };
        // A whole body in one frame is the common case: it stays a slice.
        let alone = pieces.is_empty() && small.is_empty() && left == 0;
        if alone || frame.payload.len() > MESSAGE_COPY_BYTES_MAX {
            if !small.is_empty() {
                pieces.push(small.split().freeze());
            }
            pieces.push(frame.payload_bytes());
        } else {
            small.extend_from_slice(frame.payload);
            if small.len() >= BODY_PIECE_BYTES {
                pieces.push(std::mem::take(small).freeze());
            }
        }
    }
}

fn body(mut pieces: Vec<Bytes>, small: BytesMut) -> Body {
    if !small.is_empty() {
        pieces.push(small.freeze());
    }
    if pieces.len() > 1 {
        return Body::Many(pieces);
    }
    Body::One(pieces.pop().unwrap_or_default())
}

/// Reads a content header and checks what RabbitMQ checks at this point.
fn content_header(payload: &[u8]) -> Result<ContentHeader<'_>, Failure> {
    let publish = MethodId::BASIC_PUBLISH;
    // The class says how the rest is to be read, so it comes first.
    if let Some(([c0, c1], _rest)) = payload.split_first_chunk::<2>() {
        let class = u16::from_be_bytes([*c0, *c1]);
        if class != publish.class {
            return Err(ProtocolError::HeaderOfOtherClass { class }.of(publish));
        }
    }
    let header = ContentHeader::scan(payload)?;
    if header.weight != 0 {
        return Err(ProtocolError::ExpectedHeader.of(publish));
    }
    if header.body_size > MESSAGE_BYTES_MAX_HARD {
        return Err(ProtocolError::BodyAboveHardMax { bytes: header.body_size }.of(publish));
    }
    Ok(header)
}

/// The scan of the properties has found the `reply-to` anyway, so a publish without one pays a comparison
/// with nothing.
#[inline]
fn wants_reply(header: &ContentHeader<'_>) -> bool {
    header.reply_to().is_some_and(|reply_to| reply_to == DIRECT_REPLY_TO.as_bytes())
}

/// A content that follows its method directly, with its body in one frame.
pub(super) struct Whole<'a> {
    properties: &'a [u8],
    header: MessageHeader,
    /// See [`Published::wants_reply`].
    pub(super) wants_reply: bool,
    /// None when the body is empty.
    body: Option<Frame<'a>>,
}

impl Whole<'_> {
    /// The message, with the route that its method named.
    #[inline]
    pub(super) fn message(&self, route: &[u8]) -> Message {
        let body = self.body.map_or(&[][..], |frame| frame.payload);
        // Only a large body is worth a reference to what was read.
        let shared = || self.body.map(|frame| frame.payload_bytes()).unwrap_or_default();
        Message::whole(route, self.properties, body, self.header, shared)
    }
}

/// Takes the content of a publish from the frames behind it, when all of it is there and nothing is
/// wrong with it; otherwise takes nothing, and the frames go the long way.
#[inline]
pub(super) fn whole<'a>(
    channel: ChannelId,
    bytes_max: u64,
    frames: &mut Frames<'a>,
) -> Option<Whole<'a>> {
    let mut ahead = frames.clone();
    let frame = ahead.next()?;
    if frame.kind != FrameKind::Header || frame.channel != channel {
        return None;
    }
    let properties = frame.payload.get(ContentHeader::BYTES_BEFORE_PROPERTIES..)?;
    let (body_size, header, wants_reply) = match ContentHeader::plain(frame.payload) {
        Some((body_size, header)) => (body_size, header, false),
        None => scanned(frame.payload)?,
    };
    if body_size > bytes_max {
        return None;
    }
    let body = if body_size == 0 {
        None
    } else {
        let frame = ahead.next()?;
        let is_body = frame.kind == FrameKind::Body && frame.channel == channel;
        if !is_body || frame.payload.len() as u64 != body_size {
            return None;
        }
        Some(frame)
    };
    *frames = ahead;
    Some(Whole { properties, header, wants_reply, body })
}

/// What a content header with properties says: the size of the body, what the broker needs to know, and whether
/// its `reply-to` is the pseudo-queue. `None` when something is wrong with it.
#[inline(never)]
fn scanned(payload: &[u8]) -> Option<(u64, MessageHeader, bool)> {
    let header = content_header(payload).ok()?;
    Some((header.body_size, header.message_header().ok()?, wants_reply(&header)))
}
