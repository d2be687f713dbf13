//! The credit that all consumers of one channel share (`basic.qos` with `global`).
//!
//! Cells take from it while they hand out, on any thread; the session gives back. The race between
//! "refused" and "given back" is closed as follows: a refused cell sets `starved` and tries once more;
//! the session gives back first and looks at `starved` afterwards. One of the two sees the other.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub struct ChannelCredit {
    /// 0: no limit.
    limit: AtomicU32,
    /// Deliveries that are not settled. Without a limit nobody counts.
    in_use: AtomicU32,
    starved: AtomicBool,
}

impl ChannelCredit {
    /// No limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one, if there is one.
    pub fn try_take(&self) -> bool {
        if self.take_below_limit() {
            return true;
        }
        self.starved.store(true, Ordering::SeqCst);
        self.take_below_limit()
    }

    /// Gives `messages` back; says whether somebody was refused meanwhile and wants to be told.
    pub fn give_back(&self, messages: u32) -> bool {
        let mut in_use = self.in_use.load(Ordering::SeqCst);
        loop {
            let left = in_use.saturating_sub(messages);
            match self.in_use.compare_exchange_weak(
                in_use,
                left,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) {
                Ok(_) => break,
                Err(now) => in_use = now,
            }
        }
        self.starved.swap(false, Ordering::SeqCst)
    }

    /// Sets the limit (`None`: no limit), of which `used` is taken; says whether somebody wants to be
    /// told.
    pub fn set_limit(&self, limit: Option<u32>, used: u32) -> bool {
        self.in_use.store(used, Ordering::SeqCst);
        self.limit.store(limit.unwrap_or(0), Ordering::SeqCst);
        self.starved.swap(false, Ordering::SeqCst)
    }

    /// The limit; 0 for none.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::SeqCst)
    }

    /// Whether nothing is left of it.
    pub(super) fn is_used_up(&self) -> bool {
        let limit = self.limit();
        limit > 0 && self.in_use.load(Ordering::SeqCst) >= limit
    }

    fn take_below_limit(&self) -> bool {
        let limit = self.limit.load(Ordering::SeqCst);
        if limit == 0 {
            return true;
        }
        let mut in_use = self.in_use.load(Ordering::SeqCst);
        while in_use < limit {
            match self.in_use.compare_exchange_weak(
                in_use,
                in_use + 1,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) {
                Ok(_) => return true,
                Err(now) => in_use = now,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_stops_at_its_limit_and_names_the_starved() {
        let credit = ChannelCredit::new();
        credit.set_limit(Some(2), 0);
        assert!(credit.try_take());
        assert!(credit.try_take());
        assert!(!credit.try_take());
        assert!(credit.give_back(1), "a refused cell wants to be told");
        assert!(!credit.give_back(0), "and only once");
        assert!(credit.try_take());
    }

    #[test]
    fn deliveries_before_the_limit_was_set_count() {
        let credit = ChannelCredit::new();
        assert!(credit.try_take());
        credit.set_limit(Some(1), 1);
        assert!(!credit.try_take());
    }
}
