//! What a queue keeps of a message. The id stands beside it, never inside: the ready list does not need
//! to store it at all.

use std::num::NonZeroU64;

use crate::base::Millis;

use super::slab::Key;
use super::{Attempt, Residence};

/// A message in the queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry<P> {
    /// The driver's handle.
    pub(super) payload: P,
    /// The rest.
    pub(super) facts: Facts,
}

/// What the machine itself wants to know of a message: two words, so that a message moves through the
/// lists in whole words. Small fields side by side were written one by one and read as one, for which
/// the processor waits: up to a quarter of what a message cost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Facts {
    /// Bytes it costs.
    pub(super) bytes: u64,
    /// The delivery count in the upper half, the acquired count, the priority and flags in the lower;
    /// [`PRESENT`] is always set.
    marks: NonZeroU64,
}

impl Facts {
    /// Of a message that comes in.
    #[inline]
    pub(super) fn new(bytes: u64, appended: bool) -> Self {
        Self { bytes, marks: PRESENT | (u64::from(appended) * APPENDED) }
    }

    /// Of a message that was in the queue before, and of which no attempt failed so far.
    pub(super) fn known(
        bytes: u64,
        acquired_count: u16,
        appended: bool,
        residence: Residence,
    ) -> Self {
        let count = u64::from(acquired_count) * ACQUIRED_ONCE;
        let mut facts = Self::new(bytes, appended);
        facts.marks |= count;
        facts.set_residence(residence);
        facts
    }

    /// How often it was handed out before; stays at the highest number that fits.
    #[inline]
    pub(super) fn acquired_count(self) -> u16 {
        let [_, _, low, high, ..] = self.marks.get().to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// How many of these attempts failed; stays at the highest number that fits.
    #[inline]
    pub(super) fn delivery_count(self) -> u32 {
        (self.marks.get() / FAILED_ONCE) as u32
    }

    /// Whether [`super::Effect::Append`] was emitted for it.
    #[inline]
    pub(super) fn appended(self) -> bool {
        self.marks.get() & APPENDED != 0
    }

    /// Where its bytes are.
    #[inline]
    pub(super) fn residence(self) -> Residence {
        if self.marks.get() & ON_DISK == 0 { Residence::Ram } else { Residence::Disk }
    }

    /// So many attempts failed; none was counted before.
    pub(super) fn set_delivery_count(&mut self, count: u32) {
        self.marks |= u64::from(count) * FAILED_ONCE;
    }

    /// Its bytes, when they are not in RAM.
    #[inline]
    pub(super) fn disk_bytes(self) -> u64 {
        match self.residence() {
            Residence::Ram => 0,
            Residence::Disk => self.bytes,
        }
    }

    /// Its bytes are elsewhere now.
    pub(super) fn set_residence(&mut self, residence: Residence) {
        let others = PRESENT | (self.marks.get() & !ON_DISK);
        self.marks = match residence {
            Residence::Ram => others,
            Residence::Disk => others | ON_DISK,
        };
    }

    /// Whether it expires ([`super::expiry`]).
    #[inline]
    pub(super) fn expires(self) -> bool {
        self.marks.get() & EXPIRES != 0
    }

    /// Whether it is known beside its place: in the log, or among those that expire.
    #[inline]
    pub(super) fn leaves_traces(self) -> bool {
        self.marks.get() & (APPENDED | ON_DISK | EXPIRES) != 0
    }

    /// It expires, or it does not any more.
    pub(super) fn set_expires(&mut self, expires: bool) {
        let others = PRESENT | (self.marks.get() & !EXPIRES);
        self.marks = if expires { others | EXPIRES } else { others };
    }

    /// Its priority, within what the queue has.
    #[inline]
    pub(super) fn priority(self) -> u8 {
        self.marks.get().to_le_bytes()[PRIORITY_BYTE]
    }

    /// It has this priority; it had none before.
    pub(super) fn set_priority(&mut self, priority: u8) {
        self.marks |= u64::from(priority) << (8 * PRIORITY_BYTE);
    }

    /// It was handed out and came back.
    pub(super) fn count_attempt(&mut self, attempt: Attempt) {
        if self.acquired_count() < u16::MAX {
            self.marks = self.marks.saturating_add(ACQUIRED_ONCE);
        }
        if attempt == Attempt::Failed {
            self.marks = self.marks.checked_add(FAILED_ONCE).unwrap_or(self.marks);
        }
    }
}

const PRESENT: NonZeroU64 = NonZeroU64::MIN;
const APPENDED: u64 = 1 << 1;
const ON_DISK: u64 = 1 << 2;
const EXPIRES: u64 = 1 << 3;
const PRIORITY_BYTE: usize = 1;
const ACQUIRED_ONCE: u64 = 1 << 16;
const FAILED_ONCE: u64 = 1 << 32;

/// A message that was handed out and is not settled.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Handed<P> {
    /// The message.
    pub(super) entry: Entry<P>,
    /// When it was handed out.
    pub(super) at: Millis,
    /// Whose credit it uses; `None` for `basic.get` and without acks. The consumer may be gone by now.
    pub(super) consumer: Option<Key>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_message_does_not_mix() {
        for appended in [false, true] {
            for residence in [Residence::Ram, Residence::Disk] {
                let mut facts = Facts::known(7, 0, appended, residence);
                facts.count_attempt(Attempt::Returned);
                facts.count_attempt(Attempt::Returned);
                assert_eq!(facts, Facts::known(7, 2, appended, residence));
                assert_eq!((facts.appended(), facts.residence()), (appended, residence));
                assert_eq!((facts.acquired_count(), facts.delivery_count()), (2, 0));
                let mut failed = facts;
                failed.count_attempt(Attempt::Failed);
                assert_eq!((failed.acquired_count(), failed.delivery_count()), (3, 1));
                assert_eq!((failed.appended(), failed.residence()), (appended, residence));
                assert_eq!((failed.priority(), failed.bytes), (0, 7));
                facts.set_expires(true);
                assert_eq!((facts.expires(), facts.acquired_count()), (true, 2));
                facts.set_residence(Residence::Disk);
                facts.set_expires(false);
                let mut prior = facts;
                prior.set_priority(255);
                assert_eq!((prior.priority(), facts.priority()), (255, 0));
                assert_eq!((prior.appended(), prior.expires()), (appended, false));
                assert_eq!((prior.residence(), prior.acquired_count()), (Residence::Disk, 2));
                assert_eq!(prior.delivery_count(), 0);
                assert_eq!(facts, Facts::known(7, 2, appended, Residence::Disk));
                facts.set_residence(Residence::Ram);
                assert_eq!(facts, Facts::known(7, 2, appended, Residence::Ram));
            }
        }
        assert_eq!(Facts::new(7, true), Facts::known(7, 0, true, Residence::Ram));
    }

    #[test]
    fn counts_stay_at_the_highest_number_that_fits() {
        let mut facts = Facts::known(0, u16::MAX - 1, true, Residence::Disk);
        facts.count_attempt(Attempt::Failed);
        for failed in 2..5 {
            facts.count_attempt(Attempt::Failed);
            assert_eq!((facts.acquired_count(), facts.delivery_count()), (u16::MAX, failed));
        }
        facts.marks |= u64::from(u32::MAX) * FAILED_ONCE;
        let before = facts;
        facts.count_attempt(Attempt::Failed);
        assert_eq!(facts, before);
    }
}
