//! Who is next: a circle of places, with constant-time insert, remove and turn.
//!
//! The circle holds exactly the consumers that can take a message (Q4), so that finding the next one
//! never looks at one that cannot.

/// A circle of small numbers, each at most once.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ring {
    links: Vec<Link>,
    first: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Link {
    previous: usize,
    next: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { links: Vec::new(), first: NONE }
    }

    /// Whose turn it is.
    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first)
    }

    #[inline]
    pub(super) fn contains(&self, place: usize) -> bool {
        self.links.get(place).is_some_and(|link| link.next != NONE)
    }

    /// The first becomes the last.
    #[inline]
    pub(super) fn turn(&mut self) {
        if self.first != NONE {
            self.first = self.links[self.first].next;
        }
    }

    /// Puts a place that is not in the circle at its end.
    pub(super) fn insert(&mut self, place: usize) {
        if place >= self.links.len() {
            self.links.resize(place + 1, OUTSIDE);
        }
        assert!(self.links[place] == OUTSIDE, "a place is in the circle at most once (Q4)");
        if self.first == NONE {
            self.links[place] = Link { previous: place, next: place };
            self.first = place;
            return;
        }
        let last = self.links[self.first].previous;
        self.links[place] = Link { previous: last, next: self.first };
        self.links[last].next = place;
        self.links[self.first].previous = place;
    }

    /// Takes a place out of the circle, if it is in it.
    pub(super) fn remove(&mut self, place: usize) {
        if !self.contains(place) {
            return;
        }
        let Link { previous, next } = std::mem::replace(&mut self.links[place], OUTSIDE);
        if next == place {
            self.first = NONE;
            return;
        }
        self.links[previous].next = next;
        self.links[next].previous = previous;
        if self.first == place {
            self.first = next;
        }
    }
}

const NONE: usize = usize::MAX;
const OUTSIDE: Link = Link { previous: NONE, next: NONE };

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(ring: &mut Ring, count: usize) -> Vec<usize> {
        let next = |ring: &mut Ring| {
            let first = ring.first();
            ring.turn();
            first
        };
        (0..count).filter_map(|_| next(ring)).collect()
    }

    #[test]
    fn everybody_has_a_turn_in_order_of_arrival() {
        let mut ring = Ring::new();
        assert!(turns(&mut ring, 2).is_empty());
        for place in [4, 0, 2] {
            ring.insert(place);
        }
        assert_eq!(turns(&mut ring, 7), [4, 0, 2, 4, 0, 2, 4]);
        ring.insert(1);
        assert_eq!(turns(&mut ring, 4), [0, 2, 4, 1], "a new one comes last");
    }

    #[test]
    fn a_removed_place_is_skipped_whether_first_or_not() {
        let mut ring = Ring::new();
        for place in 0..4 {
            ring.insert(place);
        }
        ring.remove(0);
        ring.remove(2);
        ring.remove(2);
        assert_eq!(turns(&mut ring, 4), [1, 3, 1, 3]);
        assert!(!ring.contains(0) && ring.contains(1) && !ring.contains(99));
        ring.remove(1);
        ring.remove(3);
        assert_eq!(ring.first(), None);
        ring.insert(3);
        assert_eq!(turns(&mut ring, 2), [3, 3]);
    }
}
