//! Messages that are rejected or return.

use crate::base::{HolderId, MessageId, Millis, Plant, planted};

use super::entry::Entry;
use super::releases::Leaving;
use super::{Attempt, Effect, Effects, Machine, Reason, Settlement};

impl<P: Clone> Machine<P> {
    /// Messages are rejected or return.
    pub(super) fn give_back(
        &mut self,
        now: Millis,
        holder: HolderId,
        settlement: Settlement,
        messages: &[(MessageId, MessageId)],
        effects: &mut Effects<P>,
    ) {
        let Self { unsettled, consumers, .. } = self;
        let mut taken = Vec::new();
        for &ids in messages {
            unsettled.take_run(holder, ids, |id, payload, facts, consumer| {
                if !planted(Plant::CreditLeak) {
                    consumers.give_back(consumer);
                }
                taken.push((id, Entry { payload, facts }));
            });
        }
        let mut leaving = Leaving::new();
        for (id, entry) in taken {
            match settlement {
                Settlement::Ack => leaving.let_go(&mut self.waiting, id, entry.facts, effects),
                Settlement::Requeue(attempt) => {
                    self.come_back(now, id, entry, attempt, &mut leaving, effects);
                }
                Settlement::Discard => {
                    self.give_up(Reason::Rejected, id, entry, &mut leaving, effects);
                }
            }
        }
        self.finish(leaving, effects);
    }

    /// A message returns, unless its attempts failed too often.
    pub(super) fn come_back(
        &mut self,
        now: Millis,
        id: MessageId,
        mut entry: Entry<P>,
        attempt: Attempt,
        leaving: &mut Leaving,
        effects: &mut Effects<P>,
    ) {
        entry.facts.count_attempt(attempt);
        if self.config.delivery_limit.is_some_and(|limit| entry.facts.delivery_count() > limit) {
            return self.give_up(Reason::DeliveryLimit, id, entry, leaving, effects);
        }
        if attempt == Attempt::Failed && self.config.keeps_failures && entry.facts.appended() {
            effects.push(Effect::AttemptFailed { id });
        }
        if let Some(until) = self.retry_at(now, entry.facts.delivery_count(), attempt) {
            return self.delayed.insert(until, id, entry);
        }
        self.ready.put_back(id, entry);
    }
}
