//! Messages that queues gave up, by reason and by what became of them.

use std::ops::AddAssign;

use crate::base::Counter;
use crate::queue::{Losses, Reason};

/// What becomes of messages that a queue gives up (rabbitmq: `dead_letter_strategy` of the metrics).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strategy {
    /// They are dropped: the queue has no dead-letter exchange.
    Disabled,
    /// They are sent once.
    AtMostOnce,
    /// They are kept until a queue has taken them.
    AtLeastOnce,
}

/// How many were given up, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "as the reasons")]
pub struct GivenUp {
    pub max_len: u64,
    pub expired: u64,
    pub rejected: u64,
    pub delivery_limit: u64,
}

/// The numbers of a queue, or of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeadLetterCounts {
    disabled: GivenUp,
    at_most_once: GivenUp,
    at_least_once: GivenUp,
    /// Of those that are kept until they are taken: what all queues they lead to have taken.
    pub confirmed: u64,
}

impl DeadLetterCounts {
    /// Those of which this became.
    #[must_use]
    pub fn of(&self, strategy: Strategy) -> GivenUp {
        match strategy {
            Strategy::Disabled => self.disabled,
            Strategy::AtMostOnce => self.at_most_once,
            Strategy::AtLeastOnce => self.at_least_once,
        }
    }
}

/// The counters of one queue, made for its first message that is given up.
#[derive(Debug, Default)]
pub(in crate::broker) struct DeadLetterCounters {
    disabled: ByReason,
    at_most_once: ByReason,
    at_least_once: ByReason,
    /// Written under the lock of the queue's courier; everything else by the holder of its core.
    pub(in crate::broker) confirmed: Counter,
}

#[derive(Debug, Default)]
struct ByReason {
    max_len: Counter,
    expired: Counter,
    rejected: Counter,
    delivery_limit: Counter,
}

impl DeadLetterCounters {
    /// What was dropped since there is a machine.
    pub(super) fn dropped(&self, losses: &Losses) {
        self.disabled.max_len.set(losses.max_len);
        self.disabled.expired.set(losses.expired);
        self.disabled.rejected.set(losses.rejected);
        self.disabled.delivery_limit.set(losses.delivery_limit);
    }

    /// A message is sent on, once or until it is taken.
    pub(super) fn sent(&self, reason: Reason, until_taken: bool) {
        let of = if until_taken { &self.at_least_once } else { &self.at_most_once };
        let counter = match reason {
            Reason::MaxLen => &of.max_len,
            Reason::Expired => &of.expired,
            Reason::Rejected => &of.rejected,
            Reason::DeliveryLimit => &of.delivery_limit,
            // It was held back, and is no dead letter.
            Reason::Due => return,
        };
        counter.add(1);
    }

    pub(super) fn counts(&self) -> DeadLetterCounts {
        DeadLetterCounts {
            disabled: self.disabled.counts(),
            at_most_once: self.at_most_once.counts(),
            at_least_once: self.at_least_once.counts(),
            confirmed: self.confirmed.get(),
        }
    }
}

impl ByReason {
    fn counts(&self) -> GivenUp {
        GivenUp {
            max_len: self.max_len.get(),
            expired: self.expired.get(),
            rejected: self.rejected.get(),
            delivery_limit: self.delivery_limit.get(),
        }
    }
}

impl AddAssign for GivenUp {
    fn add_assign(&mut self, other: Self) {
        self.max_len += other.max_len;
        self.expired += other.expired;
        self.rejected += other.rejected;
        self.delivery_limit += other.delivery_limit;
    }
}

impl AddAssign for DeadLetterCounts {
    fn add_assign(&mut self, other: Self) {
        self.disabled += other.disabled;
        self.at_most_once += other.at_most_once;
        self.at_least_once += other.at_least_once;
        self.confirmed += other.confirmed;
    }
}
