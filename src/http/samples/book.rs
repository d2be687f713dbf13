//! The histories of all things of one kind.
//!
//! A leaf lock. Bounded: of more things than are to be sampled, those that somebody looked at in the last minute come
//! first, and one without samples stands still. Fewer have rings; who looks at one without gives it the rings of one
//! that nobody looks at.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::model::{Details, Number, SamplePoint, Stats};
use super::history::{History, Moment, Ring};
use super::range::Range;
use super::table::Named;
use crate::base::Millis;
use crate::base::limits::SAMPLED_MEMORY_MS;

/// How many things a book holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) struct Bounds {
    /// With the last two samples of each.
    pub(in crate::http) things: usize,
    /// With rings.
    pub(in crate::http) rings: usize,
}

/// See the module.
pub(in crate::http) struct Book<K, S> {
    inner: Mutex<Inner<K, S>>,
    policy: &'static [Ring],
    bounds: Bounds,
}

struct Inner<K, S> {
    histories: BTreeMap<K, History<S>>,
    /// Things without a history that somebody looked at.
    wanted: BTreeMap<K, Millis>,
    /// When each ring was given a sample last.
    kept_at: Vec<Option<Millis>>,
}

impl<K: Ord + Clone, S: Copy + PartialEq> Book<K, S> {
    pub(in crate::http) fn new(policy: &'static [Ring], bounds: Bounds) -> Self {
        let inner = Inner {
            histories: BTreeMap::new(),
            wanted: BTreeMap::new(),
            kept_at: vec![None; policy.len()],
        };
        Self { inner: Mutex::new(inner), policy, bounds }
    }

    /// Takes the samples of one walk: of everything that is there.
    pub(in crate::http) fn take(&self, at: Moment, mut all: Vec<(K, S)>) {
        let mut inner = self.lock();
        let Inner { histories, wanted, kept_at } = &mut *inner;
        let lately = |looked: &Millis| at.now.since(*looked) <= SAMPLED_MEMORY_MS;
        wanted.retain(|_, looked| lately(looked));
        if all.len() > self.bounds.things {
            let is_wanted = |key: &K| {
                wanted.contains_key(key)
                    || histories
                        .get(key)
                        .and_then(|one| one.looked_at)
                        .is_some_and(|at| lately(&at))
            };
            all.sort_by_cached_key(|(key, _)| (!is_wanted(key), !histories.contains_key(key)));
            all.truncate(self.bounds.things);
        }
        let due: Vec<bool> = self
            .policy
            .iter()
            .zip(kept_at.iter_mut())
            .map(|(ring, kept)| {
                // A walk comes a little early or late; a ring is not to miss every second one for that.
                let due = kept.is_none_or(|before| at.now.since(before) >= ring.step_ms / 10 * 9);
                if due {
                    *kept = Some(at.now);
                }
                due
            })
            .collect();
        let mut next = BTreeMap::new();
        for (key, sample) in all {
            let history = if let Some(mut history) = histories.remove(&key) {
                history.push(at, sample);
                history
            } else {
                let mut history = History::new(at, sample);
                history.looked_at = wanted.remove(&key);
                history
            };
            next.insert(key, history);
        }
        *histories = next;
        share_rings(histories, self.policy, self.bounds.rings, lately);
        for history in histories.values_mut() {
            history.keep(self.policy, &due);
        }
    }

    /// Looks at some of these things together: they will be sampled before others.
    pub(in crate::http) fn look<'k, T>(
        &self,
        now: Millis,
        keys: impl Iterator<Item = &'k K>,
        look: impl FnOnce(&Series<'_, S>) -> T,
    ) -> T
    where
        K: 'k,
    {
        let mut inner = self.lock();
        let Inner { histories, wanted, .. } = &mut *inner;
        let keys: Vec<&K> = keys.collect();
        for key in &keys {
            match histories.get_mut(*key) {
                Some(history) => history.looked_at = Some(now),
                None if wanted.len() < self.bounds.rings => {
                    wanted.insert((*key).clone(), now);
                }
                None => {}
            }
        }
        let histories = keys.iter().filter_map(|key| histories.get(*key)).collect();
        look(&Series { histories, policy: self.policy })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, S>> {
        // Numbers are put into maps; nothing in between can fail.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn sampled(&self) -> (Vec<K>, Vec<K>) {
        let inner = self.lock();
        let ringed = inner.histories.iter().filter(|(_, one)| one.has_rings());
        (inner.histories.keys().cloned().collect(), ringed.map(|(key, _)| key.clone()).collect())
    }
}

/// Gives rings to those that have none, those first that somebody looks at.
fn share_rings<K: Ord + Clone, S: Copy + PartialEq>(
    histories: &mut BTreeMap<K, History<S>>,
    policy: &[Ring],
    rings_max: usize,
    lately: impl Fn(&Millis) -> bool,
) {
    let mut rings = histories.values().filter(|one| one.has_rings()).count();
    if rings == histories.len() {
        return;
    }
    let is_wanted = |one: &History<S>| one.looked_at.as_ref().is_some_and(&lately);
    let starving = histories.values().filter(|one| is_wanted(one) && !one.has_rings()).count();
    let mut to_take = (rings + starving).saturating_sub(rings_max);
    for history in histories.values_mut() {
        if to_take > 0 && history.has_rings() && !is_wanted(history) {
            history.take_rings();
            to_take -= 1;
            rings -= 1;
        }
    }
    for wanted in [true, false] {
        for history in histories.values_mut() {
            if rings < rings_max && !history.has_rings() && is_wanted(history) == wanted {
                history.give_rings(policy);
                rings += 1;
            }
        }
    }
}

/// The samples of some things that are seen as one.
pub(in crate::http) struct Series<'a, S> {
    histories: Vec<&'a History<S>>,
    policy: &'static [Ring],
}

/// The samples of a range: at each moment one of each thing that was there.
struct Points<'a, S>(Vec<(u64, Vec<&'a S>)>);

impl<S: Copy + PartialEq> Series<'_, S> {
    /// Numbers of this moment, with how fast they grow and how they were.
    pub(in crate::http) fn stats(
        &self,
        names: &[Named<S>],
        now: &S,
        range: Option<Range>,
        unix_ms: u64,
    ) -> Stats {
        let points = range.map(|range| self.points(range, unix_ms));
        let number = |name: &Named<S>| Number {
            name: name.name,
            details_name: name.details,
            value: (name.number)(now),
            details: self.details(name, points.as_ref()),
        };
        Stats(names.iter().map(number).collect())
    }

    /// Since when nothing has changed, in ms since 1970; `None` when something did between the last two samples,
    /// or since.
    pub(in crate::http) fn idle_since_unix_ms(&self, now: &S) -> Option<u64> {
        let history = self.histories.first()?;
        let (_, before) = history.before?;
        let is_idle = before == history.last.1 && history.last.1 == *now;
        is_idle.then_some(history.changed_unix_ms)
    }

    fn points(&self, range: Range, unix_ms: u64) -> Points<'_, S> {
        let at = |moment| {
            let samples = self.histories.iter();
            let samples = samples.filter_map(|one| one.at(self.policy, range.age_ms, moment));
            (moment, samples.collect::<Vec<_>>())
        };
        let points = range.moments(unix_ms).map(at);
        Points(points.filter(|(_, samples)| !samples.is_empty()).collect())
    }

    fn details(&self, name: &Named<S>, points: Option<&Points<'_, S>>) -> Details {
        let Some(Points(points)) = points else {
            return Details { rate: self.rate(name), ..Details::default() };
        };
        let samples: Vec<SamplePoint> = points
            .iter()
            .map(|(timestamp, samples)| SamplePoint {
                sample: samples.iter().map(|one| (name.number)(one)).sum(),
                timestamp: *timestamp,
            })
            .collect();
        let between = |last: Option<&SamplePoint>, first: Option<&SamplePoint>| {
            let (Some(last), Some(first)) = (last, first) else { return 0.0 };
            name.per_second(first.sample, last.sample, last.timestamp - first.timestamp)
        };
        let sum: u64 = samples.iter().map(|point| point.sample).sum();
        Details {
            rate: between(samples.first(), samples.get(1)),
            avg_rate: Some(between(samples.first(), samples.last())),
            avg: Some(mean(sum, samples.len())),
            samples: Some(samples),
        }
    }

    /// What lies between the last two samples; a thing that has only one stands still.
    fn rate(&self, name: &Named<S>) -> f64 {
        let (mut first, mut last, mut elapsed_ms) = (0, 0, 0);
        for history in &self.histories {
            let Some((before_at, before)) = &history.before else { continue };
            first += (name.number)(before);
            last += (name.number)(&history.last.1);
            elapsed_ms = elapsed_ms.max(history.last.0.now.since(before_at.now));
        }
        name.per_second(first, last, elapsed_ms)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean for people; 2^53 is exact enough")]
fn mean(sum: u64, of: usize) -> f64 {
    if of == 0 { 0.0 } else { sum as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::history::BASIC;
    use super::super::range::Rounding;
    use super::super::table::number;
    use super::*;

    const NAMES: &[Named<(u64, u64)>] =
        &[number!("grows", |s| s.0), number!(level "moves", |s| s.1)];

    fn at(seconds: u64) -> Moment {
        Moment { now: Millis(seconds * 1000), unix_ms: (seconds + 1_000_000) * 1000 }
    }

    fn book(things: usize, rings: usize) -> Book<u8, (u64, u64)> {
        Book::new(BASIC, Bounds { things, rings })
    }

    fn details(
        book: &Book<u8, (u64, u64)>,
        keys: &[u8],
        range: Option<Range>,
        second: u64,
    ) -> Vec<Details> {
        let Stats(stats) = book.look(at(second).now, keys.iter(), |series| {
            series.stats(NAMES, &(0, 0), range, at(second).unix_ms)
        });
        stats.into_iter().map(|number| number.details).collect()
    }

    fn rates(book: &Book<u8, (u64, u64)>, keys: &[u8], second: u64) -> Vec<f64> {
        details(book, keys, None, second).into_iter().map(|details| details.rate).collect()
    }

    #[test]
    fn a_rate_is_what_lies_between_the_last_two_samples() {
        let book = book(9, 9);
        book.take(at(0), vec![(1, (10, 50)), (2, (0, 0))]);
        assert_eq!(rates(&book, &[1], 0), [0.0, 0.0], "one sample is none");
        book.take(at(2), vec![(1, (40, 20)), (2, (20, 0)), (3, (7, 7))]);
        assert_eq!(rates(&book, &[1], 2), [15.0, -15.0]);
        assert_eq!(rates(&book, &[1, 2, 3, 4], 2), [25.0, -15.0], "together");
        book.take(at(4), vec![(1, (5, 20))]);
        assert_eq!(rates(&book, &[1], 4), [0.0, 0.0], "what begins anew does not shrink");
        assert_eq!(rates(&book, &[2], 4), [0.0, 0.0], "it is gone");
    }

    #[test]
    fn a_range_has_samples_newest_first_with_their_means() {
        let book = book(9, 9);
        for second in 0..=10 {
            book.take(at(5 * second), vec![(1, (5 * second * second, 3))]);
        }
        let range = Range { age_ms: 20_000, incr_ms: 5_000, rounding: Rounding::Down };
        let [grows, moves] = &details(&book, &[1], Some(range), 52)[..] else { panic!("two") };
        let samples = grows.samples.as_ref().expect("asked for");
        let values: Vec<u64> = samples.iter().map(|point| point.sample).collect();
        assert_eq!(values, [500, 405, 320, 245, 180]);
        assert_eq!(samples[0].timestamp - samples[4].timestamp, 20_000);
        assert_eq!((grows.rate, grows.avg_rate, grows.avg), (19.0, Some(16.0), Some(330.0)));
        assert_eq!((moves.rate, moves.avg_rate, moves.avg), (0.0, Some(0.0), Some(3.0)));
        assert_eq!(details(&book, &[7], Some(range), 52)[0].samples, Some(Vec::new()));
    }

    #[test]
    fn of_too_many_things_those_are_sampled_that_somebody_looked_at_lately() {
        let book = book(2, 1);
        let all = || vec![(1, (0, 0)), (2, (0, 0)), (3, (0, 0))];
        rates(&book, &[3], 0);
        book.take(at(5), all());
        assert_eq!(book.sampled(), (vec![1, 3], vec![3]));
        rates(&book, &[1], 60);
        book.take(at(70), all());
        assert_eq!(book.sampled(), (vec![1, 3], vec![1]), "rings go to who is looked at");
        book.take(at(200), vec![(1, (0, 0)), (2, (0, 0))]);
        assert_eq!(book.sampled().0, [1, 2], "what is gone is forgotten");
    }

    #[test]
    fn a_thing_is_idle_since_it_was_found_changed_for_the_last_time() {
        let book = book(9, 9);
        let idle = |now: (u64, u64)| {
            book.look(Millis(0), [1].iter(), |series| series.idle_since_unix_ms(&now))
        };
        book.take(at(0), vec![(1, (1, 1))]);
        assert_eq!(idle((1, 1)), None, "one sample is none");
        book.take(at(5), vec![(1, (1, 1))]);
        assert_eq!(idle((1, 1)), Some(at(0).unix_ms));
        assert_eq!(idle((2, 1)), None);
        book.take(at(10), vec![(1, (2, 1))]);
        assert_eq!(idle((2, 1)), None);
    }
}
