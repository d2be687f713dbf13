//! What went through a queue, counted where it is cheap: plain numbers in the queue's core.

use crate::base::ConsumerId;
use crate::queue::{Command, Settlement};

/// Messages since the queue is there, or the broker runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Came in.
    pub publish: u64,
    /// Were handed to consumers that settle them.
    pub deliver: u64,
    /// Were handed to consumers that do not.
    pub deliver_no_ack: u64,
    /// Were fetched and are to be settled.
    pub get: u64,
    /// Were fetched and are not.
    pub get_no_ack: u64,
    /// Were not there to be fetched.
    pub get_empty: u64,
    /// Were handed out once more than once, whichever way.
    pub redeliver: u64,
    /// Were acknowledged.
    pub ack: u64,
}

impl Traffic {
    /// Everything that was handed out.
    #[must_use]
    pub fn deliver_get(&self) -> u64 {
        self.deliver + self.deliver_no_ack + self.get + self.get_no_ack
    }

    /// A message goes out; consumer 0 is a fetch.
    #[inline]
    pub(super) fn hands_out(&mut self, consumer: ConsumerId, to_settle: bool, again: bool) {
        let counter = match (consumer, to_settle) {
            (ConsumerId(0), true) => &mut self.get,
            (ConsumerId(0), false) => &mut self.get_no_ack,
            (_, true) => &mut self.deliver,
            (_, false) => &mut self.deliver_no_ack,
        };
        *counter += 1;
        self.redeliver += u64::from(again);
    }

    /// Messages are settled.
    #[inline]
    pub(super) fn settles<P>(&mut self, command: &Command<P>) {
        if let Command::Settle { settlement: Settlement::Ack, messages, .. } = command {
            let runs = messages.iter();
            self.ack += runs.map(|(first, last)| last.0.saturating_sub(first.0) + 1).sum::<u64>();
        }
    }
}
