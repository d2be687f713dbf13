//! Sums over things that come and go, which never shrink because one went.
//!
//! A leaf lock. A thing is put in when it begins to count. When nobody but the tally holds its counters any more it
//! counts no further, and is folded into the sum of those that are gone: at the next look, or when so many came
//! that one is due. Under one lock each thing is in exactly one of the two, so a sum never jumps back, which whoever
//! makes rates of it would take for a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::sweep::Sweep;
use crate::base::Counted;
use crate::base::limits::TALLY_KEYS_MAX;

/// The sums of one moment, by key; what is not told apart any more has none.
#[derive(Clone, Debug)]
pub struct Sums<K, N> {
    /// Of everything so far, those that are gone among them.
    pub all: BTreeMap<K, N>,
    /// Of those that are there.
    pub live: BTreeMap<K, N>,
    /// Of those that are gone and are told apart no more.
    pub rest: N,
}

impl<K, N: Copy + Default + std::ops::AddAssign> Sums<K, N> {
    /// Everything so far.
    #[must_use]
    pub fn total(&self) -> N {
        let mut total = self.rest;
        for one in self.all.values() {
            total += *one;
        }
        total
    }

    /// Of those that are there.
    #[must_use]
    pub fn total_live(&self) -> N {
        let mut total = N::default();
        for one in self.live.values() {
            total += *one;
        }
        total
    }
}

/// See the module.
pub(in crate::broker) struct Tally<K, C: Counted>(Mutex<Inner<K, C>>);

struct Inner<K, C: Counted> {
    live: Vec<(K, Arc<C>)>,
    gone: BTreeMap<K, C::Counts>,
    rest: C::Counts,
    sweep: Sweep,
}

impl<K, C: Counted> Default for Tally<K, C> {
    fn default() -> Self {
        let (gone, rest) = (BTreeMap::new(), C::Counts::default());
        Self(Mutex::new(Inner { live: Vec::new(), gone, rest, sweep: Sweep::new() }))
    }
}

impl<K: Ord + Clone, C: Counted> Tally<K, C> {
    /// One more counts from now on.
    pub(in crate::broker) fn add(&self, key: K, counters: Arc<C>) {
        let mut inner = self.lock();
        inner.live.push((key, counters));
        let live = inner.live.len();
        if inner.sweep.is_due(live) {
            inner.fold();
        }
    }

    /// The sums of this moment.
    pub(in crate::broker) fn sums(&self) -> Sums<K, C::Counts> {
        let mut inner = self.lock();
        inner.fold();
        let mut sums = Sums { all: inner.gone.clone(), live: BTreeMap::new(), rest: inner.rest };
        for (key, counters) in &inner.live {
            let counts = counters.counts();
            *sums.all.entry(key.clone()).or_default() += counts;
            *sums.live.entry(key.clone()).or_default() += counts;
        }
        sums
    }

    /// Those that are there.
    pub(in crate::broker) fn live(&self) -> Vec<(K, Arc<C>)> {
        let mut inner = self.lock();
        inner.fold();
        inner.live.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, C>> {
        // Sums of numbers; nothing in between can fail.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone, C: Counted> Inner<K, C> {
    fn fold(&mut self) {
        let Self { live, gone, rest, sweep } = self;
        live.retain(|(key, counters)| {
            let is_held = Arc::strong_count(counters) > 1;
            if !is_held {
                *gone.entry(key.clone()).or_default() += counters.counts();
            }
            is_held
        });
        sweep.done(live.len());
        if gone.len() > TALLY_KEYS_MAX {
            for one in std::mem::take(gone).into_values() {
                *rest += one;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ChannelCounters, ChannelCounts};

    #[test]
    fn a_sum_keeps_what_those_counted_that_are_gone() {
        let tally: Tally<&str, ChannelCounters> = Tally::default();
        let (one, other) =
            (Arc::new(ChannelCounters::default()), Arc::new(ChannelCounters::default()));
        tally.add("a", Arc::clone(&one));
        tally.add("b", Arc::clone(&other));
        (0..3).for_each(|_| one.published(1));
        (0..4).for_each(|_| other.published(1));
        let publish =
            |sums: &Sums<&str, ChannelCounts>| (sums.total().publish, sums.total_live().publish);
        assert_eq!(publish(&tally.sums()), (7, 7));
        drop(one);
        assert_eq!(publish(&tally.sums()), (7, 4));
        other.published(1);
        let sums = tally.sums();
        assert_eq!((publish(&sums), sums.all["a"].publish), ((8, 5), 3));
        assert_eq!(tally.live().len(), 1);
    }

    #[test]
    fn those_that_are_gone_are_no_list_that_grows() {
        let tally: Tally<usize, ChannelCounters> = Tally::default();
        for key in 0..2 * TALLY_KEYS_MAX {
            let counters = Arc::new(ChannelCounters::default());
            counters.ack.add(1);
            tally.add(key, counters);
        }
        let inner = tally.lock();
        assert!(inner.live.len() <= TALLY_KEYS_MAX, "{}", inner.live.len());
        drop(inner);
        let sums = tally.sums();
        assert_eq!(sums.total().ack, 2 * TALLY_KEYS_MAX as u64);
        assert!(sums.all.len() <= TALLY_KEYS_MAX);
    }
}
