//! What a queue does of its own accord, when the time for it has come.
//!
//! A plain queue has nothing of the kind and never looks here.

use crate::base::Millis;

use super::expiry::before;
use super::{Command, DeadLetter, Effects, Machine, QueueConfig, WhenDue};

impl<P: Clone> Machine<P> {
    /// When the machine wants to be woken with [`Command::Tick`]; a moment that has passed when it has
    /// more to do than fits in one call. `None` when only a command can change something.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.plain || self.deleted {
            return None;
        }
        if self.wants_head() || self.has_surplus() && self.ready.has_first() {
            return Some(NOW);
        }
        let expiry = if self.holds_back() { None } else { self.head_expiry() };
        let deadlines = [expiry, self.first_due(), self.unused_deadline(), self.late_at];
        deadlines.into_iter().flatten().min()
    }

    /// Takes new settings over.
    pub(super) fn configure(&mut self, now: Millis, config: QueueConfig) {
        let QueueConfig { log, auto_delete, paging, .. } = self.config;
        let QueueConfig { single_active, max_priority, due, .. } = self.config;
        let declared = QueueConfig { log, auto_delete, paging, ..config };
        self.config = QueueConfig { single_active, max_priority, due, ..declared };
        self.plain = self.is_plain();
        self.used_at = Some(now);
        self.reset_timeouts(now);
    }

    /// Whether the queue has no feature that needs a look beside a command.
    pub(super) fn is_plain(&self) -> bool {
        let QueueConfig { dead_letter, message_ttl, delivery_limit, expires, .. } = self.config;
        dead_letter == DeadLetter::Drop
            && message_ttl.is_none()
            && delivery_limit.is_none()
            && expires.is_none()
            && self.config.consumer_timeout.is_none()
            && self.consumers.all().all(|consumer| consumer.timeout.is_none())
            && self.config.delayed_retry.is_none()
            && self.delayed() == 0
            && !self.ready.is_levelled()
            && !self.may_expire
            && !self.is_limited()
    }

    /// What is due before a command is done.
    #[inline(never)]
    pub(super) fn before(&mut self, now: Millis, command: &Command<P>, effects: &mut Effects<P>) {
        self.note_use(now, command);
        self.wake(now, effects);
        let by = match command {
            Command::Get { .. } | Command::Tick => Some(now),
            _ => before(now),
        };
        if let Some(by) = by {
            self.expire(by, effects);
        }
    }

    /// What is to be done after a command, or after everybody was given what they can take.
    #[inline(never)]
    pub(super) fn after(&mut self, now: Millis, effects: &mut Effects<P>) {
        if let Some(by) = before(now) {
            self.expire(by, effects);
        }
        self.look_for_late(now, effects);
        self.drop_surplus(effects);
        self.resume(now, effects);
        if self.wants_head() {
            self.page_in(effects);
        }
        if !self.deleted {
            self.end_if_unused(now, effects);
        }
    }

    /// Whether the head is to be looked at, is away, and nobody has asked for it.
    fn wants_head(&self) -> bool {
        self.ready.is_stalled()
            && !self.holds_back()
            && (self.may_expire
                || self.config.due != WhenDue::Ignored
                || self.config.message_ttl.is_some()
                || self.has_surplus())
    }
}

/// A moment that has passed.
const NOW: Millis = Millis(0);
