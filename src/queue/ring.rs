//! Who is next: a circle of places, with constant-time insert, remove and turn.
//!
//! The circle holds exactly the consumers that can take a message (Q4), so that finding the next one
//! never looks at one that cannot. There is a circle for each priority (rabbitmq:
//! consumer-priority.md); only the highest is turned, and mostly there is no other.

/// Circles of small numbers, each number at most once.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ring {
    links: Vec<Link>,
    /// Of the highest circle; `NONE` when there is none at all.
    first: usize,
    /// The priority of the highest circle.
    priority: i32,
    /// The other circles, each with its priority and its first, the highest last. None is empty.
    lower: Vec<(i32, usize)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Link {
    previous: usize,
    next: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { links: Vec::new(), first: NONE, priority: 0, lower: Vec::new() }
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

    /// Puts a place that is not in a circle at the end of that of its priority.
    pub(super) fn insert(&mut self, place: usize, priority: i32) {
        if place >= self.links.len() {
            self.links.resize(place + 1, OUTSIDE);
        }
        assert!(self.links[place] == OUTSIDE, "a place is in the circle at most once (Q4)");
        if self.first == NONE {
            self.priority = priority;
        }
        let first = if priority == self.priority { self.first } else { self.find(priority) };
        let first = self.link(place, first);
        self.store(priority, first);
    }

    /// Takes a place out of the circle of its priority, if it is in it.
    pub(super) fn remove(&mut self, place: usize, priority: i32) {
        if !self.contains(place) {
            return;
        }
        let first = if priority == self.priority { self.first } else { self.find(priority) };
        let Link { previous, next } = std::mem::replace(&mut self.links[place], OUTSIDE);
        if next == place {
            return self.store(priority, NONE);
        }
        self.links[previous].next = next;
        self.links[next].previous = previous;
        if first == place {
            self.store(priority, next);
        }
    }

    /// Links a place in before the first of a circle, which is at its end; gives the first.
    fn link(&mut self, place: usize, first: usize) -> usize {
        if first == NONE {
            self.links[place] = Link { previous: place, next: place };
            return place;
        }
        let last = self.links[first].previous;
        self.links[place] = Link { previous: last, next: first };
        self.links[last].next = place;
        self.links[first].previous = place;
        first
    }

    /// The first of a circle that is not the highest; `NONE` when there is no such circle.
    #[cold]
    fn find(&self, priority: i32) -> usize {
        let place = self.lower.binary_search_by_key(&priority, |(other, _)| *other);
        place.map_or(NONE, |place| self.lower[place].1)
    }

    /// Notes the first of a circle; `NONE` when it is empty now.
    fn store(&mut self, priority: i32, first: usize) {
        if priority != self.priority {
            return self.store_other(priority, first);
        }
        self.first = first;
        if first == NONE
            && let Some((priority, first)) = self.lower.pop()
        {
            (self.priority, self.first) = (priority, first);
        }
    }

    /// As [`Self::store`], for a circle that is not the highest, and may become it.
    #[cold]
    fn store_other(&mut self, priority: i32, first: usize) {
        if priority > self.priority {
            self.lower.push((self.priority, self.first));
            (self.priority, self.first) = (priority, first);
            return;
        }
        match self.lower.binary_search_by_key(&priority, |(other, _)| *other) {
            Ok(place) if first == NONE => {
                self.lower.remove(place);
            }
            Ok(place) => self.lower[place].1 = first,
            Err(place) => self.lower.insert(place, (priority, first)),
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
            ring.insert(place, 0);
        }
        assert_eq!(turns(&mut ring, 7), [4, 0, 2, 4, 0, 2, 4]);
        ring.insert(1, 0);
        assert_eq!(turns(&mut ring, 4), [0, 2, 4, 1], "a new one comes last");
    }

    #[test]
    fn a_removed_place_is_skipped_whether_first_or_not() {
        let mut ring = Ring::new();
        for place in 0..4 {
            ring.insert(place, 0);
        }
        ring.remove(0, 0);
        ring.remove(2, 0);
        ring.remove(2, 0);
        assert_eq!(turns(&mut ring, 4), [1, 3, 1, 3]);
        assert!(!ring.contains(0) && ring.contains(1) && !ring.contains(99));
        ring.remove(1, 0);
        ring.remove(3, 0);
        assert_eq!(ring.first(), None);
        ring.insert(3, 0);
        assert_eq!(turns(&mut ring, 2), [3, 3]);
    }

    #[test]
    fn only_the_highest_circle_turns() {
        let mut ring = Ring::new();
        for (place, priority) in [(0, 0), (1, 5), (2, -1), (3, 5), (4, 0), (5, 3)] {
            ring.insert(place, priority);
        }
        assert_eq!(turns(&mut ring, 3), [1, 3, 1]);
        ring.remove(5, 3);
        ring.remove(3, 5);
        ring.remove(1, 5);
        assert_eq!(turns(&mut ring, 3), [0, 4, 0]);
        ring.insert(3, 5);
        ring.remove(4, 0);
        assert_eq!(turns(&mut ring, 2), [3, 3]);
        ring.remove(3, 5);
        ring.remove(0, 0);
        assert_eq!(turns(&mut ring, 2), [2, 2]);
        ring.remove(2, -1);
        assert_eq!(ring, Ring { links: ring.links.clone(), priority: -1, ..Ring::new() });
    }
}
