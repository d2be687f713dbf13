//! Where bindings lead, as numbers, and the buffer in which the matching ones are gathered.

use super::index::{Hashed, Map};

/// The number of a queue's entry in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct QueueSlot(pub(super) u32);

/// The number of an exchange's entry in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ExchangeSlot(pub(super) u32);

/// The number of a binding's entry in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct BindingSlot(pub(super) u32);

/// The number of a bundle of bindings in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct BundleSlot(pub(super) u32);

/// Where a binding leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Target {
    /// To a queue.
    Queue(QueueSlot),
    /// To another exchange.
    Exchange(ExchangeSlot),
}

impl Hashed for Target {
    fn hashed(&self) -> u64 {
        match self {
            Self::Queue(QueueSlot(slot)) => u64::from(*slot).hashed(),
            Self::Exchange(ExchangeSlot(slot)) => (u64::from(*slot) | 1 << 32).hashed(),
        }
    }
}

/// The targets of all bindings that match together. Each counts its bindings, because bindings that
/// differ in what this router does not look at lead to the same place.
#[derive(Clone, Debug, Default)]
pub(super) enum Targets {
    #[default]
    None,
    /// By far the most frequent: kept in place, so that no pointer has to be followed.
    One(Target, u32),
    Many(Box<Map<Target, u32>>),
}

impl Targets {
    pub(super) fn add(&mut self, target: Target) {
        match self {
            Self::None => *self = Self::One(target, 1),
            Self::One(one, bindings) if *one == target => *bindings += 1,
            Self::One(one, bindings) => {
                let mut many = Map::default();
                many.entry(*one, || *bindings);
                many.entry(target, || 1);
                *self = Self::Many(Box::new(many));
            }
            Self::Many(many) => *many.entry(target, || 0) += 1,
        }
    }

    pub(super) fn remove(&mut self, target: Target) {
        match self {
            Self::None => {}
            Self::One(one, bindings) => {
                if *one == target {
                    *bindings -= 1;
                    if *bindings == 0 {
                        *self = Self::None;
                    }
                }
            }
            Self::Many(many) => {
                if let Some(bindings) = many.get_mut(&target) {
                    *bindings -= 1;
                    if *bindings == 0 {
                        many.remove(&target);
                    }
                }
                if many.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    /// Removes a target with all of its bindings.
    pub(super) fn forget(&mut self, target: Target) {
        match self {
            Self::One(one, _) if *one == target => *self = Self::None,
            Self::None | Self::One(..) => {}
            Self::Many(many) => {
                many.remove(&target);
                if many.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The targets that one message reached so far, on its way through the exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Matches {
    pub(super) queues: Vec<QueueSlot>,
    pub(super) exchanges: Vec<ExchangeSlot>,
    /// How many groups of targets were added: within one no target stands twice.
    pub(super) groups: u32,
    /// Exchanges on the way that remember their messages.
    pub(super) histories: Vec<ExchangeSlot>,
    /// Exchanges on the way that hold the message back.
    pub(super) delays: Vec<ExchangeSlot>,
}

impl Matches {
    pub(super) fn add(&mut self, targets: &Targets) {
        match targets {
            Targets::None => {}
            Targets::One(target, _) => self.add_one(*target),
            Targets::Many(many) => {
                self.groups += 1;
                many.iter().for_each(|(target, _)| self.push(*target));
            }
        }
    }

    pub(super) fn add_one(&mut self, target: Target) {
        self.groups += 1;
        self.push(target);
    }

    fn push(&mut self, target: Target) {
        match target {
            Target::Queue(queue) => self.queues.push(queue),
            Target::Exchange(exchange) => self.exchanges.push(exchange),
        }
    }

    /// Leaves each queue once. Sorting is quicker than a set for the few queues there mostly are, and
    /// one group needs neither.
    pub(super) fn deduplicate(&mut self) {
        if self.groups > 1 {
            self.queues.sort_unstable();
            self.queues.dedup();
        }
    }

    pub(super) fn clear(&mut self) {
        self.queues.clear();
        self.exchanges.clear();
        self.histories.clear();
        self.delays.clear();
        self.groups = 0;
    }
}

/// A set of numbers that remembers their order, for walks: what was reached is both what must not be
/// reached again and what is still to be visited.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    bits: Vec<u64>,
    order: Vec<u32>,
}

impl Reached {
    /// Whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if self.bits[word] & bit != 0 {
            return false;
        }
        self.bits[word] |= bit;
        self.order.push(number);
        true
    }

    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Costs what was reached, not what could have been.
    pub(super) fn clear(&mut self) {
        for number in self.order.drain(..) {
            self.bits[number as usize / 64] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: Target = Target::Queue(QueueSlot(3));
    const EXCHANGE: Target = Target::Exchange(ExchangeSlot(3));

    #[test]
    fn a_target_stays_until_its_last_binding_goes() {
        let mut targets = Targets::default();
        targets.add(QUEUE);
        targets.add(EXCHANGE);
        targets.add(QUEUE);
        let count = |targets: &Targets| {
            let mut matches = Matches::default();
            matches.add(targets);
            (matches.queues.len(), matches.exchanges.len())
        };
        targets.remove(QUEUE);
        assert_eq!(count(&targets), (1, 1));
        targets.remove(QUEUE);
        assert_eq!(count(&targets), (0, 1));
        targets.remove(EXCHANGE);
        assert!(targets.is_empty());
        targets.add(QUEUE);
        targets.add(QUEUE);
        targets.remove(EXCHANGE);
        targets.remove(QUEUE);
        assert_eq!(count(&targets), (1, 0));
        targets.remove(QUEUE);
        assert!(targets.is_empty());
    }

    #[test]
    fn what_several_groups_reached_stands_once() {
        let mut matches = Matches::default();
        matches.add_one(QUEUE);
        matches.add_one(Target::Queue(QueueSlot(1)));
        matches.add_one(QUEUE);
        matches.deduplicate();
        assert_eq!(matches.queues, [QueueSlot(1), QueueSlot(3)]);
    }

    #[test]
    fn a_number_is_reached_once_until_the_set_is_cleared() {
        let mut reached = Reached::default();
        assert!(reached.insert(100));
        assert!(reached.insert(2));
        assert!(!reached.insert(100));
        assert_eq!(reached.order(), [100, 2]);
        reached.clear();
        assert!(reached.order().is_empty());
        assert!(reached.insert(100));
    }
}
