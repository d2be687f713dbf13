//! Queues that end when nobody uses them (rabbitmq: ttl.md, queue TTL): no consumer, no `basic.get` and
//! no redeclaration for a while. Publishing is no use.

use crate::base::Millis;

use super::{Command, Effect, Effects, Machine};

impl<P: Clone> Machine<P> {
    /// When the queue ends if nobody uses it before that. A moment that has passed, when it has to be
    /// told first what time it is.
    pub(super) fn unused_deadline(&self) -> Option<Millis> {
        let expires = self.config.expires?;
        if !self.consumers.is_empty() || !self.deferred.is_empty() {
            return None;
        }
        Some(self.used_at.map_or(Millis(0), |at| at.after(expires)))
    }

    /// Notes that the queue is used: while it has consumers, up to the command by which the last one
    /// leaves, and by questions.
    pub(super) fn note_use(&mut self, now: Millis, command: &Command<P>) {
        let asks = matches!(command, Command::Get { .. } | Command::Inspect { .. });
        if asks || !self.consumers.is_empty() || self.used_at.is_none() {
            self.used_at = Some(now);
        }
    }

    /// Ends the queue, if nobody used it for long enough.
    pub(super) fn end_if_unused(&mut self, now: Millis, effects: &mut Effects<P>) {
        if self.used_at.is_some() && self.unused_deadline().is_some_and(|at| at <= now) {
            self.drop_everything(effects);
            effects.push(Effect::Deleted);
        }
    }
}
