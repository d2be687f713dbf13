//! The fanout exchange: every binding takes every message.

use super::target::{Matches, Target, Targets};

/// Where the bindings lead, whatever their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Fanout {
    targets: Targets,
}

impl Fanout {
    pub(super) fn add(&mut self, target: Target) {
        self.targets.add(target);
    }

    pub(super) fn remove(&mut self, target: Target) {
        self.targets.remove(target);
    }

    /// Removes all bindings to a target.
    pub(super) fn forget(&mut self, target: Target) {
        self.targets.forget(target);
    }

    pub(super) fn matches(&self, matches: &mut Matches) {
        matches.add(&self.targets);
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::QueueSlot;
    use super::*;

    #[test]
    fn a_queue_bound_twice_is_reached_once_until_both_bindings_went() {
        let mut fanout = Fanout::default();
        let reached = |fanout: &Fanout| {
            let mut matches = Matches::default();
            fanout.matches(&mut matches);
            matches.queues.len()
        };
        fanout.add(Target::Queue(QueueSlot(1)));
        fanout.add(Target::Queue(QueueSlot(1)));
        assert_eq!(reached(&fanout), 1);
        fanout.remove(Target::Queue(QueueSlot(1)));
        assert_eq!(reached(&fanout), 1);
        fanout.remove(Target::Queue(QueueSlot(1)));
        assert_eq!(reached(&fanout), 0);
    }
}
