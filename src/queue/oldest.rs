//! What a driver asks to know how long messages are out.

use crate::base::Millis;

use super::Machine;

impl<P: Clone> Machine<P> {
    /// When the unsettled message that was handed out first was. Costs a look at each holder.
    #[must_use]
    pub fn oldest_unsettled_at(&self) -> Option<Millis> {
        self.unsettled.oldest_at()
    }
}
