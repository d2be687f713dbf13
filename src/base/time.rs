//! The only place that reads a clock. Everywhere else time is a parameter (promise 7).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since an origin that the [`Clock`] chose; only differences mean anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// This moment and `ms` more; the end of time when that is beyond it.
    #[must_use]
    pub fn after(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where `now` comes from.
pub trait Clock: Send + Sync {
    /// A moment that never goes back.
    fn now(&self) -> Millis;

    /// Milliseconds since 1970, for moments that must be known after a restart. May go back.
    fn unix_ms(&self) -> u64;

    /// Nanoseconds since 1970, for spans that are laid beside those of other programs. May go back.
    fn unix_ns(&self) -> u64 {
        self.unix_ms().saturating_mul(1_000_000)
    }

    /// Seconds since 1970, for timestamps that people and clients read.
    fn unix_seconds(&self) -> u64 {
        self.unix_ms() / 1000
    }

    /// The moment by a clock that nobody turns, with the origin of this one: for what the other end of a
    /// network is given time for.
    fn real_now(&self) -> Millis {
        self.now()
    }

    /// A moment that [`Self::real_now`] gave, as [`Self::now`] goes by now.
    fn of_real(&self, real: Millis) -> Millis {
        real
    }

    /// Milliseconds of real time until this clock shows a moment; `None` while it stands.
    fn real_ms_until(&self, at: Millis) -> Option<u64> {
        Some(at.since(self.now()))
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is this moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the clock")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        // 584 million years of milliseconds fit.
        Millis(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one home of the clock")]
    fn unix_ms(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        elapsed.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one home of the clock")]
    fn unix_ns(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        // 584 years of nanoseconds fit.
        elapsed.map_or(0, |elapsed| u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Measures how long something took, where milliseconds are too coarse. Copies count from the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    /// Counts from this moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        // 584 years of nanoseconds fit.
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that a test turns by hand.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the clock forward.
    pub fn advance(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.now_ms.load(Ordering::SeqCst))
    }

    fn unix_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }
}
