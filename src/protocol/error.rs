//! The one place that turns what went wrong into `channel.close`, `connection.close` or a silent end.

use std::borrow::Cow;

use crate::base::limits::{MESSAGE_BYTES_MAX_HARD, REPLY_TEXT_BYTES_MAX};
use crate::base::{ConsumerTag, DeliveryTag, ReplyCode, ShortStr};
use crate::wire::{Close, MethodId, WireError};

use super::action::Refusal;

/// What a peer did wrong, or why the broker refuses. The display form is what follows `NAME - ` in
/// RabbitMQ's reply text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ProtocolError {
    /// Bytes that are not AMQP 0-9-1.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The broker's word.
    #[error("{text}")]
    Broker { code: ReplyCode, text: String },
    /// The broker answered what was not asked. The text stays empty: the name alone is sent.
    #[error("")]
    Internal,

    #[error("expected method frame, got non method frame instead")]
    ExpectedMethod,
    #[error("expected content header for class 60, got non content header frame instead")]
    ExpectedHeader,
    #[error("expected content header for class 60, got one for class {class} instead")]
    HeaderOfOtherClass { class: u16 },
    #[error("expected content body, got non content body frame instead")]
    ExpectedBody,
    #[error("content body frame exceeds remaining content size")]
    BodyTooLong,
    #[error("content body size {bytes} exceeds maximum allowed size {MESSAGE_BYTES_MAX_HARD}")]
    BodyAboveHardMax { bytes: u64 },
    #[error("message size {bytes} is larger than {} size {bytes_max}", configured(*bytes_max))]
    MessageTooLarge { bytes: u64, bytes_max: u64 },

    #[error("unexpected method in connection state {state}")]
    UnexpectedMethod { state: &'static str },
    #[error("negotiated {field} = {value}{} is lower than the minimum allowed value ({min})", no_limit(field, *value))]
    TuneTooLow { field: &'static str, value: u32, min: u32 },
    #[error("negotiated {field} = {value}{} is higher than the maximum allowed value ({max})", no_limit(field, *value))]
    TuneTooHigh { field: &'static str, value: u32, max: u32 },
    #[error("unknown authentication mechanism '{mechanism}'")]
    UnknownMechanism { mechanism: ShortStr },
    /// RabbitMQ prints the response into its log; a password is in it.
    #[error("PLAIN response invalid")]
    PlainResponse,
    #[error("AMQPLAIN auth info is missing LOGIN or PASSWORD field")]
    AmqplainField,
    #[error("AMQPLAIN auth info uses unsupported type for LOGIN or PASSWORD field")]
    AmqplainType,
    #[error("{text}")]
    LoginRefused { text: String },

    #[error("expected 'channel.open'")]
    ChannelNotOpen,
    #[error("second 'channel.open' seen")]
    ChannelOpenTwice,
    #[error("number of channels opened ({open}) has reached the negotiated channel_max ({max})")]
    TooManyChannels { open: usize, max: u16 },
    #[error("active=false")]
    FlowOff,
    #[error("unimplemented method")]
    Unimplemented,

    #[error("no previously declared queue")]
    NoDeclaredQueue,
    #[error("attempt to reuse consumer tag '{tag}'")]
    ConsumerTagInUse { tag: ConsumerTag },
    #[error("reached maximum ({max}) of consumers per channel")]
    TooManyConsumers { max: usize },
    #[error("prefetch_size!=0 ({bytes})")]
    PrefetchSize { bytes: u32 },
    #[error("requeue=false")]
    RecoverWithoutRequeue,
    #[error("unknown delivery tag {}", tag.0)]
    UnknownDeliveryTag { tag: DeliveryTag },
    #[error("immediate=true")]
    Immediate,
    #[error("reply consumer cannot acknowledge")]
    ReplyConsumerAcknowledges,
    #[error("reply consumer already set")]
    ReplyConsumerSet,
    #[error("fast reply consumer does not exist")]
    NoReplyConsumer,

    #[error("cannot switch from confirm to tx mode")]
    ConfirmToTx,
    #[error("cannot switch from tx to confirm mode")]
    TxToConfirm,
    #[error("channel is not transactional")]
    NotTransactional,
    #[error("partial tx completion")]
    PartialCommit,
    #[error("transaction holds more than {bytes_max} bytes of publishes")]
    TxBytes { bytes_max: u64 },
    #[error("transaction holds more than {entries_max} publishes and acknowledgements")]
    TxEntries { entries_max: usize },
}

/// RabbitMQ leaves the word out where the limit is its own.
fn configured(bytes_max: u64) -> &'static str {
    if bytes_max == MESSAGE_BYTES_MAX_HARD { "max" } else { "configured max" }
}

/// RabbitMQ explains a zero for one of the fields only.
fn no_limit(field: &str, value: u32) -> &'static str {
    if field == "channel_max" && value == 0 { " (no limit)" } else { "" }
}

impl ProtocolError {
    fn code(&self) -> ReplyCode {
        match self {
            Self::Wire(error) => error.reply_code(),
            Self::Broker { code, .. } => *code,
            Self::Internal => ReplyCode::InternalError,
            Self::LoginRefused { .. } => ReplyCode::AccessRefused,
            Self::NoDeclaredQueue => ReplyCode::NotFound,
            Self::MessageTooLarge { .. }
            | Self::UnknownDeliveryTag { .. }
            | Self::ReplyConsumerAcknowledges
            | Self::ReplyConsumerSet
            | Self::NoReplyConsumer
            | Self::ConfirmToTx
            | Self::TxToConfirm
            | Self::NotTransactional
            | Self::PartialCommit
            | Self::TxBytes { .. }
            | Self::TxEntries { .. } => ReplyCode::PreconditionFailed,
            Self::BodyTooLong | Self::BodyAboveHardMax { .. } => ReplyCode::FrameError,
            Self::PlainResponse | Self::AmqplainField | Self::AmqplainType => {
                ReplyCode::SyntaxError
            }
            Self::UnknownMechanism { .. } | Self::Unimplemented => ReplyCode::CommandInvalid,
            Self::UnexpectedMethod { .. } | Self::ChannelNotOpen | Self::ChannelOpenTwice => {
                ReplyCode::ChannelError
            }
            Self::ExpectedMethod
            | Self::ExpectedHeader
            | Self::HeaderOfOtherClass { .. }
            | Self::ExpectedBody => ReplyCode::UnexpectedFrame,
            Self::TuneTooLow { .. }
            | Self::TuneTooHigh { .. }
            | Self::TooManyChannels { .. }
            | Self::ConsumerTagInUse { .. }
            | Self::TooManyConsumers { .. } => ReplyCode::NotAllowed,
            Self::FlowOff
            | Self::PrefetchSize { .. }
            | Self::RecoverWithoutRequeue
            | Self::Immediate => ReplyCode::NotImplemented,
        }
    }

    /// The error together with the method that failed.
    pub(super) fn of(self, failed: MethodId) -> Failure {
        Failure { error: self, failed }
    }
}

/// An error and the method that failed: everything that a `close` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    error: ProtocolError,
    failed: MethodId,
}

/// What ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Severity {
    /// The channel.
    Soft,
    /// The connection.
    Hard,
}

impl Failure {
    pub(super) fn code(&self) -> ReplyCode {
        self.error.code()
    }

    pub(super) fn error(&self) -> &ProtocolError {
        &self.error
    }

    /// Which of the two ends. On channel 0 there is no channel to close.
    pub(super) fn severity(&self) -> Severity {
        if self.code().is_hard() { Severity::Hard } else { Severity::Soft }
    }

    /// The fields of either `close` method.
    pub(super) fn close(&self) -> Close {
        let code = self.code();
        Close {
            reply_code: code.number(),
            reply_text: reply_text(code, &self.error.to_string()),
            failed: self.failed,
        }
    }

    /// RabbitMQ's log line for an error that ends a channel or a connection.
    pub(super) fn log_line(&self, ends: Severity) -> String {
        let operation = self.failed.name().unwrap_or("none");
        let name = self.code().name().to_ascii_lowercase();
        match ends {
            Severity::Soft => {
                format!("operation {operation} caused a channel exception {name}: {}", self.error)
            }
            Severity::Hard => format!(
                "operation {operation} caused a connection exception {name}: \"{}\"",
                self.error
            ),
        }
    }

    /// The log line where the peer is told nothing.
    pub(super) fn silent_log_line(&self, state: &str) -> String {
        format!("closing connection in state {state}: {} - {}", self.code().name(), self.error)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        let failed = error.failed();
        ProtocolError::Wire(error).of(failed)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, text, failed } = refusal;
        ProtocolError::Broker { code, text }.of(failed)
    }
}

/// `NAME - explanation`, cut to a short string; the name alone where nothing is to be explained.
pub(super) fn reply_text(code: ReplyCode, explanation: &str) -> ShortStr {
    let text: Cow<'static, str> = if explanation.is_empty() {
        Cow::Borrowed(code.name())
    } else {
        Cow::Owned(format!("{} - {explanation}", code.name()))
    };
    short_text(&text)
}

/// Text as a short string; what is too long is cut between characters and ends in `...`.
pub(super) fn short_text(text: &str) -> ShortStr {
    if let Ok(short) = ShortStr::try_from(text) {
        return short;
    }
    let mut kept = String::with_capacity(REPLY_TEXT_BYTES_MAX);
    for char in text.chars() {
        if kept.len() + char.len_utf8() + CUT_MARK.len() > REPLY_TEXT_BYTES_MAX {
            break;
        }
        kept.push(char);
    }
    let text = kept + CUT_MARK;
    ShortStr::try_from(text.as_str()).unwrap_or_default()
}

/// Ends a text that was cut.
const CUT_MARK: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let text = reply_text(ReplyCode::NotFound, &"é".repeat(200));
        assert!(text.as_bytes().len() <= 255);
        assert!(text.to_text().ends_with("é..."), "{text}");
        assert!(text.to_text().starts_with("NOT_FOUND - é"), "{text}");
        let exact = "x".repeat(255 - "NOT_FOUND - ".len());
        assert_eq!(reply_text(ReplyCode::NotFound, &exact).as_bytes().len(), 255);
        assert!(!reply_text(ReplyCode::NotFound, &exact).to_text().ends_with("..."));
    }

    #[test]
    fn without_an_explanation_the_name_stands_alone() {
        assert_eq!(reply_text(ReplyCode::InternalError, "").as_bytes(), b"INTERNAL_ERROR");
    }
}
