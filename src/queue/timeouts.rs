//! Consumers that do not settle what they were given (rabbitmq: consumers.md, delivery acknowledgement
//! time-out).
//!
//! A message knows when it was handed out; nothing else is kept per message. The queue knows one moment:
//! the earliest at which anybody could be late. When it comes, what is unsettled is looked through once,
//! and the next such moment is found: about one look per time-out. A message that `basic.get` fetched,
//! or whose consumer has left, has no time-out.

use crate::base::{ConsumerId, HolderId, MessageId, Millis};

use super::entry::Entry;
use super::releases::Leaving;
use super::slab::Key;
use super::{Attempt, Consumer, Effect, Effects, Machine};

impl<P: Clone> Machine<P> {
    /// Messages were handed out: somebody could be late now.
    pub(super) fn watch(&mut self, now: Millis) {
        if self.unsettled.len() == 0 {
            return;
        }
        if let Some(shortest) = self.shortest_timeout {
            let at = now.after(shortest);
            self.late_at = Some(self.late_at.map_or(at, |before| before.min(at)));
        }
    }

    /// A consumer comes: notes its time-out.
    pub(super) fn note_timeout(&mut self, consumer: &Consumer) {
        let shortest = self.shortest_timeout.into_iter();
        self.shortest_timeout = shortest.chain(self.timeout_of(consumer)).min();
        self.plain &= self.shortest_timeout.is_none();
    }

    /// The time-outs changed: everybody is looked at anew.
    pub(super) fn reset_timeouts(&mut self, now: Millis) {
        let timeouts = self.consumers.all().filter_map(|consumer| self.timeout_of(consumer));
        self.shortest_timeout = timeouts.min();
        self.late_at = self.shortest_timeout.map(|_| now);
    }

    fn timeout_of(&self, consumer: &Consumer) -> Option<u64> {
        consumer.timeout.or(self.config.consumer_timeout)
    }

    /// Consumers that are late lose their consumer and give back what they were given, when the time
    /// for a look has come.
    pub(super) fn look_for_late(&mut self, now: Millis, effects: &mut Effects<P>) {
        if self.late_at.is_none_or(|at| at > now) {
            return;
        }
        let mut late: Vec<(ConsumerId, HolderId, Key)> = Vec::new();
        let mut next: Option<Millis> = None;
        self.unsettled.each_of_consumers(|key, handed_at| {
            let Some(consumer) = self.consumers.get(key) else { return };
            let Some(timeout) = self.timeout_of(consumer) else { return };
            let at = handed_at.after(timeout);
            if at > now {
                next = Some(next.map_or(at, |before| before.min(at)));
            } else if late.iter().all(|(_, _, other)| *other != key) {
                late.push((consumer.id, consumer.holder, key));
            }
        });
        self.late_at = next;
        for (consumer, holder, key) in late {
            self.time_out(now, consumer, holder, key, effects);
        }
    }

    fn time_out(
        &mut self,
        now: Millis,
        consumer: ConsumerId,
        holder: HolderId,
        key: Key,
        effects: &mut Effects<P>,
    ) {
        effects.push(Effect::ConsumerTimeout { consumer, holder });
        let mut taken: Vec<(MessageId, Entry<P>)> = Vec::new();
        self.unsettled.take_of_consumer(holder, key, |id, entry| taken.push((id, entry)));
        self.remove_consumer(consumer);
        let mut leaving = Leaving::new();
        for (id, entry) in taken {
            self.come_back(now, id, entry, Attempt::Returned, &mut leaving, effects);
        }
        self.finish(leaving, effects);
        self.elect(effects);
        self.delete_if_unused(effects);
    }
}
