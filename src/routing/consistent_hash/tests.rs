//! Shares, and how few messages move.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::headers::MessageHeaders;
use super::super::target::QueueSlot;
use super::*;
use crate::base::{FieldTable, FieldValue, ShortStr};

fn exchange(arguments: &[(&str, &str)]) -> ConsistentHash {
    let short = |text: &str| ShortStr::try_from(text).expect("short");
    let entries = arguments.iter().map(|(key, value)| (short(key), FieldValue::text(value)));
    ConsistentHash::new(&entries.collect())
}

fn add(hash: &mut ConsistentHash, slot: u32, weight: u32) {
    let key = weight.to_string();
    hash.add(BindingSlot(slot), key.as_bytes(), Target::Queue(QueueSlot(slot)));
}

fn reached(hash: &ConsistentHash, key: &str, headers: &FieldTable) -> Option<u32> {
    let (mut matches, mut room) = (Matches::default(), MessageHeaders::default());
    let mut facts = || headers.clone();
    let mut facts = LazyFacts::new(&mut facts, &mut room);
    hash.matches(&[key.as_bytes(), b"a second key"], &mut facts, &mut matches);
    assert!(matches.queues.len() <= 1);
    matches.queues.first().map(|queue| queue.0)
}

const KEYS: usize = 20_000;

/// Where each of many keys goes.
fn places(hash: &ConsistentHash) -> Vec<Option<u32>> {
    (0..KEYS).map(|n| reached(hash, &format!("key {n}"), &FieldTable::EMPTY)).collect()
}

fn shares(places: &[Option<u32>]) -> BTreeMap<u32, usize> {
    let mut shares = BTreeMap::new();
    for place in places.iter().flatten() {
        *shares.entry(*place).or_default() += 1;
    }
    shares
}

fn moved(before: &[Option<u32>], after: &[Option<u32>]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

#[test]
fn every_message_goes_to_one_binding_in_proportion_to_its_weight() {
    let mut hash = exchange(&[]);
    assert_eq!(reached(&hash, "k", &FieldTable::EMPTY), None);
    for (slot, weight) in [(0, 1), (1, 2), (2, 5), (3, 12)] {
        add(&mut hash, slot, weight);
    }
    let places = places(&hash);
    assert!(places.iter().all(Option::is_some));
    for (slot, share) in shares(&places) {
        let expected = KEYS * [1, 2, 5, 12][slot as usize] / 20;
        assert!(share.abs_diff(expected) < expected / 5, "{slot}: {share} for {expected}");
    }
}

#[test]
fn a_binding_that_comes_takes_its_share_and_moves_nothing_else() {
    let mut hash = exchange(&[]);
    (0..9).for_each(|slot| add(&mut hash, slot, 100));
    let before = places(&hash);
    add(&mut hash, 9, 100);
    let after = places(&hash);
    assert!(before.iter().zip(&after).all(|(before, after)| before == after || *after == Some(9)));
    let taken = moved(&before, &after);
    assert!(taken.abs_diff(KEYS / 10) < KEYS / 50, "{taken}");
}

#[test]
fn a_binding_that_goes_moves_at_most_twice_its_share() {
    for gone in [0, 4, 9] {
        let mut hash = exchange(&[]);
        (0..10).for_each(|slot| add(&mut hash, slot, 100));
        let before = places(&hash);
        hash.remove(BindingSlot(gone));
        let after = places(&hash);
        assert!(!after.contains(&Some(gone)));
        let moved = moved(&before, &after);
        assert!(moved < KEYS * 2 / 10 + KEYS / 50, "without {gone} {moved} of {KEYS} moved");
    }
}

#[test]
fn a_header_or_a_property_can_be_hashed_instead_of_the_key() {
    let header = |text: &str| {
        let key = ShortStr::try_from("customer").expect("short");
        FieldTable::new(vec![(key, FieldValue::text(text))])
    };
    for arguments in [[("hash-header", "customer")], [("x-hash-on", "customer")]] {
        let mut hash = exchange(&arguments);
        (0..5).for_each(|slot| add(&mut hash, slot, 1));
        let one = reached(&hash, "k1", &header("ann"));
        assert_eq!(reached(&hash, "k2", &header("ann")), one, "the key says nothing");
        let all: Vec<_> = (0..50).map(|n| reached(&hash, "k", &header(&n.to_string()))).collect();
        assert_eq!(shares(&all).len(), 5);
        let without = reached(&hash, "k1", &FieldTable::EMPTY);
        assert_eq!(reached(&hash, "k2", &FieldTable::EMPTY), without, "one place for all without");
    }
    let mut hash = exchange(&[("hash-property", "message_id")]);
    (0..5).for_each(|slot| add(&mut hash, slot, 1));
    let (mut matches, mut room) = (Matches::default(), MessageHeaders::default());
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..50 {
        matches.clear();
        let mut facts = Identified(n);
        let mut facts = LazyFacts::new(&mut facts, &mut room);
        hash.matches(&[b"k"], &mut facts, &mut matches);
        assert!(facts.is_asked());
        seen.insert(matches.queues[0].0);
    }
    assert_eq!(seen.len(), 5);
}

struct Identified(u32);

impl super::super::Facts for Identified {
    fn headers(&mut self) -> FieldTable {
        unreachable!("nobody hashes a header")
    }

    fn property(&mut self, property: HashProperty) -> Option<Vec<u8>> {
        assert_eq!(property, HashProperty::MessageId);
        Some(self.0.to_string().into_bytes())
    }

    fn number(&mut self) -> u64 {
        unreachable!("nobody picks at random")
    }
}

#[test]
fn a_weight_is_a_number_from_1_to_10000() {
    assert_eq!(weight(b"1"), Ok(1));
    assert_eq!(weight(b"+0010000"), Ok(10_000));
    for key in [&b""[..], b"x", b"1.5", b"+", b"1 "] {
        assert_eq!(weight(key), Err(NoWeight::NoInteger));
    }
    for key in [&b"0"[..], b"-1", b"-99999999999999999999"] {
        assert_eq!(weight(key), Err(NoWeight::NotPositive));
    }
    for key in [&b"10001"[..], b"99999999999999999999"] {
        assert_eq!(weight(key), Err(NoWeight::TooLarge));
    }
}

proptest! {
    /// The row as plain buckets against the pieces: who owns how much, and which buckets moved.
    #[test]
    fn the_row_is_what_its_rules_say(
        steps in prop::collection::vec((prop::bool::weighted(0.6), 0_u32..12, 1_u32..30), 0..60),
    ) {
        let mut hash = exchange(&[]);
        let mut model: Vec<u32> = Vec::new();
        for (is_added, slot, weight) in steps {
            if is_added && !model.contains(&slot) {
                add(&mut hash, slot, weight);
                model.extend((0..weight).map(|_| slot));
            } else if !is_added {
                hash.remove(BindingSlot(slot));
                let left = model.iter().filter(|owner| **owner != slot).count();
                let tail = model.split_off(left);
                let mut tail = tail.into_iter().filter(|owner| *owner != slot);
                for owner in model.iter_mut().filter(|owner| **owner == slot) {
                    *owner = tail.next().expect("as many behind the end as gaps before it");
                }
            }
            let row: Vec<u32> = lengths(&hash.pieces)
                .flat_map(|(piece, len)| (0..len).map(|_| piece.binding.0))
                .collect();
            prop_assert_eq!(&row, &model);
            prop_assert!(hash.pieces.windows(2).all(|pair| pair[0].binding != pair[1].binding));
        }
    }
}
