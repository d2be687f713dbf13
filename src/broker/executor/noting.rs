//! What the message log hears beside messages.

use super::Executor;
use crate::base::{MessageId, Plant, planted};
use crate::broker::storing::Storing;
use crate::queue::Span;
use crate::store::Entry;

impl Executor {
    /// Whether persistent messages outlive the process here.
    pub(in crate::broker) fn keeps_messages(&self) -> bool {
        self.storing.as_ref().is_some_and(Storing::is_durable)
    }

    /// Something about keys that is to be in the log with what this turn brought.
    pub(in crate::broker) fn keep_keys(&mut self, entry: Option<Entry>) {
        if let Some(storing) = &mut self.storing {
            storing.keep_keys(entry);
        }
    }

    /// A message came back from an attempt that counts as failed.
    #[inline]
    pub(super) fn attempt_failed(&mut self, id: MessageId) {
        if let Some(storing) = &mut self.storing {
            storing.attempt_failed(id);
        }
    }

    /// The log hears that a dead letter is gone before it is anywhere else, when that bug is planted.
    #[inline]
    pub(super) fn let_go_early(&mut self, id: MessageId) {
        if planted(Plant::DeadLetterLetGo)
            && let Some(storing) = &mut self.storing
        {
            storing.release(&Span { first: id, last: id, messages: 1, bytes: 0, appended: 1 });
        }
    }
}
