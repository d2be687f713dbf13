//! What is kept of the past of one thing. Pure.

use std::collections::VecDeque;

use crate::base::Millis;

/// A moment by both clocks: one that never goes back, for rates, and one that people read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct Moment {
    pub(in crate::http) now: Millis,
    pub(in crate::http) unix_ms: u64,
}

/// A ring: how far apart its samples are, and how far they reach back, in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) struct Ring {
    pub(in crate::http) step_ms: u64,
    pub(in crate::http) window_ms: u64,
}

const fn ring(window_s: u64, step_s: u64) -> Ring {
    Ring { step_ms: step_s * 1000, window_ms: window_s * 1000 }
}

/// Of the process, of everything, and of virtual hosts (rabbitmq: `sample_retention_policies.global`).
pub(in crate::http) const GLOBAL: &[Ring] =
    &[ring(605, 5), ring(3660, 60), ring(29_400, 600), ring(88_200, 1800)];

/// Of queues, exchanges, channels and connections (rabbitmq: `sample_retention_policies.basic`, which ends after an
/// hour; here there is a day as well).
pub(in crate::http) const BASIC: &[Ring] = &[ring(605, 5), ring(3660, 60), ring(88_200, 1800)];

/// See the module. A sample that is the one before again is not kept again, so what stands still costs next to
/// nothing, and nothing costs more than the samples of its rings.
#[derive(Clone, Debug)]
pub(in crate::http) struct History<S> {
    pub(super) before: Option<(Moment, S)>,
    pub(super) last: (Moment, S),
    /// When the numbers were found to be others than before, in ms since 1970.
    pub(super) changed_unix_ms: u64,
    /// When somebody wanted to see it.
    pub(super) looked_at: Option<Millis>,
    /// There when there was room.
    rings: Vec<VecDeque<(u64, S)>>,
}

impl<S: Copy + PartialEq> History<S> {
    pub(super) fn new(at: Moment, sample: S) -> Self {
        let changed_unix_ms = at.unix_ms;
        let (before, looked_at, rings) = (None, None, Vec::new());
        Self { before, last: (at, sample), changed_unix_ms, looked_at, rings }
    }

    /// The next sample. `due` says for each ring whether it gets it.
    pub(super) fn push(&mut self, at: Moment, sample: S) {
        if self.last.1 != sample {
            self.changed_unix_ms = at.unix_ms;
        }
        self.before = Some(self.last);
        self.last = (at, sample);
    }

    /// Puts the last sample into the rings that are due.
    pub(super) fn keep(&mut self, policy: &[Ring], due: &[bool]) {
        let (Moment { unix_ms, .. }, sample) = self.last;
        for ((ring, due), kept) in policy.iter().zip(due).zip(&mut self.rings) {
            if !due && !kept.is_empty() {
                continue;
            }
            // The clock that people read may be put back, and then nothing before it means anything.
            kept.retain(|(at, _)| *at <= unix_ms);
            if kept.back().is_none_or(|(_, last)| *last != sample) {
                kept.push_back((unix_ms, sample));
            }
            let oldest = unix_ms.saturating_sub(ring.window_ms);
            while kept.get(1).is_some_and(|(at, _)| *at <= oldest) {
                kept.pop_front();
            }
        }
    }

    pub(super) fn has_rings(&self) -> bool {
        !self.rings.is_empty()
    }

    pub(super) fn give_rings(&mut self, policy: &[Ring]) {
        self.rings = vec![VecDeque::new(); policy.len()];
    }

    pub(super) fn take_rings(&mut self) {
        self.rings = Vec::new();
    }

    /// The sample that was in force at that moment, out of the finest ring that reaches as far back as is wanted.
    pub(super) fn at(&self, policy: &[Ring], age_ms: u64, unix_ms: u64) -> Option<&S> {
        let reaches = policy.iter().position(|ring| ring.window_ms >= age_ms);
        let kept = self.rings.get(reaches.unwrap_or(policy.len().saturating_sub(1)))?;
        let behind = kept.partition_point(|(at, _)| *at <= unix_ms);
        kept.get(behind.checked_sub(1)?).map(|(_, sample)| sample)
    }

    /// Samples in its rings.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.rings.iter().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment { now: Millis(ms), unix_ms: 1_000_000_000_000 + ms }
    }

    /// A history that gets a sample each five seconds, for so long.
    fn after(seconds: u64, sample: impl Fn(u64) -> u64) -> History<u64> {
        let mut history = History::new(at(0), sample(0));
        history.give_rings(BASIC);
        for second in (0..=seconds).step_by(5) {
            history.push(at(second * 1000), sample(second));
            let due: Vec<bool> =
                BASIC.iter().map(|ring| (second * 1000).is_multiple_of(ring.step_ms)).collect();
            history.keep(BASIC, &due);
        }
        history
    }

    #[test]
    fn a_day_of_change_costs_what_its_rings_hold() {
        let history = after(2 * 86_400, |second| second);
        let rings: u64 = BASIC.iter().map(|ring| ring.window_ms / ring.step_ms + 1).sum();
        assert!(history.kept() as u64 <= rings, "{} of {rings}", history.kept());
        let seen = |age_s: u64, ago_s: u64| {
            let then = at((2 * 86_400 - ago_s) * 1000).unix_ms;
            history.at(BASIC, age_s * 1000, then).copied()
        };
        let end = 2 * 86_400;
        assert_eq!(
            (seen(60, 0), seen(60, 5), seen(600, 600)),
            (Some(end), Some(end - 5), Some(end - 600))
        );
        assert_eq!((seen(3600, 60), seen(3600, 3600)), (Some(end - 60), Some(end - 3600)));
        assert_eq!(
            (seen(86_400, 1800), seen(86_400, 86_400)),
            (Some(end - 1800), Some(end - 86_400))
        );
        assert_eq!(seen(60, 86_400), None, "before all that is kept in fine steps");
    }

    #[test]
    fn what_stands_still_costs_nothing_and_is_there_all_the_same() {
        let history = after(86_400, |_| 7);
        assert_eq!(history.kept(), BASIC.len());
        assert_eq!(history.at(BASIC, 60_000, at(86_400_000).unix_ms), Some(&7));
        assert_eq!(history.changed_unix_ms, at(0).unix_ms);
    }

    #[test]
    fn a_clock_that_is_put_back_leaves_no_samples_of_the_future() {
        let mut history = after(100, |second| second);
        let earlier = Moment { now: Millis(105_000), unix_ms: at(0).unix_ms - 50_000 };
        history.push(earlier, 1);
        history.keep(BASIC, &[true, true, true]);
        assert_eq!(history.kept(), 3);
        assert_eq!(history.at(BASIC, 60_000, earlier.unix_ms), Some(&1));
    }
}
