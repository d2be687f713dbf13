//! What a driver asks to know how long messages wait.

use crate::base::{MessageId, Millis};

use super::Machine;

impl<P: Clone> Machine<P> {
    /// The message that is handed out next, wherever it lies.
    #[must_use]
    pub fn oldest_ready(&self) -> Option<MessageId> {
        self.ready.oldest()
    }

    /// When the unsettled message that was handed out first was. Costs a look at each holder.
    #[must_use]
    pub fn oldest_unsettled_at(&self) -> Option<Millis> {
        self.unsettled.oldest_at()
    }
}
