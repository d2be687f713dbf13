//! Sets of message ids as runs.

use crate::base::MessageId;
use crate::store::Run;

/// Runs in order, disjoint and not touching.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Runs(Vec<Run>);

impl Runs {
    /// Adds a run; [`Self::tidy`] must follow before anything is asked.
    pub(in crate::store) fn push(&mut self, run: Run) {
        if run.0 > run.1 {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.1.0.checked_add(1) == Some(run.0.0) => last.1 = run.1,
            Some(_) | None => self.0.push(run),
        }
    }

    /// Adds runs, as [`Self::push`].
    pub(in crate::store) fn extend(&mut self, runs: &[Run]) {
        for run in runs {
            self.push(*run);
        }
    }

    /// Brings the runs in order.
    pub(in crate::store) fn tidy(&mut self) {
        if self.0.is_sorted_by(|one, next| one.1.0 < next.0.0 && one.1.0 + 1 < next.0.0) {
            return;
        }
        self.0.sort_unstable();
        let mut tidied: Vec<Run> = Vec::with_capacity(self.0.len());
        for run in self.0.drain(..) {
            match tidied.last_mut() {
                Some(last) if run.0.0 <= last.1.0.saturating_add(1) => last.1 = last.1.max(run.1),
                Some(_) | None => tidied.push(run),
            }
        }
        self.0 = tidied;
    }

    pub(in crate::store) fn contains(&self, id: MessageId) -> bool {
        let after = self.0.partition_point(|run| run.0 <= id);
        after > 0 && id <= self.0[after - 1].1
    }

    pub(in crate::store) fn as_slice(&self) -> &[Run] {
        &self.0
    }

    /// These without those.
    pub(in crate::store) fn without(&self, taken: &Self) -> Self {
        if taken.0.is_empty() {
            return self.clone();
        }
        let mut left = Vec::with_capacity(self.0.len());
        for &(mut first, last) in &self.0 {
            let from = taken.0.partition_point(|run| run.1 < first);
            let mut done = false;
            for &(taken_first, taken_last) in &taken.0[from..] {
                if taken_first > last {
                    break;
                }
                if taken_first > first {
                    left.push((first, MessageId(taken_first.0 - 1)));
                }
                if taken_last >= last {
                    done = true;
                    break;
                }
                first = taken_last.next();
            }
            if !done {
                left.push((first, last));
            }
        }
        Self(left)
    }
}

impl FromIterator<Run> for Runs {
    fn from_iter<I: IntoIterator<Item = Run>>(runs: I) -> Self {
        let mut collected = Self::default();
        runs.into_iter().for_each(|run| collected.push(run));
        collected.tidy();
        collected
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ids(runs: &[Run]) -> BTreeSet<u64> {
        runs.iter().flat_map(|(first, last)| first.0..=last.0).collect()
    }

    fn any_runs() -> impl Strategy<Value = Vec<Run>> {
        let run = (0u64..60, 0u64..12);
        let run = run.prop_map(|(first, more)| (MessageId(first), MessageId(first + more)));
        proptest::collection::vec(run, 0..12)
    }

    proptest! {
        #[test]
        fn runs_are_sets_of_ids(one in any_runs(), other in any_runs()) {
            let (a, b): (Runs, Runs) =
                (one.iter().copied().collect(), other.iter().copied().collect());
            prop_assert_eq!(ids(a.as_slice()), ids(&one));
            prop_assert!(a.as_slice().is_sorted_by(|one, next| one.1.0 + 1 < next.0.0));
            let left = a.without(&b);
            let expected: BTreeSet<u64> = ids(&one).difference(&ids(&other)).copied().collect();
            prop_assert_eq!(ids(left.as_slice()), expected);
            for id in 0..80 {
                prop_assert_eq!(a.contains(MessageId(id)), ids(&one).contains(&id));
            }
        }
    }
}
