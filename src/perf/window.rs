//! Which publishes of one channel the broker has not answered yet.

use std::collections::VecDeque;

use super::scanner::Confirm;

/// Publishes on their way, up to a limit. Brokers answer one by one, in runs, and out of order.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    /// The highest publish; they count from 1 (rabbitmq: confirms).
    published: u64,
    /// Every publish up to here is answered.
    closed: u64,
    /// Answers beyond `closed`, one bit per publish.
    beyond: Bits,
    answered: u64,
    /// Highest publish of a write, and when it was written.
    writes: VecDeque<(u64, u64)>,
}

/// What an answer brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Answered {
    /// Publishes that nobody had answered before.
    pub(super) publishes: u64,
}

impl Window {
    /// At most `size` publishes on their way.
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            published: 0,
            closed: 0,
            beyond: Bits::default(),
            answered: 0,
            writes: VecDeque::new(),
        }
    }

    /// How many may be published now.
    pub(super) fn room(&self) -> u64 {
        self.size.saturating_sub(self.published - self.answered)
    }

    /// Whether all are answered.
    pub(super) fn is_empty(&self) -> bool {
        self.published == self.answered
    }

    /// One write of `count` publishes at `now_ns`.
    pub(super) fn publish(&mut self, count: u64, now_ns: u64) {
        self.published += count;
        self.writes.push_back((self.published, now_ns));
    }

    /// Takes an answer; `None` when it names a publish that there was not.
    pub(super) fn answer(&mut self, confirm: Confirm) -> Option<Answered> {
        // rabbitmq: tag 0 with `multiple` means all so far, as in every ack.
        let tag = if confirm.tag == 0 && confirm.multiple { self.published } else { confirm.tag };
        if tag == 0 || tag > self.published {
            return None;
        }
        if tag <= self.closed {
            return Some(Answered::default());
        }
        let before = self.answered;
        let ahead = tag - self.closed;
        if confirm.multiple {
            self.answered += ahead - self.beyond.take(ahead);
            self.closed = tag;
        } else if self.beyond.set(ahead - 1) {
            self.answered += 1;
        }
        self.closed += self.beyond.take_leading_ones();
        Some(Answered { publishes: self.answered - before })
    }

    /// When the oldest write that is wholly answered was written; each is handed out once.
    pub(super) fn next_closed_write(&mut self) -> Option<u64> {
        let &(last, at_ns) = self.writes.front()?;
        if last > self.closed {
            return None;
        }
        self.writes.pop_front();
        Some(at_ns)
    }
}

/// Bits that are set somewhere and taken from the front.
#[derive(Debug, Default)]
struct Bits {
    words: VecDeque<u64>,
    /// Bits of the first word that were taken already.
    skipped: u64,
}

impl Bits {
    /// Sets the bit `at` places from the front; whether it was not set before.
    fn set(&mut self, at: u64) -> bool {
        let at = at + self.skipped;
        let (word, bit) = (at / 64, 1 << (at % 64));
        // A window of publishes that are held in memory fits.
        let word = usize::try_from(word).unwrap_or(usize::MAX);
        while self.words.len() <= word {
            self.words.push_back(0);
        }
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        fresh
    }

    /// Takes this many bits from the front; how many of them were set.
    fn take(&mut self, mut count: u64) -> u64 {
        let mut set = 0;
        while count > 0 {
            let Some(first) = self.words.front() else {
                self.skipped = 0;
                return set;
            };
            let here = (64 - self.skipped).min(count);
            let mask = if here == 64 { u64::MAX } else { (1 << here) - 1 };
            set += u64::from(((first >> self.skipped) & mask).count_ones());
            self.skip(here);
            count -= here;
        }
        set
    }

    /// Takes the set bits at the front; how many there were.
    fn take_leading_ones(&mut self) -> u64 {
        let mut taken = 0;
        while let Some(first) = self.words.front() {
            let ones = u64::from((first >> self.skipped).trailing_ones()).min(64 - self.skipped);
            if ones == 0 {
                break;
            }
            let whole_word = ones == 64 - self.skipped;
            self.skip(ones);
            taken += ones;
            if !whole_word {
                break;
            }
        }
        taken
    }

    fn skip(&mut self, count: u64) {
        self.skipped += count;
        if self.skipped >= 64 {
            self.words.pop_front();
            self.skipped = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn one(tag: u64) -> Confirm {
        Confirm { tag, multiple: false, refused: false }
    }

    fn up_to(tag: u64) -> Confirm {
        Confirm { tag, multiple: true, refused: false }
    }

    #[test]
    fn room_comes_back_with_answers_in_any_order() {
        let mut window = Window::new(4);
        window.publish(4, 10);
        assert_eq!(window.room(), 0);
        assert_eq!(window.answer(one(3)), Some(Answered { publishes: 1 }));
        assert_eq!(window.room(), 1);
        assert_eq!(window.answer(one(3)), Some(Answered { publishes: 0 }), "a second time");
        assert_eq!(window.next_closed_write(), None);
        assert_eq!(window.answer(up_to(4)), Some(Answered { publishes: 3 }));
        assert!(window.is_empty());
        assert_eq!(window.next_closed_write(), Some(10));
        assert_eq!(window.next_closed_write(), None);
    }

    #[test]
    fn an_answer_to_nothing_is_an_error() {
        let mut window = Window::new(4);
        assert_eq!(window.answer(one(1)), None);
        window.publish(1, 0);
        assert_eq!(window.answer(one(2)), None);
        assert_eq!(window.answer(one(0)), None);
        assert_eq!(window.answer(up_to(0)), Some(Answered { publishes: 1 }));
    }

    proptest! {
        #[test]
        fn every_publish_is_answered_once(steps in prop::collection::vec((0..200_u64, any::<bool>(), 0..90_u64), 1..60)) {
            let mut window = Window::new(u64::MAX);
            let (mut open, mut published) = (BTreeSet::new(), 0);
            for (place, multiple, more) in steps {
                window.publish(more, 0);
                open.extend(published + 1..=published + more);
                published += more;
                if published == 0 {
                    continue;
                }
                let tag = published - place.min(published - 1);
                let before = open.len();
                open.retain(|publish| if multiple { *publish > tag } else { *publish != tag });
                let answered = window.answer(Confirm { tag, multiple, refused: false });
                prop_assert_eq!(answered, Some(Answered { publishes: (before - open.len()) as u64 }));
                prop_assert_eq!(window.is_empty(), open.is_empty());
                prop_assert_eq!(window.published - window.answered, open.len() as u64);
            }
        }
    }
}
