//! A clock that somebody turns: the machine's time and what was added to it, or a moment that stands.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::time::{Clock, Millis, SystemClock};

/// What a [`TurnedClock`] shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TurnedTime {
    /// The moment, since the origin of the clock.
    pub now: Millis,
    /// The moment, in milliseconds since 1970.
    pub unix_ms: u64,
    /// All that was added, in milliseconds.
    pub advanced_ms: u64,
    /// Whether it stands until somebody turns it.
    pub frozen: bool,
}

/// See the module. It never goes back (T4).
#[derive(Debug, Default)]
pub struct TurnedClock {
    machine: SystemClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    advanced_ms: u64,
    /// Where it stands, while it does.
    standing: Option<Standing>,
    frozen: bool,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    now: Millis,
    unix_ms: u64,
}

impl TurnedClock {
    /// A clock that shows the machine's time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What it shows.
    #[must_use]
    pub fn time(&self) -> TurnedTime {
        let state = self.lock();
        let Standing { now, unix_ms } = self.shown(&state);
        TurnedTime { now, unix_ms, advanced_ms: state.advanced_ms, frozen: state.frozen }
    }

    /// It stands until [`Self::resume`]; only [`Self::turn_to`] moves it.
    pub fn freeze(&self) {
        self.hold();
        self.lock().frozen = true;
    }

    /// It shows the machine's time and what was added again, so it jumps over the time for which it stood.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.frozen = false;
        state.standing = None;
    }

    /// It stands until [`Self::let_go`], for as long as somebody turns it.
    pub fn hold(&self) {
        let mut state = self.lock();
        let shown = self.shown(&state);
        state.standing = Some(shown);
    }

    /// It goes on, unless it is frozen.
    pub fn let_go(&self) {
        let mut state = self.lock();
        if !state.frozen {
            state.standing = None;
        }
    }

    /// Turns it forward to a moment; one that is past changes nothing.
    pub fn turn_to(&self, at: Millis) {
        let mut state = self.lock();
        let shown = self.shown(&state);
        let by_ms = at.since(shown.now);
        state.advanced_ms = state.advanced_ms.saturating_add(by_ms);
        if let Some(standing) = &mut state.standing {
            standing.now = standing.now.after(by_ms);
            standing.unix_ms = standing.unix_ms.saturating_add(by_ms);
        }
    }

    fn shown(&self, state: &State) -> Standing {
        state.standing.unwrap_or_else(|| Standing {
            now: self.machine.now().after(state.advanced_ms),
            unix_ms: self.machine.unix_ms().saturating_add(state.advanced_ms),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under it can panic between two changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Millis {
        self.time().now
    }

    fn unix_ms(&self) -> u64 {
        self.time().unix_ms
    }

    fn real_now(&self) -> Millis {
        self.machine.now()
    }

    fn of_real(&self, real: Millis) -> Millis {
        let state = self.lock();
        state.standing.map_or_else(|| real.after(state.advanced_ms), |standing| standing.now)
    }

    fn real_ms_until(&self, at: Millis) -> Option<u64> {
        let state = self.lock();
        if state.standing.is_some() { None } else { Some(at.since(self.shown(&state).now)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_AN_HOUR_MS: u64 = 30 * 60 * 1000;

    #[test]
    fn a_clock_that_is_turned_shows_the_machines_time_and_what_was_added_t4() {
        let clock = TurnedClock::new();
        let before = clock.time();
        clock.turn_to(clock.now().after(HALF_AN_HOUR_MS));
        let after = clock.time();
        assert!(after.now.since(before.now) >= HALF_AN_HOUR_MS);
        assert!(after.unix_ms - before.unix_ms >= HALF_AN_HOUR_MS - 1000);
        assert!(clock.real_now().since(before.now) < HALF_AN_HOUR_MS, "that one nobody turns");
        let real = clock.real_now();
        assert_eq!(clock.of_real(real), real.after(after.advanced_ms));
        clock.turn_to(before.now);
        assert!(clock.now() >= after.now, "it never goes back");
    }

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_turned_t5() {
        let clock = TurnedClock::new();
        clock.freeze();
        let stood = clock.time();
        assert_eq!(clock.real_ms_until(stood.now.after(5)), None, "it never gets there by itself");
        clock.turn_to(stood.now.after(700));
        let turned = clock.time();
        assert_eq!((turned.now, turned.unix_ms), (stood.now.after(700), stood.unix_ms + 700));
        assert_eq!((turned.advanced_ms, turned.frozen), (700, true));
        assert_eq!(clock.of_real(Millis(0)), turned.now);
        clock.let_go();
        assert_eq!(clock.time(), turned, "who froze it lets it go");
        clock.resume();
        assert!(clock.now() >= turned.now && !clock.time().frozen);
        assert!(clock.real_ms_until(clock.now().after(500)).is_some_and(|ms| ms <= 500));
    }

    #[test]
    fn a_clock_that_is_held_goes_on_where_it_was_turned_to() {
        let clock = TurnedClock::new();
        clock.hold();
        let (held, target) = (clock.time(), clock.now().after(HALF_AN_HOUR_MS));
        assert_eq!(clock.time(), held);
        clock.turn_to(target);
        assert_eq!(clock.now(), target);
        clock.let_go();
        assert!(clock.now() >= target && clock.now() < target.after(HALF_AN_HOUR_MS));
    }
}
