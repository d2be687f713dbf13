//! The random exchanges: each message goes to one of the bound things, picked by a number from outside,
//! whatever the keys are (rabbitmq: the random exchange plug-in, `x-local-random`).

use super::index::Map;
use super::target::{Matches, Target};

/// The bound things, each once, with the number of their bindings.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    targets: Vec<(Target, u32)>,
    /// Where each stands.
    places: Map<Target, usize>,
}

impl Pool {
    pub(super) fn add(&mut self, target: Target) {
        let new = self.targets.len();
        let at = *self.places.entry(target, || new);
        match self.targets.get_mut(at) {
            Some((_, bindings)) => *bindings += 1,
            None => self.targets.push((target, 1)),
        }
    }

    pub(super) fn remove(&mut self, target: Target) {
        let Some(at) = self.places.get(&target).copied() else { return };
        let bindings = &mut self.targets[at].1;
        *bindings -= 1;
        if *bindings == 0 {
            self.forget(target);
        }
    }

    /// Removes all bindings to a target.
    pub(super) fn forget(&mut self, target: Target) {
        let Some(at) = self.places.get(&target).copied() else { return };
        self.targets.swap_remove(at);
        self.places.remove(&target);
        if let Some((moved, _)) = self.targets.get(at)
            && let Some(place) = self.places.get_mut(moved)
        {
            *place = at;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Adds the one that the number picks: equal shares of all numbers for all of them.
    pub(super) fn matches(&self, number: u64, matches: &mut Matches) {
        let share = u128::from(number) * self.targets.len() as u128;
        // The upper half of the product is less than the number of targets.
        let picked = usize::try_from(share >> 64).unwrap_or_default();
        if let Some((target, _)) = self.targets.get(picked) {
            matches.add_one(*target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::QueueSlot;
    use super::*;

    fn picked(pool: &Pool, number: u64) -> Option<u32> {
        let mut matches = Matches::default();
        pool.matches(number, &mut matches);
        assert!(matches.queues.len() <= 1);
        matches.queues.first().map(|queue| queue.0)
    }

    #[test]
    fn every_bound_thing_has_the_same_share_of_all_numbers() {
        let mut pool = Pool::default();
        for slot in 0..4 {
            pool.add(Target::Queue(QueueSlot(slot)));
        }
        let quarter = u64::MAX / 4 + 1;
        let all: Vec<_> = (0..4).filter_map(|n| picked(&pool, n * quarter)).collect();
        assert_eq!(all, [0, 1, 2, 3]);
        assert_eq!((picked(&pool, quarter - 1), picked(&pool, u64::MAX)), (Some(0), Some(3)));
    }

    #[test]
    fn a_thing_bound_twice_counts_once_until_both_bindings_went() {
        let mut pool = Pool::default();
        let (one, two) = (Target::Queue(QueueSlot(1)), Target::Queue(QueueSlot(2)));
        for target in [one, one, two] {
            pool.add(target);
        }
        assert_eq!((picked(&pool, 0), picked(&pool, u64::MAX)), (Some(1), Some(2)));
        pool.remove(one);
        assert_eq!(picked(&pool, 0), Some(1));
        pool.remove(one);
        assert_eq!(picked(&pool, 0), Some(2));
        pool.remove(one);
        pool.remove(two);
        assert_eq!(picked(&pool, 0), None);
        assert!(pool.is_empty());
    }
}
