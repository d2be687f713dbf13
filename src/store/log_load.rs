//! What the log has to write, as those who bring more may know it, and the count it is made of.
//!
//! Invariants:
//! * B1: what is counted was handed in and is not written yet.
//! * B2: what was handed in while `takes` was `n` is written when `takes` is `n + 2`, or nothing waits.
//! * B3: a message takes at most [`LOG_CHARGE_BYTES_MAX`] of the room, however large it is, and all its bytes count for
//!   the pressure.

use super::segment_log::size_of_entry;
use super::{Entry, Submission};
use crate::base::Pressure;
use crate::base::limits::LOG_CHARGE_BYTES_MAX;

/// How much the log has to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogLoad {
    /// High while more bytes wait than the log likes to hold, and while it cannot write.
    pub pressure: Pressure,
    /// Bytes that may be handed in until everybody is to wait; 0 while the log cannot write.
    pub room_bytes: u64,
    /// How often the writer has taken what waited. What was handed in two takes ago is written.
    pub takes: u64,
}

impl LogLoad {
    /// That of a log which holds nothing back.
    pub const NONE: Self = Self { pressure: Pressure::Normal, room_bytes: u64::MAX, takes: 0 };
}

/// Bytes of submissions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Weight {
    /// All of them.
    pub(super) bytes: u64,
    /// What they take of the room.
    pub(super) charged_bytes: u64,
}

impl Weight {
    pub(super) fn of(submission: &Submission) -> Self {
        let mut weight = Self::default();
        for entry in &submission.entries {
            let bytes = size_of_entry(entry) as u64;
            weight.bytes += bytes;
            weight.charged_bytes += match entry {
                Entry::Enqueue { .. } => bytes.min(LOG_CHARGE_BYTES_MAX),
                Entry::Settle { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => bytes,
            };
        }
        weight
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.charged_bytes += other.charged_bytes;
    }
}

/// What waits for the writer, and what it is writing.
#[derive(Default, Debug)]
pub(super) struct Backlog {
    waiting: Weight,
    taken: Weight,
    takes: u64,
}

impl Backlog {
    /// Something was handed in; gives the bytes that wait now.
    pub(super) fn add(&mut self, weight: Weight) -> u64 {
        self.waiting.add(weight);
        self.waiting.bytes
    }

    /// The writer has taken what waits.
    pub(super) fn take(&mut self) {
        self.taken = std::mem::take(&mut self.waiting);
        self.takes += 1;
    }

    /// The writer is done with what it took.
    pub(super) fn done(&mut self) {
        self.taken = Weight::default();
    }

    /// All bytes that wait, what is left of `room_bytes`, and the number of takes.
    pub(super) fn figures(&self, room_bytes: u64) -> (u64, u64, u64) {
        let charged = self.waiting.charged_bytes + self.taken.charged_bytes;
        (self.waiting.bytes + self.taken.bytes, room_bytes.saturating_sub(charged), self.takes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::MessageId;
    use crate::store::QueueNumber;

    fn weight(bytes: u64) -> Weight {
        Weight { bytes, charged_bytes: bytes.min(LOG_CHARGE_BYTES_MAX) }
    }

    #[test]
    fn what_was_handed_in_two_takes_ago_is_counted_no_more() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.add(weight(100)), 100);
        assert_eq!(backlog.figures(1000), (100, 900, 0));
        backlog.take();
        backlog.add(weight(10));
        assert_eq!(backlog.figures(1000), (110, 890, 1), "it is being written");
        backlog.done();
        backlog.take();
        assert_eq!(backlog.figures(1000), (10, 990, 2));
        backlog.done();
        assert_eq!(backlog.figures(1000), (0, 1000, 2));
    }

    #[test]
    fn a_large_message_leaves_room_for_others() {
        let mut backlog = Backlog::default();
        backlog.add(weight(100 << 20));
        assert_eq!(backlog.figures(6 << 20), (100 << 20, (6 << 20) - LOG_CHARGE_BYTES_MAX, 0));
    }

    #[test]
    fn settles_take_room_by_their_runs() {
        let runs = vec![(MessageId(1), MessageId(5)); 3];
        let entries = vec![Entry::Settle { queue: QueueNumber(1), runs }];
        let submission = Submission { entries, durable: false, atomic: false, done: None };
        assert_eq!(Weight::of(&submission), Weight { bytes: 80, charged_bytes: 80 });
    }
}
