//! A map that is looked into once per publish and more.
//!
//! Why not a `BTreeMap`: a search follows a pointer per level and one per comparison; here it is one
//! group of 64 bytes and the entry (26 and 55 ns with 1,000 keys, 46 and 150 ns with 10,000). Why not
//! the standard hash map: its order is random. Here the order is that of insertion until a removal
//! puts the last entry into the gap, a function of the history.
//!
//! The hash has no secret, so a client can choose names that collide. It gains nothing: a group holds
//! seven entries, and what does not fit goes to an ordered map. The worst search is O(log n).

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// What can be looked up.
pub(super) trait Hashed: Ord {
    /// Well mixed in all 64 bits.
    fn hashed(&self) -> u64;
}

/// Up to this many entries are compared one after the other, without an index.
const SCAN_MAX: usize = 8;

/// Entries per group on average at most; half a group is left for bad luck.
const GROUP_MEAN_MAX: usize = 4;

const GROUP_SLOTS: usize = 7;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Map<K, V> {
    entries: Vec<(K, V)>,
    /// `None` while there are few entries: most maps stay small, and a pointer is all they pay.
    index: Option<Box<Index<K>>>,
}

#[derive(Clone, Debug)]
struct Index<K> {
    /// A power of two.
    groups: Vec<Group>,
    /// Entries whose group was full.
    overflow: BTreeMap<K, u32>,
}

/// One cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Group {
    /// The upper half of each hash.
    tags: [u32; GROUP_SLOTS],
    /// The position of each entry.
    slots: [u32; GROUP_SLOTS],
    len: u32,
    /// How many entries of this group are in the overflow.
    overflowed: u32,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: None }
    }
}

impl<K, V> Map<K, V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Hashed + Clone, V> Map<K, V> {
    pub(super) fn get<L>(&self, key: &L) -> Option<&V>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        self.find(key).map(|at| &self.entries[at].1)
    }

    pub(super) fn get_mut<L>(&mut self, key: &L) -> Option<&mut V>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        self.find(key).map(|at| &mut self.entries[at].1)
    }

    /// The value under this key, which is made when there is none.
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|| self.push(key, make()));
        &mut self.entries[at].1
    }

    pub(super) fn remove<L>(&mut self, key: &L) -> Option<V>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        let at = self.find(key)?;
        let last = self.entries.len() - 1;
        if let Some(index) = &mut self.index {
            index.remove(key, narrow(at));
            if at != last {
                index.move_to(&self.entries[last].0, narrow(last), narrow(at));
            }
        }
        let (_, value) = self.entries.swap_remove(at);
        self.shrink();
        Some(value)
    }

    fn find<L>(&self, key: &L) -> Option<usize>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        let Some(index) = &self.index else {
            return self.entries.iter().position(|(found, _)| found.borrow() == key);
        };
        let hash = key.hashed();
        let group = &index.groups[index.group_of(hash)];
        for i in 0..group.len as usize {
            let at = group.slots[i] as usize;
            if group.tags[i] == tag(hash) && self.entries[at].0.borrow() == key {
                return Some(at);
            }
        }
        if group.overflowed == 0 {
            return None;
        }
        index.overflow.get(key).map(|at| *at as usize)
    }

    fn push(&mut self, key: K, value: V) -> usize {
        let at = self.entries.len();
        self.entries.push((key, value));
        match &mut self.index {
            Some(index) if self.entries.len() <= index.groups.len() * GROUP_MEAN_MAX => {
                index.insert(&self.entries[at].0, narrow(at));
            }
            None if self.entries.len() <= SCAN_MAX => {}
            // Full: twice the room of what there is, so that a key is moved twice on average.
            _ => self.rebuild(self.entries.len().div_ceil(GROUP_MEAN_MAX) * 2),
        }
        at
    }

    /// A map that was large once must not stay it.
    fn shrink(&mut self) {
        let Some(index) = &self.index else { return };
        if self.entries.len() <= SCAN_MAX / 2 {
            self.index = None;
            self.entries.shrink_to_fit();
        } else if index.groups.len() > self.entries.len() * 2 {
            self.rebuild(index.groups.len() / 4);
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    fn rebuild(&mut self, groups: usize) {
        let groups = vec![Group::default(); groups.max(2).next_power_of_two()];
        let mut index = Index { groups, overflow: BTreeMap::new() };
        for (at, (key, _)) in self.entries.iter().enumerate() {
            index.insert(key, narrow(at));
        }
        self.index = Some(Box::new(index));
    }
}

impl<K: Hashed + Clone> Index<K> {
    fn group_of(&self, hash: u64) -> usize {
        // The lower half of the hash is enough for the 2^32 entries there can be.
        let [a, b, c, d, ..] = hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) as usize & (self.groups.len() - 1)
    }

    fn insert(&mut self, key: &K, at: u32) {
        let hash = key.hashed();
        let place = self.group_of(hash);
        let group = &mut self.groups[place];
        let len = group.len as usize;
        if len == GROUP_SLOTS {
            group.overflowed += 1;
            self.overflow.insert(key.clone(), at);
            return;
        }
        group.tags[len] = tag(hash);
        group.slots[len] = at;
        group.len += 1;
    }

    fn remove<L>(&mut self, key: &L, at: u32)
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        let place = self.group_of(key.hashed());
        let group = &mut self.groups[place];
        let Some(i) = group.position(at) else {
            group.overflowed -= 1;
            self.overflow.remove(key);
            return;
        };
        let last = group.len as usize - 1;
        group.tags[i] = group.tags[last];
        group.slots[i] = group.slots[last];
        group.len -= 1;
    }

    /// The entry of this key stands somewhere else now.
    fn move_to(&mut self, key: &K, from: u32, to: u32) {
        let place = self.group_of(key.hashed());
        let group = &mut self.groups[place];
        if let Some(i) = group.position(from) {
            group.slots[i] = to;
        } else if let Some(at) = self.overflow.get_mut(key) {
            *at = to;
        }
    }
}

impl Group {
    fn position(&self, at: u32) -> Option<usize> {
        self.slots[..self.len as usize].iter().position(|slot| *slot == at)
    }
}

impl Hashed for [u8] {
    fn hashed(&self) -> u64 {
        let mut hash = self.len() as u64 ^ SEED;
        let (words, rest) = self.as_chunks::<8>();
        for word in words {
            hash = fold(hash ^ u64::from_le_bytes(*word), FACTOR);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        fold(hash ^ u64::from_le_bytes(last), FACTOR)
    }
}

impl Hashed for Box<[u8]> {
    fn hashed(&self) -> u64 {
        (**self).hashed()
    }
}

impl Hashed for u64 {
    fn hashed(&self) -> u64 {
        fold(*self ^ SEED, FACTOR)
    }
}

/// Any odd numbers with as many ones as zeroes do: the digits of pi.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0xa409_3822_299f_31d1;

/// Every bit of both numbers has a say in every bit of the result.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let low = product & u128::from(u64::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "both halves have 64 bits")]
    return (low ^ (product >> 64)) as u64;
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn narrow(at: usize) -> u32 {
    // 2^32 bindings would need hundreds of gigabytes.
    u32::try_from(at).expect("a table of the broker has fewer than 2^32 entries")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys that all fall into one group, to show that the overflow keeps them apart.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    struct Colliding(u16);

    impl Hashed for Colliding {
        fn hashed(&self) -> u64 {
            7
        }
    }

    fn same_as_a_model<K: Hashed + Clone + std::fmt::Debug>(
        steps: &[(bool, u16)],
        key: impl Fn(u16) -> K,
    ) {
        let mut map = Map::default();
        let mut model = BTreeMap::new();
        for (insert, n) in steps {
            if *insert {
                *map.entry(key(*n), || 0_u32) += 1;
                *model.entry(key(*n)).or_insert(0_u32) += 1;
            } else {
                assert_eq!(map.remove(&key(*n)), model.remove(&key(*n)));
            }
            assert_eq!(map.len(), model.len());
            assert_eq!(map.get(&key(*n)), model.get(&key(*n)));
        }
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort();
        assert!(entries.into_iter().eq(model.iter()));
        for (key, value) in &model {
            assert_eq!(map.get(key), Some(value));
        }
    }

    proptest! {
        #[test]
        fn a_map_is_an_ordered_map_out_of_order(
            steps in proptest::collection::vec((prop::bool::weighted(0.6), 0_u16..200), 0..600),
        ) {
            same_as_a_model(&steps, u64::from);
            same_as_a_model(&steps, |n| Box::<[u8]>::from(format!("key {n}").as_bytes()));
            same_as_a_model(&steps, Colliding);
        }
    }

    #[test]
    fn a_map_that_grew_and_emptied_gives_its_index_back() {
        let mut map = Map::default();
        for n in 0_u64..10_000 {
            map.entry(n, || n);
        }
        assert!(map.index.is_some());
        for n in 0_u64..10_000 {
            assert_eq!(map.remove(&n), Some(n));
        }
        assert!(map.index.is_none());
        assert!(map.is_empty());
    }

    #[test]
    fn few_keys_overflow_when_nobody_chose_them() {
        let mut map = Map::default();
        for n in 0..100_000 {
            map.entry(Box::<[u8]>::from(format!("orders.{n}").as_bytes()), || ());
        }
        let overflow = map.index.map_or(0, |index| index.overflow.len());
        assert!(overflow < 3_000, "{overflow} of 100,000 keys");
    }
}
