//! Reply codes (spec: 1.2 reply-code; values and names as RabbitMQ sends them).

/// A reply code with its name and its severity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
pub enum ReplyCode {
    /// Normal close.
    ReplySuccess = 200,
    /// Soft; RabbitMQ sends 406 for a message that is too large, so this stays unused.
    ContentTooLarge = 311,
    /// Soft; only in `basic.return`.
    NoRoute = 312,
    /// Soft; unused, because `immediate` is refused.
    NoConsumers = 313,
    /// Hard; an operator or a shutdown closes the connection.
    ConnectionForced = 320,
    /// Hard; unused, an unknown virtual host is 530.
    InvalidPath = 402,
    /// Soft, and hard on channel 0.
    AccessRefused = 403,
    /// Soft.
    NotFound = 404,
    /// Soft.
    ResourceLocked = 405,
    /// Soft.
    PreconditionFailed = 406,
    /// Hard.
    FrameError = 501,
    /// Hard.
    SyntaxError = 502,
    /// Hard.
    CommandInvalid = 503,
    /// Hard.
    ChannelError = 504,
    /// Hard.
    UnexpectedFrame = 505,
    /// Hard.
    ResourceError = 506,
    /// Hard.
    NotAllowed = 530,
    /// Hard.
    NotImplemented = 540,
    /// Hard.
    InternalError = 541,
}

impl ReplyCode {
    /// All of them, in order.
    pub const ALL: [Self; 19] = [
        Self::ReplySuccess,
        Self::ContentTooLarge,
        Self::NoRoute,
        Self::NoConsumers,
        Self::ConnectionForced,
        Self::InvalidPath,
        Self::AccessRefused,
        Self::NotFound,
        Self::ResourceLocked,
        Self::PreconditionFailed,
        Self::FrameError,
        Self::SyntaxError,
        Self::CommandInvalid,
        Self::ChannelError,
        Self::UnexpectedFrame,
        Self::ResourceError,
        Self::NotAllowed,
        Self::NotImplemented,
        Self::InternalError,
    ];

    /// The code of a number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|code| u64::from(code.number()) == number)
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The name that begins the reply text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReplySuccess => "REPLY_SUCCESS",
            Self::ContentTooLarge => "CONTENT_TOO_LARGE",
            Self::NoRoute => "NO_ROUTE",
            Self::NoConsumers => "NO_CONSUMERS",
            Self::ConnectionForced => "CONNECTION_FORCED",
            Self::InvalidPath => "INVALID_PATH",
            Self::AccessRefused => "ACCESS_REFUSED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceLocked => "RESOURCE_LOCKED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::FrameError => "FRAME_ERROR",
            Self::SyntaxError => "SYNTAX_ERROR",
            Self::CommandInvalid => "COMMAND_INVALID",
            Self::ChannelError => "CHANNEL_ERROR",
            Self::UnexpectedFrame => "UNEXPECTED_FRAME",
            Self::ResourceError => "RESOURCE_ERROR",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }

    /// Whether the code ends the whole connection (spec: 1.2, class "hard-error").
    #[must_use]
    pub fn is_hard(self) -> bool {
        match self {
            Self::ReplySuccess
            | Self::ContentTooLarge
            | Self::NoRoute
            | Self::NoConsumers
            | Self::AccessRefused
            | Self::NotFound
            | Self::ResourceLocked
            | Self::PreconditionFailed => false,
            Self::ConnectionForced
            | Self::InvalidPath
            | Self::FrameError
            | Self::SyntaxError
            | Self::CommandInvalid
            | Self::ChannelError
            | Self::UnexpectedFrame
            | Self::ResourceError
            | Self::NotAllowed
            | Self::NotImplemented
            | Self::InternalError => true,
        }
    }
}
