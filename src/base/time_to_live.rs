//! How long a message may wait.

use std::num::NonZeroU64;

/// A time to live in milliseconds, from 0. An `Option` of it is no larger than itself: one stands in
/// every message on its way into a queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimeToLive(NonZeroU64);

impl TimeToLive {
    /// One of this many milliseconds; the very largest number counts as one less.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(ms))
    }

    /// In milliseconds.
    #[must_use]
    pub fn ms(self) -> u64 {
        self.0.get() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_to_live_comes_back_and_none_costs_nothing() {
        for ms in [0, 1, 315_360_000_000, u64::MAX - 1] {
            assert_eq!(TimeToLive::from_ms(ms).ms(), ms);
        }
        assert_eq!(TimeToLive::from_ms(u64::MAX).ms(), u64::MAX - 1);
        assert_eq!(size_of::<Option<TimeToLive>>(), 8);
    }
}
