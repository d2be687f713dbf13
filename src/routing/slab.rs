//! Things with a number that stays theirs for as long as they live.

/// Numbers of removed things are given again; whoever holds a number must let go of it with the thing.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(thing);
            return slot;
        }
        // 2^32 bindings would need hundreds of gigabytes.
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 things live at once");
        self.slots.push(Some(thing));
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let thing = self.take(slot)?;
        self.release(slot);
        Some(thing)
    }

    /// Removes a thing whose number is still referred to: it is given again after [`Self::release`].
    pub(super) fn take(&mut self, slot: u32) -> Option<T> {
        self.slots.get_mut(slot as usize)?.take()
    }

    /// Nobody refers to the number of a thing that was taken.
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// At most `most` things from this slot on, and the slot to go on from when there may be more. Slots
    /// without a thing count as well, so that a call is bounded.
    pub(super) fn part(&self, from: u32, most: usize) -> (impl Iterator<Item = &T>, Option<u32>) {
        let from = (from as usize).min(self.slots.len());
        let end = from.saturating_add(most).min(self.slots.len());
        let next = (end < self.slots.len()).then(|| u32::try_from(end).ok()).flatten();
        (self.slots[from..end].iter().flatten(), next)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_taken_thing_is_given_again_when_it_is_released() {
        let mut slab = Slab::default();
        let a = slab.insert("a");
        assert_eq!((slab.take(a), slab.take(a), slab.get(a)), (Some("a"), None, None));
        assert_ne!(slab.insert("b"), a);
        slab.release(a);
        assert_eq!(slab.insert("c"), a);
    }

    #[test]
    fn a_number_is_given_again_only_after_its_thing_went() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert("a"), slab.insert("b"));
        assert_ne!(a, b);
        assert_eq!(slab.remove(a), Some("a"));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.get(b), Some(&"b"));
        assert_eq!(slab.insert("c"), a);
        assert_eq!(slab.iter().copied().collect::<Vec<_>>(), ["c", "b"]);
    }
}
