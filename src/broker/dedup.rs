//! The window of a de-duplicating queue or exchange: which keys were seen lately (LavinMQ's and the
//! community plug-in's `x-message-deduplication`, `x-cache-size`, `x-cache-ttl`, with the key of a message
//! in its header `x-deduplication-header`).
//!
//! Pure: time comes in as a number, and a window can be built again from the list of its entries. A window
//! is bounded by the number of its keys, the bytes of each and the bytes of all: the oldest goes for a new
//! one. A key may have a record on disk; the window knows its number, and says which records are no longer
//! needed.

use std::collections::{BTreeMap, VecDeque};

use crate::base::limits::{DEDUPLICATION_KEY_BYTES_MAX, DEDUPLICATION_WINDOW_BYTES_MAX};
use crate::base::{MessageId, Millis};

/// What a key came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was there: the message is a duplicate. The key expires when it would have.
    Before,
}

/// One remembered key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// The key.
    pub key: Box<[u8]>,
    /// When it is forgotten; `None`: when it is the oldest of too many.
    pub expires: Option<Millis>,
    /// Its record on disk, when it has one.
    pub record: Option<MessageId>,
}

/// See the module.
///
/// Invariants: `order` holds every key of `keys` once, by the number under which it came; numbers grow.
/// Keys are forgotten from the front only, unless they were given times to live of their own.
#[derive(Clone, Debug)]
pub struct DeduplicationWindow {
    keys_max: usize,
    ttl_ms: Option<u64>,
    keys: BTreeMap<Box<[u8]>, Entry>,
    /// Keys in the order in which they came; one that was forgotten before its turn is a gap.
    order: VecDeque<(u64, Box<[u8]>)>,
    /// Keys by the moment at which they expire.
    expiries: BTreeMap<(Millis, u64), Box<[u8]>>,
    next: u64,
    /// Bytes of all keys.
    bytes: usize,
    /// Records of keys that were forgotten since somebody asked.
    obsolete: Vec<MessageId>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    expires: Option<Millis>,
    record: Option<MessageId>,
}

impl DeduplicationWindow {
    /// A window for this many keys, at least one; `ttl_ms` is how long a key is remembered that says
    /// nothing itself, `None` for as long as there is room.
    #[must_use]
    pub fn new(keys_max: usize, ttl_ms: Option<u64>) -> Self {
        Self {
            keys_max: keys_max.max(1),
            ttl_ms,
            keys: BTreeMap::new(),
            order: VecDeque::new(),
            expiries: BTreeMap::new(),
            next: 0,
            bytes: 0,
            obsolete: Vec::new(),
        }
    }

    /// A window with these entries, the oldest first, as [`Self::entries`] gives them. Those that have
    /// expired and the oldest of too many are left out, and their records are obsolete; of one key twice
    /// the first counts.
    #[must_use]
    pub fn rebuild(
        keys_max: usize,
        ttl_ms: Option<u64>,
        entries: impl IntoIterator<Item = Remembered>,
        now: Millis,
    ) -> Self {
        let mut window = Self::new(keys_max, ttl_ms);
        for Remembered { key, expires, record } in entries {
            let expired = expires.is_some_and(|expires| expires <= now);
            let fits = key.len() <= DEDUPLICATION_KEY_BYTES_MAX;
            if expired || !fits || window.keys.contains_key(&key) {
                window.obsolete.extend(record);
            } else {
                window.remember(key, expires, record);
            }
        }
        window
    }

    /// Looks for a key and remembers it, for as long as it says or as the window does. A key that is longer
    /// than [`DEDUPLICATION_KEY_BYTES_MAX`] is new each time.
    pub fn insert(&mut self, key: &[u8], ttl_ms: Option<u64>, now: Millis) -> Seen {
        self.expire(now);
        if key.len() > DEDUPLICATION_KEY_BYTES_MAX {
            return Seen::New;
        }
        if self.keys.contains_key(key) {
            return Seen::Before;
        }
        let expires = self.expiry(ttl_ms, now);
        if expires.is_none_or(|expires| expires > now) {
            self.remember(key.into(), expires, None);
        }
        Seen::New
    }

    /// Whether a key is remembered, without remembering it.
    pub fn contains(&mut self, key: &[u8], now: Millis) -> bool {
        self.expire(now);
        self.keys.contains_key(key)
    }

    /// When a key is forgotten that comes now, by what it says or the window does.
    #[must_use]
    pub fn expiry(&self, ttl_ms: Option<u64>, now: Millis) -> Option<Millis> {
        ttl_ms.or(self.ttl_ms).map(|ttl_ms| now.after(ttl_ms))
    }

    /// Notes the record that a key has on disk from now on. Says whether the key is there; if not, nobody
    /// will say that the record is obsolete.
    pub fn set_record(&mut self, key: &[u8], record: MessageId) -> bool {
        let entry = self.keys.get_mut(key);
        entry.map(|entry| entry.record = Some(record)).is_some()
    }

    /// Records of keys that were forgotten since this was asked last.
    pub fn take_obsolete(&mut self) -> Vec<MessageId> {
        std::mem::take(&mut self.obsolete)
    }

    /// What the keys cost in RAM, about, in bytes.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        // Each key stands in three places at most, with some sixty bytes beside it in each.
        3 * (self.bytes + 60 * self.keys.len()) as u64
    }

    /// Forgets a key, as when its message left the queue; whether it was there.
    pub fn forget(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.keys.remove(key) else { return false };
        self.bytes -= key.len();
        self.obsolete.extend(entry.record);
        if let Some(expires) = entry.expires {
            self.expiries.remove(&(expires, entry.number));
        }
        // The gap it leaves in the order costs nothing until there are more gaps than keys.
        if self.order.len() > 2 * self.keys.len() + SLACK {
            let keys = &self.keys;
            self.order
                .retain(|(number, key)| keys.get(key).is_some_and(|entry| entry.number == *number));
        }
        true
    }

    /// What is remembered, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = Remembered> {
        self.order.iter().filter_map(|(number, key)| {
            let entry = self.keys.get(key).filter(|entry| entry.number == *number)?;
            Some(Remembered { key: key.clone(), expires: entry.expires, record: entry.record })
        })
    }

    /// How many keys are remembered; expired ones count until something is looked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn remember(&mut self, key: Box<[u8]>, expires: Option<Millis>, record: Option<MessageId>) {
        while self.keys.len() >= self.keys_max
            || self.bytes + key.len() > DEDUPLICATION_WINDOW_BYTES_MAX
        {
            let Some((number, oldest)) = self.order.pop_front() else { break };
            if self.keys.get(&oldest).is_some_and(|entry| entry.number == number) {
                self.forget(&oldest);
            }
        }
        let number = self.next;
        self.next += 1;
        if let Some(expires) = expires {
            self.expiries.insert((expires, number), key.clone());
        }
        self.order.push_back((number, key.clone()));
        self.bytes += key.len();
        self.keys.insert(key, Entry { number, expires, record });
    }

    fn expire(&mut self, now: Millis) {
        while let Some(first) = self.expiries.first_entry()
            && first.key().0 <= now
        {
            let key = first.remove();
            self.forget(&key);
        }
    }
}

/// Gaps that a short order may have.
const SLACK: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> Box<[u8]> {
        Box::from([n])
    }

    #[test]
    fn a_key_is_a_duplicate_until_it_expires() {
        let mut window = DeduplicationWindow::new(10, Some(100));
        assert_eq!(window.insert(b"a", None, Millis(0)), Seen::New);
        assert_eq!(window.insert(b"a", None, Millis(99)), Seen::Before);
        assert_eq!(
            window.insert(b"a", None, Millis(100)),
            Seen::New,
            "a duplicate prolongs nothing"
        );
        assert_eq!(window.insert(b"b", Some(5), Millis(100)), Seen::New);
        assert_eq!(window.insert(b"b", None, Millis(105)), Seen::New);
        assert_eq!(window.insert(b"c", Some(0), Millis(105)), Seen::New);
        assert_eq!(window.insert(b"c", Some(0), Millis(105)), Seen::New);
    }

    #[test]
    fn the_oldest_key_goes_for_a_new_one() {
        let mut window = DeduplicationWindow::new(2, None);
        for name in [b"a", b"b", b"c"] {
            assert_eq!(window.insert(name, None, Millis(0)), Seen::New);
        }
        assert_eq!(window.insert(b"b", None, Millis(0)), Seen::Before);
        assert_eq!(window.insert(b"a", None, Millis(0)), Seen::New);
        assert_eq!(window.len(), 2);
    }

    #[test]
    fn a_key_beyond_the_bound_is_never_remembered() {
        let long = vec![b'x'; DEDUPLICATION_KEY_BYTES_MAX + 1];
        let mut window = DeduplicationWindow::new(2, None);
        assert_eq!(window.insert(&long, None, Millis(0)), Seen::New);
        assert_eq!(window.insert(&long, None, Millis(0)), Seen::New);
        assert!(window.is_empty());
    }

    #[test]
    fn the_bytes_of_all_keys_are_bounded() {
        let key = |n: u64| {
            let mut key = vec![0; DEDUPLICATION_KEY_BYTES_MAX];
            key[..8].copy_from_slice(&n.to_le_bytes());
            key
        };
        let fit = (DEDUPLICATION_WINDOW_BYTES_MAX / DEDUPLICATION_KEY_BYTES_MAX) as u64;
        let mut window = DeduplicationWindow::new(usize::MAX, None);
        for n in 0..=fit {
            window.insert(&key(n), None, Millis(0));
        }
        assert_eq!(window.len() as u64, fit);
        assert!(!window.contains(&key(0), Millis(0)) && window.contains(&key(1), Millis(0)));
    }

    #[test]
    fn the_record_of_a_key_that_is_forgotten_is_obsolete() {
        let mut window = DeduplicationWindow::new(2, None);
        for (n, name) in [(1, b"a"), (2, b"b"), (3, b"c")] {
            window.insert(name, (n == 2).then_some(10), Millis(0));
            assert!(window.set_record(name, MessageId(n)));
        }
        assert_eq!(window.take_obsolete(), [MessageId(1)], "the oldest of too many");
        assert!(!window.set_record(b"a", MessageId(4)));
        assert!(!window.contains(b"b", Millis(10)));
        assert_eq!(window.take_obsolete(), [MessageId(2)], "it expired");
        let entries: Vec<Remembered> = window.entries().collect();
        let twice = entries.iter().chain(&entries).cloned();
        let mut again = DeduplicationWindow::rebuild(2, None, twice, Millis(10));
        assert_eq!(again.take_obsolete(), [MessageId(3)], "one key twice");
        assert!(again.forget(b"c"));
        assert_eq!(again.take_obsolete(), [MessageId(3)]);
    }

    /// A list of keys with their expiry, looked through from one end to the other.
    #[derive(Default)]
    struct Model(Vec<Remembered>);

    impl Model {
        fn insert(&mut self, keys_max: usize, n: u8, ttl_ms: Option<u64>, now: Millis) -> Seen {
            self.0.retain(|entry| entry.expires.is_none_or(|expires| expires > now));
            if self.0.iter().any(|entry| entry.key == key(n)) {
                return Seen::Before;
            }
            if ttl_ms != Some(0) {
                if self.0.len() == keys_max {
                    self.0.remove(0);
                }
                let expires = ttl_ms.map(|ttl_ms| now.after(ttl_ms));
                self.0.push(Remembered { key: key(n), expires, record: None });
            }
            Seen::New
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, Option<u64>),
        Forget(u8),
        Wait(u64),
        Rebuild,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_u8..24, prop::option::of(0_u64..40)).prop_map(|(n, ttl)| Step::Insert(n, ttl)),
            2 => (0_u8..24).prop_map(Step::Forget),
            2 => (0_u64..30).prop_map(Step::Wait),
            1 => Just(Step::Rebuild),
        ]
    }

    proptest! {
        #[test]
        fn the_window_is_a_list_that_is_looked_through(
            keys_max in 1_usize..12,
            ttl_ms in prop::option::of(1_u64..40),
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut window = DeduplicationWindow::new(keys_max, ttl_ms);
            let mut model = Model::default();
            let mut now = Millis(0);
            for step in steps {
                match step {
                    Step::Insert(n, own) => {
                        let seen = window.insert(&[n], own, now);
                        prop_assert_eq!(seen, model.insert(keys_max, n, own.or(ttl_ms), now));
                    }
                    Step::Forget(n) => {
                        let was_there = model.0.iter().any(|entry| entry.key == key(n));
                        model.0.retain(|entry| entry.key != key(n));
                        prop_assert_eq!(window.forget(&[n]), was_there);
                    }
                    Step::Wait(ms) => now = now.after(ms),
                    Step::Rebuild => {
                        let entries: Vec<Remembered> = window.entries().collect();
                        window = DeduplicationWindow::rebuild(keys_max, ttl_ms, entries, now);
                        model.0.retain(|entry| entry.expires.is_none_or(|expires| expires > now));
                    }
                }
                prop_assert!(window.entries().eq(model.0.iter().cloned()));
                prop_assert!(window.len() <= keys_max);
                prop_assert!(window.order.len() <= 2 * window.len() + SLACK + 1);
                prop_assert_eq!(window.bytes, model.0.iter().map(|entry| entry.key.len()).sum::<usize>());
                let expiring = model.0.iter().filter(|entry| entry.expires.is_some()).count();
                prop_assert_eq!(window.expiries.len(), expiring);
            }
        }
    }
}
