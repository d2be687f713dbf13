//! The modulus hash exchange: the hash of the routing key, modulo the number of bound things, says which
//! of them gets the message (rabbitmq: `x-modulus-hash` of the sharding plug-in). Binding keys say
//! nothing.
//!
//! The things are counted in the order of their names, so that the same message goes to the same place
//! after a restart, too.

use super::index::Hashed;
use super::target::{Matches, Target};

/// The bound things in the order of their names, each once, with the number of their bindings.
#[derive(Clone, Debug, Default)]
pub(super) struct Modulus {
    targets: Vec<Named>,
}

#[derive(Clone, Debug)]
struct Named {
    name: Box<[u8]>,
    target: Target,
    bindings: u32,
}

impl Modulus {
    pub(super) fn add(&mut self, name: &[u8], target: Target) {
        match self.find(name, target) {
            Ok(at) => self.targets[at].bindings += 1,
            Err(at) => self.targets.insert(at, Named { name: name.into(), target, bindings: 1 }),
        }
    }

    pub(super) fn remove(&mut self, name: &[u8], target: Target) {
        if let Ok(at) = self.find(name, target) {
            self.targets[at].bindings -= 1;
            if self.targets[at].bindings == 0 {
                self.targets.remove(at);
            }
        }
    }

    /// Removes all bindings to a target.
    pub(super) fn forget(&mut self, name: &[u8], target: Target) {
        if let Ok(at) = self.find(name, target) {
            self.targets.remove(at);
        }
    }

    pub(super) fn matches(&self, key: &[u8], matches: &mut Matches) {
        let Some(modulus) = std::num::NonZeroU64::new(self.targets.len() as u64) else { return };
        // A remainder is less than the number of targets.
        let at = usize::try_from(key.hashed() % modulus).unwrap_or_default();
        matches.add_one(self.targets[at].target);
    }

    /// Queues before exchanges of the same name.
    fn find(&self, name: &[u8], target: Target) -> Result<usize, usize> {
        let is_exchange = |target: Target| matches!(target, Target::Exchange(_));
        self.targets.binary_search_by(|named| {
            (&*named.name, is_exchange(named.target)).cmp(&(name, is_exchange(target)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::{ExchangeSlot, QueueSlot};
    use super::*;

    fn reached(modulus: &Modulus, key: &str) -> Vec<u32> {
        let mut matches = Matches::default();
        modulus.matches(key.as_bytes(), &mut matches);
        matches.queues.iter().map(|queue| queue.0).collect()
    }

    #[test]
    fn a_key_goes_to_one_place_whatever_the_order_of_the_bindings() {
        let names = ["a", "b", "c", "d", "e"];
        let (mut forwards, mut backwards) = (Modulus::default(), Modulus::default());
        for (slot, name) in (0..).zip(names) {
            forwards.add(name.as_bytes(), Target::Queue(QueueSlot(slot)));
        }
        for (slot, name) in (0..5).zip(names).rev() {
            backwards.add(name.as_bytes(), Target::Queue(QueueSlot(slot)));
        }
        let mut shares = [0_u32; 5];
        for n in 0..1000 {
            let key = format!("key {n}");
            let [slot] = reached(&forwards, &key)[..] else { panic!("one queue") };
            assert_eq!(reached(&backwards, &key), [slot]);
            shares[slot as usize] += 1;
        }
        assert!(shares.iter().all(|share| (150..250).contains(share)), "{shares:?}");
    }

    #[test]
    fn a_queue_and_an_exchange_of_one_name_are_two() {
        let mut modulus = Modulus::default();
        let (queue, exchange) = (Target::Queue(QueueSlot(1)), Target::Exchange(ExchangeSlot(1)));
        modulus.add(b"a", queue);
        modulus.add(b"a", exchange);
        modulus.add(b"a", queue);
        modulus.remove(b"a", exchange);
        modulus.remove(b"a", queue);
        assert_eq!(reached(&modulus, "k"), [1]);
        modulus.remove(b"a", queue);
        assert!(reached(&modulus, "k").is_empty());
    }
}
