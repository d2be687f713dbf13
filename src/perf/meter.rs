//! What the threads of a load count, and what is read from it while they run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use crate::base::Stopwatch;

/// The counters of one thread. Only that thread writes; nothing orders anything, they are only figures.
/// Aligned so that two threads do not share a cache line.
#[repr(align(128))]
pub(super) struct Meter {
    pub(super) published: AtomicU64,
    pub(super) confirmed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) redelivered: AtomicU64,
    pub(super) acked: AtomicU64,
    last_publish_ns: AtomicU64,
    last_confirm_ns: AtomicU64,
    last_delivery_ns: AtomicU64,
    blocked_ns: AtomicU64,
    /// 0 when it is not blocked.
    blocked_since_ns: AtomicU64,
    /// From a message's stamp to its delivery, in ns.
    deliveries: Mutex<Latencies>,
    /// From a write to the confirm of its last message, in ns.
    confirms: Mutex<Latencies>,
}

/// How often each duration was seen, in ns, to three digits.
pub(super) type Latencies = Histogram<u64>;

impl Meter {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            published: zero(),
            confirmed: zero(),
            refused: zero(),
            returned: zero(),
            delivered: zero(),
            redelivered: zero(),
            acked: zero(),
            last_publish_ns: zero(),
            last_confirm_ns: zero(),
            last_delivery_ns: zero(),
            blocked_ns: zero(),
            blocked_since_ns: zero(),
            deliveries: Mutex::new(latencies()),
            confirms: Mutex::new(latencies()),
        }
    }

    pub(super) fn published(&self, count: u64, now_ns: u64) {
        add(&self.published, count);
        self.last_publish_ns.store(now_ns, Ordering::Relaxed);
    }

    /// The broker has read everything that was published.
    pub(super) fn taken(&self, now_ns: u64) {
        self.last_publish_ns.store(now_ns, Ordering::Relaxed);
    }

    pub(super) fn confirmed(&self, count: u64, refused: u64, now_ns: u64) {
        add(&self.confirmed, count);
        add(&self.refused, refused);
        self.last_confirm_ns.store(now_ns, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, count: u64, redelivered: u64, now_ns: u64) {
        add(&self.delivered, count);
        add(&self.redelivered, redelivered);
        self.last_delivery_ns.store(now_ns, Ordering::Relaxed);
    }

    pub(super) fn acked(&self, count: u64) {
        add(&self.acked, count);
    }

    pub(super) fn returned(&self, count: u64) {
        add(&self.returned, count);
    }

    /// `connection.blocked`.
    pub(super) fn blocked(&self, now_ns: u64) {
        self.blocked_since_ns.store(now_ns.max(1), Ordering::Relaxed);
    }

    /// `connection.unblocked`.
    pub(super) fn unblocked(&self, now_ns: u64) {
        let since = self.blocked_since_ns.swap(0, Ordering::Relaxed);
        if since > 0 {
            add(&self.blocked_ns, now_ns.saturating_sub(since));
        }
    }

    /// Where delivery latencies are written; held for one read.
    pub(super) fn deliveries(&self) -> MutexGuard<'_, Latencies> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where confirm latencies are written; held for one read.
    pub(super) fn confirms(&self) -> MutexGuard<'_, Latencies> {
        self.confirms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self, now_ns: u64) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let since = get(&self.blocked_since_ns);
        let now_blocked = if since > 0 { now_ns.saturating_sub(since) } else { 0 };
        Totals {
            published: get(&self.published),
            confirmed: get(&self.confirmed),
            refused: get(&self.refused),
            returned: get(&self.returned),
            delivered: get(&self.delivered),
            redelivered: get(&self.redelivered),
            acked: get(&self.acked),
            last_publish_ns: get(&self.last_publish_ns),
            last_confirm_ns: get(&self.last_confirm_ns),
            last_delivery_ns: get(&self.last_delivery_ns),
            blocked_ns: get(&self.blocked_ns) + now_blocked,
        }
    }
}

/// The counters of all threads at one moment. Times are the latest of any thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    pub(super) published: u64,
    pub(super) confirmed: u64,
    pub(super) refused: u64,
    pub(super) returned: u64,
    pub(super) delivered: u64,
    pub(super) redelivered: u64,
    pub(super) acked: u64,
    pub(super) last_publish_ns: u64,
    pub(super) last_confirm_ns: u64,
    pub(super) last_delivery_ns: u64,
    /// The longest of any connection.
    pub(super) blocked_ns: u64,
}

impl Totals {
    /// Of all these threads.
    pub(super) fn of<'a>(meters: impl IntoIterator<Item = &'a Meter>, now_ns: u64) -> Self {
        meters.into_iter().map(|meter| meter.totals(now_ns)).fold(Self::default(), |a, b| Self {
            published: a.published + b.published,
            confirmed: a.confirmed + b.confirmed,
            refused: a.refused + b.refused,
            returned: a.returned + b.returned,
            delivered: a.delivered + b.delivered,
            redelivered: a.redelivered + b.redelivered,
            acked: a.acked + b.acked,
            last_publish_ns: a.last_publish_ns.max(b.last_publish_ns),
            last_confirm_ns: a.last_confirm_ns.max(b.last_confirm_ns),
            last_delivery_ns: a.last_delivery_ns.max(b.last_delivery_ns),
            blocked_ns: a.blocked_ns.max(b.blocked_ns),
        })
    }

    /// What the broker's work is divided by: the larger of what went in and what came out.
    pub(super) fn messages(&self) -> u64 {
        self.published.max(self.delivered)
    }
}

/// What all threads of a run know.
pub(super) struct Course {
    /// Started with the load.
    pub(super) clock: Stopwatch,
    over: AtomicBool,
    /// Tells stamps of this run from those of another, and from none.
    run: u64,
}

impl Course {
    /// A run that begins now; `run` tells it from others.
    pub(super) fn new(run: u64) -> Self {
        let run = (run % RUNS_MAX).max(1);
        Self { clock: Stopwatch::start(), over: AtomicBool::new(false), run }
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.clock.elapsed_ns()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// A moment as the first word of a body.
    pub(super) fn stamp(&self, at_ns: u64) -> u64 {
        self.run << STAMP_BITS | at_ns & STAMP_MASK
    }

    /// The moment in a word; `None` when this run did not write it.
    #[inline]
    pub(super) fn stamped_ns(&self, word: u64) -> Option<u64> {
        (word >> STAMP_BITS == self.run).then_some(word & STAMP_MASK)
    }
}

/// An empty histogram for up to an hour; what is longer counts as an hour.
pub(super) fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3)
        .expect("1 is above 0, the bounds are two apart, and three digits are within five")
}

fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// 52 days of nanoseconds.
const STAMP_BITS: u32 = 52;
const STAMP_MASK: u64 = (1 << STAMP_BITS) - 1;
const RUNS_MAX: u64 = 1 << (64 - STAMP_BITS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_known_by_its_run_only() {
        let (one, other) = (Course::new(5), Course::new(6));
        assert_eq!(one.stamped_ns(one.stamp(123)), Some(123));
        assert_eq!(other.stamped_ns(one.stamp(123)), None);
        assert_eq!(one.stamped_ns(0), None);
        assert_ne!(Course::new(4096).stamp(0), 0, "no run is nameless");
    }

    #[test]
    fn totals_are_sums_and_latest_times() {
        let (one, two) = (Meter::new(), Meter::new());
        one.published(10, 100);
        one.published(5, 200);
        two.published(1, 150);
        two.delivered(7, 2, 300);
        two.acked(6);
        two.blocked(100);
        two.unblocked(130);
        two.blocked(200);
        let totals = Totals::of([&one, &two], 250);
        assert_eq!((totals.published, totals.last_publish_ns), (16, 200));
        assert_eq!((totals.delivered, totals.redelivered, totals.acked), (7, 2, 6));
        assert_eq!(totals.blocked_ns, 80);
        assert_eq!(totals.messages(), 16);
    }
}
