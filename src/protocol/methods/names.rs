//! Names as clients send them.

use crate::base::{ExchangeName, QueueName};

/// rabbitmq: line ends in the names of queues and exchanges are dropped without a word.
pub(super) fn queue_name(name: QueueName) -> QueueName {
    match without_line_ends(name.as_str()) {
        // What was UTF-8 and short still is.
        Some(text) => QueueName::try_from(text.as_str()).unwrap_or(name),
        None => name,
    }
}

/// As [`queue_name`].
pub(super) fn exchange_name(name: ExchangeName) -> ExchangeName {
    match without_line_ends(name.as_str()) {
        Some(text) => ExchangeName::try_from(text.as_str()).unwrap_or(name),
        None => name,
    }
}

fn without_line_ends(text: &str) -> Option<String> {
    text.contains(LINE_ENDS).then(|| text.replace(LINE_ENDS, ""))
}

const LINE_ENDS: [char; 2] = ['\r', '\n'];
