//! The budget for message bytes held in RAM, shared by every queue of the process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Whether the budget is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pressure {
    /// Below the watermark.
    Normal,
    /// At or over the watermark: publishers are to be held back.
    High,
}

/// Counts message bytes in RAM. Written once per batch, never once per message.
#[derive(Debug)]
pub struct MemoryBudget {
    used_bytes: AtomicU64,
    watermark_bytes: AtomicU64,
}

impl MemoryBudget {
    /// A budget with this watermark in bytes.
    #[must_use]
    pub fn new(watermark_bytes: u64) -> Self {
        Self { used_bytes: AtomicU64::new(0), watermark_bytes: AtomicU64::new(watermark_bytes) }
    }

    /// Bytes came in and bytes went out in one batch.
    pub fn change(&self, added_bytes: u64, removed_bytes: u64) {
        if added_bytes >= removed_bytes {
            self.used_bytes.fetch_add(added_bytes - removed_bytes, Ordering::Relaxed);
        } else {
            self.used_bytes.fetch_sub(removed_bytes - added_bytes, Ordering::Relaxed);
        }
    }

    /// Bytes held now.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// The watermark in bytes.
    #[must_use]
    pub fn watermark_bytes(&self) -> u64 {
        self.watermark_bytes.load(Ordering::Relaxed)
    }

    /// Another watermark; it counts from the next look at the pressure on.
    pub fn set_watermark_bytes(&self, bytes: u64) {
        self.watermark_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The bytes below which pressure falls again.
    #[must_use]
    pub fn clears_below_bytes(&self) -> u64 {
        self.watermark_bytes() / 10 * 9
    }

    /// Pressure rises at the watermark and falls again only below nine tenths of it, so that
    /// publishers are not blocked and freed message by message.
    #[must_use]
    pub fn pressure(&self, before: Pressure) -> Pressure {
        let (used, watermark) = (self.used_bytes(), self.watermark_bytes());
        let clears_below = self.clears_below_bytes();
        match before {
            Pressure::Normal if used >= watermark => Pressure::High,
            // rabbitmq: memory.md, a watermark of 0 holds every publisher back for good.
            Pressure::High if used > clears_below || watermark == 0 => Pressure::High,
            Pressure::Normal | Pressure::High => Pressure::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_rises_at_the_watermark_and_falls_below_nine_tenths() {
        let budget = MemoryBudget::new(1000);
        budget.change(1000, 0);
        assert_eq!(budget.pressure(Pressure::Normal), Pressure::High);
        budget.change(0, 50);
        assert_eq!(budget.pressure(Pressure::High), Pressure::High);
        assert_eq!(budget.pressure(Pressure::Normal), Pressure::Normal);
        budget.change(0, 50);
        assert_eq!(budget.pressure(Pressure::High), Pressure::Normal);
    }

    #[test]
    fn a_lower_watermark_counts_at_once_and_none_is_always_reached() {
        let budget = MemoryBudget::new(1000);
        budget.change(500, 0);
        budget.set_watermark_bytes(500);
        assert_eq!(budget.pressure(Pressure::Normal), Pressure::High);
        budget.change(0, 500);
        budget.set_watermark_bytes(0);
        for before in [Pressure::Normal, Pressure::High] {
            assert_eq!(budget.pressure(before), Pressure::High);
        }
    }
}
