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

const TAG_BITS: u32 = u32::BITS;

/// Up to this many groups move to another size at once: some microseconds.
const MOVED_WHOLE_MAX: usize = 256;

/// Groups that move with each change otherwise. One would do: of the larger size there are four for each, and
/// the next change of the size comes after as many changes as there are groups of the smaller one at least.
const MOVED_AT_ONCE: usize = 2;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Map<K, V> {
    entries: Vec<(K, V)>,
    /// `None` while there are few entries: most maps stay small, and a pointer is all they pay.
    index: Option<Box<Index<K>>>,
}

#[derive(Clone, Debug)]
struct Index<K> {
    /// A power of two of them, ordered by the upper bits of the hashes. While entries move here from `old`
    /// these are the first ones, as far as they have moved.
    groups: Vec<Group>,
    /// How far a tag is shifted to be the number of a group.
    shift: u32,
    /// The groups of another size that was too small or too large.
    old: Option<Box<Old>>,
    /// Entries whose group was full, by their tag.
    overflow: BTreeMap<u32, BTreeMap<K, u32>>,
}

#[derive(Clone, Debug)]
struct Old {
    groups: Vec<Group>,
    shift: u32,
    /// How many of the groups, from the first on, have moved.
    moved: usize,
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
        let tag = tag(key.hashed());
        let Some(group) = index.groups.get(index.group_of(tag)) else {
            return self.find_old(index, key, tag);
        };
        self.find_in(index, group, key, tag)
    }

    #[inline]
    fn find_in<L>(&self, index: &Index<K>, group: &Group, key: &L, tag: u32) -> Option<usize>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        for i in 0..group.len as usize {
            let at = group.slots[i] as usize;
            if group.tags[i] == tag && self.entries[at].0.borrow() == key {
                return Some(at);
            }
        }
        if group.overflowed == 0 {
            return None;
        }
        index.overflow.get(&tag)?.get(key).map(|at| *at as usize)
    }

    #[cold]
    #[inline(never)]
    fn find_old<L>(&self, index: &Index<K>, key: &L, tag: u32) -> Option<usize>
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        let old = index.old.as_ref()?;
        self.find_in(index, old.groups.get((tag >> old.shift) as usize)?, key, tag)
    }

    fn push(&mut self, key: K, value: V) -> usize {
        let at = self.entries.len();
        self.entries.push((key, value));
        let Self { entries, index } = self;
        match index {
            Some(index) => {
                index.insert(&entries[at].0, narrow(at));
                // Full: twice the room of what there is, so that a key is moved twice on average.
                if entries.len() > index.size() * GROUP_MEAN_MAX {
                    index.resize(entries.len().div_ceil(GROUP_MEAN_MAX) * 2, entries);
                }
                index.go_on(MOVED_AT_ONCE, entries);
            }
            None if entries.len() <= SCAN_MAX => {}
            None => {
                let mut new = Index::new(entries.len().div_ceil(GROUP_MEAN_MAX) * 2);
                for (at, (key, _)) in entries.iter().enumerate() {
                    new.insert(key, narrow(at));
                }
                *index = Some(Box::new(new));
            }
        }
        at
    }

    /// A map that was large once must not stay it.
    fn shrink(&mut self) {
        let Self { entries, index: Some(index) } = self else { return };
        if entries.len() <= SCAN_MAX / 2 {
            self.index = None;
            self.entries.shrink_to_fit();
            return;
        }
        if index.old.is_none() && index.size() > entries.len() * 2 {
            index.resize(index.size() / 4, entries);
            entries.shrink_to(entries.len() * 2);
        }
        index.go_on(MOVED_AT_ONCE, entries);
    }
}

impl<K: Hashed + Clone> Index<K> {
    /// With so many groups or a few more, all of them empty.
    fn new(groups: usize) -> Self {
        let shift = shift(groups);
        let groups = vec![Group::default(); size(shift)];
        Self { groups, shift, old: None, overflow: BTreeMap::new() }
    }

    /// How many groups there are when all have moved.
    fn size(&self) -> usize {
        size(self.shift)
    }

    /// Entries move to so many groups from now on: at once when they are few, else with every change of the
    /// map, for moving all of them takes as long as everybody who wants to look would have to wait.
    fn resize<V>(&mut self, groups: usize, entries: &[(K, V)]) {
        self.go_on(usize::MAX, entries);
        let shift = shift(groups);
        if shift == self.shift {
            return;
        }
        let groups = std::mem::replace(&mut self.groups, Vec::with_capacity(size(shift)));
        let is_small = groups.len().max(size(shift)) <= MOVED_WHOLE_MAX;
        let old = Old { groups, shift: std::mem::replace(&mut self.shift, shift), moved: 0 };
        self.old = Some(Box::new(old));
        if is_small {
            self.go_on(usize::MAX, entries);
        }
    }

    /// Moves so many groups of the smaller of both sizes, if any is left.
    fn go_on<V>(&mut self, most: usize, entries: &[(K, V)]) {
        let Some(mut old) = self.old.take() else { return };
        for _ in 0..most {
            if old.moved == old.groups.len() {
                return;
            }
            // Either one group becomes several, or several become one.
            let (from, to) = (
                1 << self.shift.saturating_sub(old.shift),
                1 << old.shift.saturating_sub(self.shift),
            );
            let first = self.groups.len();
            self.groups.resize(first + to, Group::default());
            let mut has_overflow = false;
            for group in &old.groups[old.moved..old.moved + from] {
                has_overflow |= group.overflowed > 0;
                has_overflow |= self.take_over(group, entries);
            }
            if has_overflow {
                (first..first + to).for_each(|group| self.settle_overflow(group));
            }
            old.moved += from;
        }
        if old.moved < old.groups.len() {
            self.old = Some(old);
        }
    }

    /// Whether something did not fit.
    fn take_over<V>(&mut self, group: &Group, entries: &[(K, V)]) -> bool {
        let mut has_overflow = false;
        for (tag, slot) in group.tags.into_iter().zip(group.slots).take(group.len as usize) {
            let to = self.group_of(tag);
            if !self.groups[to].push(tag, slot) {
                let key = entries[slot as usize].0.clone();
                self.overflow.entry(tag).or_default().insert(key, slot);
                has_overflow = true;
            }
        }
        has_overflow
    }

    /// A group gets what there is room for of its entries in the overflow, and counts the others.
    fn settle_overflow(&mut self, at: usize) {
        let (first, last) = (narrow(at << self.shift), narrow(((at + 1) << self.shift) - 1));
        let group = &mut self.groups[at];
        let mut empty = Vec::new();
        for (tag, same) in self.overflow.range_mut(first..=last) {
            while let Some((key, slot)) = same.pop_first() {
                if !group.push(*tag, slot) {
                    same.insert(key, slot);
                    break;
                }
            }
            group.overflowed += narrow(same.len());
            if same.is_empty() {
                empty.push(*tag);
            }
        }
        for tag in empty {
            self.overflow.remove(&tag);
        }
    }

    #[inline]
    fn group_of(&self, tag: u32) -> usize {
        (tag >> self.shift) as usize
    }

    /// The group of a tag, wherever it is.
    fn group_mut(&mut self, tag: u32) -> &mut Group {
        let at = self.group_of(tag);
        match &mut self.old {
            Some(old) if at >= self.groups.len() => &mut old.groups[(tag >> old.shift) as usize],
            _ => &mut self.groups[at],
        }
    }

    fn insert(&mut self, key: &K, at: u32) {
        let tag = tag(key.hashed());
        let group = self.group_mut(tag);
        if !group.push(tag, at) {
            group.overflowed += 1;
            self.overflow.entry(tag).or_default().insert(key.clone(), at);
        }
    }

    fn remove<L>(&mut self, key: &L, at: u32)
    where
        K: Borrow<L>,
        L: Hashed + ?Sized,
    {
        let tag = tag(key.hashed());
        let group = self.group_mut(tag);
        let Some(i) = group.position(at) else {
            group.overflowed -= 1;
            if let Some(same) = self.overflow.get_mut(&tag) {
                same.remove(key);
                if same.is_empty() {
                    self.overflow.remove(&tag);
                }
            }
            return;
        };
        let last = group.len as usize - 1;
        group.tags[i] = group.tags[last];
        group.slots[i] = group.slots[last];
        group.len -= 1;
    }

    /// The entry of this key stands somewhere else now.
    fn move_to(&mut self, key: &K, from: u32, to: u32) {
        let tag = tag(key.hashed());
        let group = self.group_mut(tag);
        if let Some(i) = group.position(from) {
            group.slots[i] = to;
        } else if let Some(at) = self.overflow.get_mut(&tag).and_then(|same| same.get_mut(key)) {
            *at = to;
        }
    }
}

/// How far tags are shifted for so many groups, or a few more: at least two.
fn shift(groups: usize) -> u32 {
    TAG_BITS - groups.max(2).next_power_of_two().trailing_zeros()
}

fn size(shift: u32) -> usize {
    1 << (TAG_BITS - shift)
}

impl Group {
    /// False when it is full.
    fn push(&mut self, tag: u32, slot: u32) -> bool {
        let len = self.len as usize;
        if len == GROUP_SLOTS {
            return false;
        }
        self.tags[len] = tag;
        self.slots[len] = slot;
        self.len += 1;
        true
    }

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

    /// Nobody who looks waits for all entries to move.
    #[test]
    fn a_large_map_changes_its_size_in_small_steps_and_finds_everything_meanwhile() {
        let mut map = Map::default();
        let moving = |map: &Map<u64, u64>| map.index.as_ref().is_some_and(|i| i.old.is_some());
        let check = |map: &Map<u64, u64>, n: u64| {
            let sample = (0..n).step_by(usize::try_from(n / 64).unwrap_or(1).max(1));
            sample.for_each(|key| assert_eq!(map.get(&key), Some(&key), "of {n}"));
            assert_eq!(map.get(&n), None);
        };
        let (mut growing, mut shrinking) = (0, 0);
        for n in 0..40_000 {
            map.entry(n, || n);
            growing += usize::from(moving(&map));
            check(&map, n + 1);
        }
        for n in (0..40_000).rev() {
            assert_eq!(map.remove(&n), Some(n));
            shrinking += usize::from(moving(&map));
            if n > 0 {
                check(&map, n);
            }
        }
        assert!(growing > 1_000 && shrinking > 500, "{growing} and {shrinking} steps");
    }

    #[test]
    fn few_keys_overflow_when_nobody_chose_them() {
        let mut map = Map::default();
        for n in 0..100_000 {
            map.entry(Box::<[u8]>::from(format!("orders.{n}").as_bytes()), || ());
        }
        let overflow =
            map.index.map_or(0, |index| index.overflow.values().map(BTreeMap::len).sum());
        assert!(overflow < 3_000, "{overflow} of 100,000 keys");
    }
}
