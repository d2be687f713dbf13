use std::collections::BTreeSet;

use ::proptest::prelude::*;

use super::super::naive;
use super::super::target::QueueSlot;
use super::*;

fn queue(number: u32) -> Target {
    Target::Queue(QueueSlot(number))
}

fn topic(patterns: &[&str]) -> Topic {
    let mut topic = Topic::default();
    for (number, pattern) in (0..).zip(patterns) {
        topic.add(pattern.as_bytes(), queue(number));
    }
    topic
}

fn reached(topic: &Topic, key: &[u8]) -> Vec<u32> {
    let mut matches = Matches::default();
    topic.matches(key, &mut Walk::default(), &mut matches);
    matches.deduplicate();
    let mut queues: Vec<u32> = matches.queues.iter().map(|queue| queue.0).collect();
    queues.sort_unstable();
    queues
}

fn does_match(pattern: &str, key: &str) -> bool {
    !reached(&topic(&[pattern]), key.as_bytes()).is_empty()
}

fn nodes(topic: &Topic) -> usize {
    topic.nodes.iter().count()
}

#[test]
fn a_pattern_without_wildcards_matches_its_own_key_only() {
    assert!(does_match("a.b", "a.b"));
    assert!(!does_match("a.b", "a"));
    assert!(!does_match("a.b", "a.b.c"));
    assert!(!does_match("a.b", "a.B"));
}

#[test]
fn a_star_is_exactly_one_word() {
    assert!(does_match("a.*.c", "a.b.c"));
    assert!(!does_match("a.*.c", "a.c"));
    assert!(!does_match("a.*.c", "a.b.b.c"));
    assert!(does_match("*", "a"));
    assert!(!does_match("*", "a.b"));
}

#[test]
fn a_hash_is_any_number_of_words() {
    for key in ["a", "a.b", "a.b.c"] {
        assert!(does_match("a.#", key), "{key}");
        assert!(does_match("#", key), "{key}");
        assert!(does_match("#.#", key), "{key}");
    }
    assert!(!does_match("a.#", "b.a"));
    assert!(does_match("#.c", "c"));
    assert!(does_match("#.c", "a.b.c"));
    assert!(!does_match("#.c", "a.b.c.d"));
    assert!(does_match("a.#.c", "a.c"));
    assert!(does_match("a.#.c", "a.c.c.b.c"));
}

#[test]
fn a_hash_before_a_star_needs_one_word() {
    assert!(!does_match("#.*", ""));
    assert!(does_match("#.*", "a"));
    assert!(does_match("*.#", "a.b.c"));
    assert!(!does_match("*.#.*", "a"));
}

#[test]
fn the_empty_key_matches_a_hash_and_the_empty_pattern_only() {
    assert!(does_match("", ""));
    assert!(does_match("#", ""));
    assert!(does_match("#.#", ""));
    assert!(!does_match("*", ""));
    assert!(!does_match("", "a"));
    assert!(!does_match("", "."));
}

#[test]
fn empty_words_are_words() {
    assert!(does_match("a.*.b", "a..b"));
    assert!(!does_match("a.*.b", "a.b"));
    assert!(does_match("*.*", "."));
    assert!(does_match("a.", "a."));
    assert!(!does_match("a.", "a"));
    assert!(does_match("a.*", "a."));
    assert!(does_match(".#", ".a"));
}

#[test]
fn a_wildcard_within_a_word_is_a_letter() {
    assert!(does_match("a*.#b", "a*.#b"));
    assert!(!does_match("a*.#b", "ax.b"));
    assert!(!does_match("**", "a"));
}

#[test]
fn a_wildcard_in_a_key_is_a_word_like_any_other() {
    assert!(does_match("*", "#"));
    assert!(does_match("#", "*"));
    assert!(!does_match("a", "*"));
    assert!(!does_match("a.*", "#.b"));
}

#[test]
fn words_are_any_bytes() {
    let mut topic = Topic::default();
    topic.add(b"\xff\x00.*", queue(1));
    assert_eq!(reached(&topic, b"\xff\x00.\xfe"), [1]);
    assert!(reached(&topic, b"\xff\x01.\xfe").is_empty());
}

#[test]
fn several_patterns_match_one_key() {
    let topic = topic(&["a.b", "a.*", "#", "*.b", "a.c", "#.b.#"]);
    assert_eq!(reached(&topic, b"a.b"), [0, 1, 2, 3, 5]);
}

#[test]
fn an_unbound_pattern_leaves_no_node_behind() {
    let mut topic = Topic::default();
    let patterns = ["a.*.c", "a.*.d", "#", "a.#.b.#", "*.*", "x.y"];
    for pattern in patterns {
        topic.add(pattern.as_bytes(), queue(1));
        topic.add(pattern.as_bytes(), queue(2));
    }
    for pattern in patterns {
        topic.remove(pattern.as_bytes(), queue(1));
    }
    assert_eq!(reached(&topic, b"a.b.c"), [2]);
    for pattern in patterns {
        topic.remove(pattern.as_bytes(), queue(2));
    }
    assert_eq!(nodes(&topic), 1, "the root");
    assert!(topic.children.is_empty());
    assert!(topic.exact.is_empty());
}

#[test]
fn unbinding_a_pattern_that_was_not_bound_changes_nothing() {
    let mut topic = topic(&["a.*.c"]);
    for pattern in ["a.*", "a.*.d", "#", "b.*", "x"] {
        topic.remove(pattern.as_bytes(), queue(0));
    }
    topic.remove(b"a.*.c", queue(7));
    assert_eq!(reached(&topic, b"a.b.c"), [0]);
}

#[test]
fn a_node_is_one_cache_line() {
    assert_eq!(size_of::<Option<Node>>(), 64);
}

/// Thirty `#` over 127 words have more ways to match than there are atoms; the steps are few.
#[test]
fn many_hashes_cost_words_times_nodes() {
    let pattern = ["#", "a"].repeat(30).join(".");
    let mut topic = Topic::default();
    topic.add(pattern.as_bytes(), queue(1));
    let count = |key: &str| {
        let (mut walk, mut matches) = (Walk::default(), Matches::default());
        topic.matches(key.as_bytes(), &mut walk, &mut matches);
        (walk.steps, matches.queues.len())
    };
    let (steps, found) = count(&["a"; 127].join("."));
    assert_eq!(found, 1);
    assert!(steps <= 127 * 61, "{steps} steps");
    let (steps, found) = count(&[["a"; 126].join("."), "b".to_owned()].join("."));
    assert_eq!(found, 0);
    assert!(steps <= 127 * 61, "{steps} steps");
}

#[test]
fn nothing_but_hashes_is_entered_once() {
    let pattern = ["#"; 128].join(".");
    let mut topic = Topic::default();
    topic.add(pattern.as_bytes(), queue(1));
    let (mut walk, mut matches) = (Walk::default(), Matches::default());
    topic.matches(&[b'.'; 126], &mut walk, &mut matches);
    assert_eq!(matches.queues.len(), 1);
    assert!(walk.steps <= 127 * 129, "{} steps", walk.steps);
}

/// Words that are often wildcards and often empty.
fn any_words(max: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => Just("#"), 3 => Just("*"), 2 => Just("a"), 2 => Just("b"), 1 => Just(""), 1 => Just("cc"),
    ];
    prop::collection::vec(word, 0..=max).prop_map(|words| words.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn one_pattern_matches_as_the_naive_matcher_does(
        pattern in any_words(7),
        keys in prop::collection::vec(any_words(8), 1..8),
    ) {
        for key in keys {
            prop_assert_eq!(
                does_match(&pattern, &key),
                naive::topic(pattern.as_bytes(), key.as_bytes()),
                "{} against {}", pattern, key
            );
        }
    }

    #[test]
    fn binds_and_unbinds_in_any_order_match_as_the_naive_matcher_does(
        steps in prop::collection::vec((prop::bool::weighted(0.65), any_words(4), 0_u32..4), 1..60),
        keys in prop::collection::vec(any_words(5), 1..12),
    ) {
        let mut topic = Topic::default();
        let mut bound = BTreeSet::new();
        for (bind, pattern, number) in steps {
            // The table hands on each binding once, so the counts stay at one.
            if bind && bound.insert((pattern.clone(), number)) {
                topic.add(pattern.as_bytes(), queue(number));
            } else if !bind && bound.remove(&(pattern.clone(), number)) {
                topic.remove(pattern.as_bytes(), queue(number));
            }
        }
        for key in keys {
            let expected: BTreeSet<u32> = bound
                .iter()
                .filter(|(pattern, _)| naive::topic(pattern.as_bytes(), key.as_bytes()))
                .map(|(_, number)| *number)
                .collect();
            prop_assert!(reached(&topic, key.as_bytes()).into_iter().eq(expected), "{}", key);
        }
        for (pattern, number) in bound {
            topic.remove(pattern.as_bytes(), queue(number));
        }
        prop_assert_eq!(nodes(&topic), 1);
        prop_assert!(topic.children.is_empty());
    }
}
