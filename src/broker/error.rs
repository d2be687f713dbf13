//! What the broker refuses, as code and text. Whether a channel or the connection ends is the code's
//! business and is decided in `protocol`.

use crate::base::ReplyCode;

/// A refusal: the code, and what follows `NAME - ` in the reply text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} - {text}", code.name())]
pub struct Refused {
    /// The code.
    pub code: ReplyCode,
    /// RabbitMQ's text.
    pub text: String,
}

/// Shorthand for `Err(Refused { … })`.
pub(super) fn refuse<T>(code: ReplyCode, text: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { code, text: text.into() })
}
