//! What can be wrong with bytes, and the reply code and text that RabbitMQ answers with.

use std::fmt;

use crate::base::ReplyCode;
use crate::base::limits::{REPLY_TEXT_BYTES_MAX, TABLE_DEPTH_MAX};

use super::erlang::{Numbers, Pretty};
use super::expiration::ExpirationFault;
use super::method::MethodId;
use super::reader::Fault;

/// Octets of a payload that an error text shows.
const SNIPPET_BYTES: usize = 16;

/// The beginning of a payload, for error texts: `all octets = <<…>>` or `first 16 octets = <<…>>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snippet {
    bytes: [u8; SNIPPET_BYTES],
    len: u8,
    whole: bool,
}

impl Snippet {
    /// Takes the beginning of a payload.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        let shown = payload.get(..SNIPPET_BYTES).unwrap_or(payload);
        let mut bytes = [0; SNIPPET_BYTES];
        for (place, octet) in bytes.iter_mut().zip(shown) {
            *place = *octet;
        }
        // At most 16.
        let len = u8::try_from(shown.len()).unwrap_or_default();
        Self { bytes, len, whole: shown.len() == payload.len() }
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.whole { "all" } else { "first 16" };
        let shown = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        write!(f, "{which} octets = {}", Pretty(shown))
    }
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that are not AMQP 0-9-1, or not allowed.
///
/// The display form is what follows `NAME - ` in RabbitMQ's reply text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// A frame announces more payload than was negotiated (spec: 4.2.3, frame-max).
    #[error("type {kind}, all octets = <<>>: {{frame_too_large,{bytes},{bytes_max}}}")]
    FrameTooLarge {
        /// The frame type.
        kind: u8,
        /// The announced size of the payload.
        bytes: u32,
        /// What is allowed: frame-max without the octets around the payload.
        bytes_max: u32,
    },
    /// The octet after the payload is not 206 (spec: 4.2.3, frame-end).
    #[error("type {kind}, {snippet}: {{invalid_frame_end_marker,{marker}}}")]
    BadFrameEnd {
        /// The frame type.
        kind: u8,
        /// The octet that stands there.
        marker: u8,
        /// The payload's beginning.
        snippet: Snippet,
    },
    /// A frame type that does not exist, or a payload too short for its type.
    #[error("type {kind}, {snippet}: unknown_frame")]
    UnknownFrame {
        /// The frame type.
        kind: u8,
        /// The payload's beginning.
        snippet: Snippet,
    },
    /// A frame that is well-formed and may not stand here. Raised by the connection's machine.
    #[error("type {kind}, {snippet}")]
    UnexpectedFrame {
        /// The frame type.
        kind: u8,
        /// The payload's beginning.
        snippet: Snippet,
    },
    /// A class or method number that does not exist.
    #[error("unimplemented method")]
    UnknownMethod {
        /// The numbers.
        id: MethodId,
    },
    /// Arguments that are too short, too long, or hold a value that does not exist.
    #[error("cannot decode {}", Numbers(arguments))]
    CannotDecode {
        /// The method.
        id: MethodId,
        /// The arguments' beginning: as much as a reply text can show, and no more.
        arguments: Box<[u8]>,
    },
    /// A name that is not UTF-8.
    #[error("Malformed UTF-8 in shortstr")]
    MalformedUtf8 {
        /// The method.
        id: MethodId,
    },
    /// Tables or arrays within each other, deeper than any client needs. RabbitMQ has no such bound.
    #[error("field table is nested deeper than {TABLE_DEPTH_MAX} levels")]
    TableTooDeep {
        /// The method; 0, 0 where the table stood in no method.
        id: MethodId,
    },
    /// A content header whose properties do not fill it exactly.
    #[error("cannot decode content header {}", Numbers(properties))]
    CannotDecodeHeader {
        /// Its beginning from the property flags on.
        properties: Box<[u8]>,
    },
    /// A field table that stands alone (a SASL response for instance) and is none.
    #[error("cannot decode field table")]
    CannotDecodeTable,
    /// An `expiration` property that is no number of milliseconds (soft).
    #[error("invalid expiration '{}': {fault}", String::from_utf8_lossy(text))]
    InvalidExpiration {
        /// The property.
        text: Box<[u8]>,
        /// What is wrong with it.
        fault: ExpirationFault,
    },
}

impl WireError {
    /// The code with which RabbitMQ refuses this.
    #[must_use]
    pub fn reply_code(&self) -> ReplyCode {
        match self {
            Self::FrameTooLarge { .. }
            | Self::BadFrameEnd { .. }
            | Self::UnknownFrame { .. }
            | Self::CannotDecode { .. }
            | Self::MalformedUtf8 { .. }
            | Self::TableTooDeep { .. }
            | Self::CannotDecodeHeader { .. } => ReplyCode::FrameError,
            Self::CannotDecodeTable => ReplyCode::SyntaxError,
            Self::UnexpectedFrame { .. } => ReplyCode::UnexpectedFrame,
            Self::UnknownMethod { .. } => ReplyCode::CommandInvalid,
            Self::InvalidExpiration { .. } => ReplyCode::PreconditionFailed,
        }
    }

    /// What follows `NAME - ` in the reply text, not yet cut to the length of a short string.
    #[must_use]
    pub fn reply_text(&self) -> String {
        self.to_string()
    }

    /// The method that failed, for `close`; 0, 0 where RabbitMQ names none, which includes
    /// [`Self::MalformedUtf8`].
    #[must_use]
    pub fn failed(&self) -> MethodId {
        match self {
            Self::UnknownMethod { id }
            | Self::CannotDecode { id, .. }
            | Self::TableTooDeep { id } => *id,
            Self::CannotDecodeHeader { .. } | Self::InvalidExpiration { .. } => {
                MethodId::BASIC_PUBLISH
            }
            Self::FrameTooLarge { .. }
            | Self::BadFrameEnd { .. }
            | Self::UnknownFrame { .. }
            | Self::UnexpectedFrame { .. }
            | Self::MalformedUtf8 { .. }
            | Self::CannotDecodeTable => MethodId::default(),
        }
    }

    /// The error for a fault in the arguments of a method.
    pub(super) fn in_method(fault: Fault, id: MethodId, arguments: &[u8]) -> Self {
        match fault {
            Fault::Malformed => Self::CannotDecode { id, arguments: beginning(arguments) },
            Fault::NotUtf8 => Self::MalformedUtf8 { id },
            Fault::TooDeep => Self::TableTooDeep { id },
        }
    }

    /// The error for a fault in a content header.
    pub(super) fn in_header(fault: Fault, properties: &[u8]) -> Self {
        match fault {
            Fault::Malformed | Fault::NotUtf8 => {
                Self::CannotDecodeHeader { properties: beginning(properties) }
            }
            Fault::TooDeep => Self::TableTooDeep { id: MethodId::BASIC_PUBLISH },
        }
    }
}

/// As many bytes as a reply text can show: an octet takes two characters at least.
fn beginning(bytes: &[u8]) -> Box<[u8]> {
    bytes.get(..REPLY_TEXT_BYTES_MAX).unwrap_or(bytes).into()
}
