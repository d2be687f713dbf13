//! Queues with a limit (rabbitmq: maxlength.md).
//!
//! Only ready messages count. A message that a consumer can take at once never counts: the surplus is
//! found after consumers were given what they can take, and a publish is refused only when it would
//! have to wait. (Commands come in batches here, and consumers are served after a batch; one by one the
//! same messages would have been handed out on their way in.)

use crate::base::limits::QUEUE_STEP_MESSAGES_MAX;

use super::releases::Leaving;
use super::{Effect, Effects, Machine, Overflow, PublishRef, Reason};

/// What a batch of publishes may still bring in, when publishes are refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Messages of the batch that consumers take at once.
    taken_at_once: u64,
    /// Ready messages that stay, and their bytes.
    messages: u64,
    bytes: u64,
}

impl Room {
    /// Whether one more message fits; it is counted then.
    fn admits(&mut self, bytes: u64, max_length: Option<u64>, max_bytes: Option<u64>) -> bool {
        if self.taken_at_once > 0 {
            self.taken_at_once -= 1;
            return true;
        }
        let (messages, bytes) = (self.messages + 1, self.bytes + bytes);
        let fits = max_length.is_none_or(|max| messages <= max)
            && max_bytes.is_none_or(|max| bytes <= max);
        if fits {
            (self.messages, self.bytes) = (messages, bytes);
        }
        fits
    }
}

impl<P: Clone> Machine<P> {
    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.config.max_length.is_some() || self.config.max_length_bytes.is_some()
    }

    /// What may come in, when publishes are refused above the limit.
    pub(super) fn room(&self) -> Option<Room> {
        if self.config.overflow == Overflow::DropHead || !self.is_limited() {
            return None;
        }
        let (credit, ready) = (self.consumers.credit(), self.ready.len());
        // What waits already is taken first.
        Some(Room {
            taken_at_once: credit.saturating_sub(ready),
            messages: ready.saturating_sub(credit),
            bytes: if credit < ready { self.own_bytes() } else { 0 },
        })
    }

    /// Whether a publish is refused.
    pub(super) fn refuses(&self, room: &mut Option<Room>, bytes: u64) -> bool {
        let (max_length, max_bytes) = (self.config.max_length, self.config.max_length_bytes);
        let bytes = bytes.saturating_sub(self.config.bytes_beside);
        room.as_mut().is_some_and(|room| !room.admits(bytes, max_length, max_bytes))
    }

    /// A publish is refused: it gets no id.
    pub(super) fn refuse(
        &mut self,
        payload: P,
        publish: Option<PublishRef>,
        effects: &mut Effects<P>,
    ) {
        let passed_on =
            self.config.overflow == Overflow::RejectPublishDlx && self.has_dead_letters();
        if passed_on {
            effects.push(Effect::DeadLetterRefused { payload, reason: Reason::MaxLen });
        }
        match publish {
            Some(publish) => effects.push(Effect::Refuse { publish }),
            None if passed_on => {}
            None => self.losses.refused += 1,
        }
    }

    /// The bytes of ready messages, as the limit counts them.
    fn own_bytes(&self) -> u64 {
        self.ready.bytes().saturating_sub(self.ready.len() * self.config.bytes_beside)
    }

    /// Whether the oldest messages are to be given up now.
    pub(super) fn has_surplus(&self) -> bool {
        let is_over = |max: Option<u64>, have: u64| max.is_some_and(|max| have > max);
        self.config.overflow == Overflow::DropHead
            && (is_over(self.config.max_length, self.ready.len())
                || is_over(self.config.max_length_bytes, self.own_bytes()))
            && !self.ready.is_empty()
            && !self.consumers.has_turn()
            && !self.holds_back()
    }

    /// Gives up the head until the queue is within its limits, as much as fits in one call.
    pub(super) fn drop_surplus(&mut self, effects: &mut Effects<P>) {
        let mut leaving = Leaving::new();
        for _ in 0..QUEUE_STEP_MESSAGES_MAX {
            if !self.has_surplus() {
                break;
            }
            let Some((id, entry)) = self.take_head() else { break };
            self.give_up(Reason::MaxLen, id, entry, &mut leaving, effects);
        }
        self.finish(leaving, effects);
    }
}
