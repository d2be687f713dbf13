//! The direct exchange: routing key and binding key are the same bytes.

use super::index::Map;
use super::key::Key;
use super::target::{Matches, Target, Targets};

/// Binding keys and where they lead.
#[derive(Clone, Debug, Default)]
pub(super) struct Direct {
    keys: Map<Key, Targets>,
}

impl Direct {
    pub(super) fn add(&mut self, key: &[u8], target: Target) {
        self.keys.entry(key.into(), Targets::default).add(target);
    }

    pub(super) fn remove(&mut self, key: &[u8], target: Target) {
        if let Some(targets) = self.keys.get_mut(key) {
            targets.remove(target);
            if targets.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    pub(super) fn matches(&self, key: &[u8], matches: &mut Matches) {
        if let Some(targets) = self.keys.get(key) {
            matches.add(targets);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::QueueSlot;
    use super::*;

    fn reached(direct: &Direct, key: &[u8]) -> Vec<u32> {
        let mut matches = Matches::default();
        direct.matches(key, &mut matches);
        matches.queues.iter().map(|queue| queue.0).collect()
    }

    #[test]
    fn a_key_reaches_the_queues_bound_with_these_bytes() {
        let mut direct = Direct::default();
        direct.add(b"a", Target::Queue(QueueSlot(1)));
        direct.add(b"a", Target::Queue(QueueSlot(2)));
        direct.add(b"A", Target::Queue(QueueSlot(3)));
        direct.add(b"", Target::Queue(QueueSlot(4)));
        assert_eq!(reached(&direct, b"a"), [1, 2]);
        assert_eq!(reached(&direct, b"A"), [3]);
        assert_eq!(reached(&direct, b""), [4]);
        assert!(reached(&direct, b"a.b").is_empty());
    }

    #[test]
    fn an_unbound_key_leaves_nothing_behind() {
        let mut direct = Direct::default();
        direct.add(b"a", Target::Queue(QueueSlot(1)));
        direct.remove(b"a", Target::Queue(QueueSlot(1)));
        direct.remove(b"b", Target::Queue(QueueSlot(1)));
        assert!(reached(&direct, b"a").is_empty());
        assert!(direct.is_empty());
    }
}
