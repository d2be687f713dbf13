//! Values under small keys. A key is never valid again after its value was removed, so whoever keeps
//! one too long finds nothing instead of a stranger.

use std::num::NonZeroU32;

/// Names a value of a [`Slab`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    index: u32,
    generation: NonZeroU32,
}

impl Key {
    /// The place in the slab, for structures that run beside it. Used again after a remove.
    pub(super) fn index(self) -> usize {
        self.index as usize
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Slot<T> {
    generation: NonZeroU32,
    value: Option<T>,
}

/// Values under [`Key`]s; every operation takes constant time.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Keeps a value.
    pub(super) fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            assert!(slot.value.is_none(), "a free slot of a slab holds a value");
            slot.value = Some(value);
            return Key { index, generation: slot.generation };
        }
        let index = u32::try_from(self.slots.len());
        // A slab grows with consumers and channels, and memory ends long before 2^32 of them.
        let index = index.expect("a slab holds less than 2^32 values");
        let generation = NonZeroU32::MIN;
        self.slots.push(Slot { generation, value: Some(value) });
        Key { index, generation }
    }

    /// The value, unless it was removed.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index())?;
        if slot.generation == key.generation { slot.value.as_ref() } else { None }
    }

    /// The value, unless it was removed.
    #[inline]
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index())?;
        if slot.generation == key.generation { slot.value.as_mut() } else { None }
    }

    /// The value at a place and its key, when there is one.
    #[inline]
    pub(super) fn at_mut(&mut self, index: usize) -> Option<(Key, &mut T)> {
        let slot = self.slots.get_mut(index)?;
        let value = slot.value.as_mut()?;
        // The slot exists, so its index was a `u32` when it was made.
        let index = u32::try_from(index).expect("indices of a slab fit");
        Some((Key { index, generation: slot.generation }, value))
    }

    /// Takes the value out; its key is never valid again.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index())?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        // A slot that has used up its generations is left empty for ever.
        if let Some(generation) = slot.generation.checked_add(1) {
            slot.generation = generation;
            self.free.push(key.index);
        }
        Some(value)
    }

    /// How many values there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.value.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_its_value_until_it_is_removed_and_never_again() {
        let mut slab = Slab::new();
        let a = slab.insert("a");
        assert_eq!(slab.get(a), Some(&"a"));
        assert_eq!(slab.remove(a), Some("a"));
        let b = slab.insert("b");
        assert_eq!(b.index(), a.index(), "the place is used again");
        assert_eq!(slab.get_mut(a), None);
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.get(b), Some(&"b"));
        assert_eq!(slab.at_mut(0), Some((b, &mut "b")));
    }

    #[test]
    fn an_optional_key_is_as_small_as_a_key() {
        assert_eq!(size_of::<Option<Key>>(), 8);
    }
}
