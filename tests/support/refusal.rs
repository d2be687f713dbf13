//! What a broker answers when it refuses: code, text, and the method that is to blame.

use super::broker::on_oracle;
use super::ids::Id;

/// An expected `channel.close` or `connection.close`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) text: String,
    pub(crate) failed: Id,
}

/// Expects this code and this text, to the letter.
pub(crate) fn refusal(code: u16, text: impl Into<String>, failed: Id) -> Refusal {
    Refusal { code, text: text.into(), failed }
}

impl Refusal {
    /// RabbitMQ 3.10 says something else than the newest RabbitMQ.
    pub(crate) fn or_oracle(self, code: u16, text: impl Into<String>) -> Self {
        if on_oracle() { Self { code, text: text.into(), ..self } } else { self }
    }

    /// RabbitMQ 3.10 blames another method.
    pub(crate) fn oracle_blames(self, failed: Id) -> Self {
        if on_oracle() { Self { failed, ..self } } else { self }
    }

    /// Whether the code ends the connection (spec: 1.2, hard-error).
    pub(crate) fn is_hard(&self) -> bool {
        matches!(self.code, 320 | 402 | 501..=506 | 530 | 540 | 541)
    }
}
