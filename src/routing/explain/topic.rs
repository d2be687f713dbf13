//! Why a pattern of a topic exchange does not match a key.

use std::fmt;

/// Where a pattern and a key part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// The number of the word of the key, from 1; one more than it has when it ends too early.
    pub number: usize,
    /// That word; `None` at the end of the key.
    pub found: Option<Vec<u8>>,
    /// What the pattern wants there; `None` at its end.
    pub expected: Option<Vec<u8>>,
    /// Whether a `#` stands before it: then it is looked for in the rest of the key as well.
    pub behind_hash: bool,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let number = self.number;
        match (&self.found, &self.expected) {
            (Some(found), None) => {
                write!(
                    f,
                    "the pattern ends, and the key goes on with word {number}, '{}'",
                    text(found)
                )
            }
            (_, Some(expected)) if self.behind_hash => {
                write!(
                    f,
                    "from word {number} on, no word of the key fits '{}' and what is behind it",
                    text(expected)
                )
            }
            (Some(found), Some(expected)) => {
                let (found, expected) = (text(found), text(expected));
                write!(
                    f,
                    "word {number} of the key is '{found}', and the pattern wants '{expected}'"
                )
            }
            (None, Some(expected)) => {
                write!(
                    f,
                    "the key has no word {number}, and the pattern wants '{}'",
                    text(expected)
                )
            }
            (None, None) => f.write_str("the key matches"),
        }
    }
}

/// Where they part; `None` when the pattern matches the key. Costs at most words times words.
pub(in crate::routing) fn mismatch(pattern: &[u8], key: &[u8]) -> Option<Word> {
    let (pattern, key) = (words(pattern), words(key));
    // Places in the key that are reached when so many words of the pattern are used up.
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for (at, word) in pattern.iter().enumerate() {
        let next = after(word, &reached, &key);
        if !next.contains(&true) {
            return Some(parted(&pattern, at, &reached, &key));
        }
        reached = next;
    }
    if reached[key.len()] { None } else { Some(parted(&pattern, pattern.len(), &reached, &key)) }
}

/// The places that are reached behind one more word of the pattern.
fn after(word: &[u8], reached: &[bool], key: &[&[u8]]) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    let mut open = false;
    for at in 0..reached.len() {
        open |= reached[at];
        match word {
            b"#" => next[at] = open,
            b"*" => next[at] = at > 0 && reached[at - 1],
            word => next[at] = at > 0 && reached[at - 1] && key[at - 1] == word,
        }
    }
    next
}

fn parted(pattern: &[&[u8]], at: usize, reached: &[bool], key: &[&[u8]]) -> Word {
    let behind_hash = pattern[..at].contains(&&b"#"[..]);
    let first = reached.iter().position(|reached| *reached).unwrap_or(0);
    let last = reached.iter().rposition(|reached| *reached).unwrap_or(0);
    // At the end of the pattern what counts is how far it got.
    let place = if at == pattern.len() { last } else { first };
    Word {
        number: place + 1,
        found: key.get(place).map(|word| word.to_vec()),
        expected: pattern.get(at).map(|word| word.to_vec()),
        behind_hash,
    }
}

/// The empty key has no words at all.
fn words(text: &[u8]) -> Vec<&[u8]> {
    if text.is_empty() { Vec::new() } else { text.split(|byte| *byte == b'.').collect() }
}

#[cfg(test)]
mod tests {
    use ::proptest::prelude::*;

    use super::*;
    use crate::routing::naive;

    fn text(pattern: &str, key: &str) -> String {
        let word = mismatch(pattern.as_bytes(), key.as_bytes());
        word.expect("they part").to_string()
    }

    #[test]
    fn the_word_where_pattern_and_key_part_is_named() {
        assert_eq!(
            text("order.eu.*", "order.us.new"),
            "word 2 of the key is 'us', and the pattern wants 'eu'"
        );
        assert_eq!(
            text("order.*.new", "order.eu"),
            "the key has no word 3, and the pattern wants 'new'"
        );
        assert_eq!(text("order.*", "order"), "the key has no word 2, and the pattern wants '*'");
        assert_eq!(
            text("order.*", "order.eu.new"),
            "the pattern ends, and the key goes on with word 3, 'new'"
        );
        assert_eq!(
            text("order.#.paid", "order.eu.new"),
            "from word 2 on, no word of the key fits 'paid' and what is behind it"
        );
        assert_eq!(text("*", ""), "the key has no word 1, and the pattern wants '*'");
        assert_eq!(text("a", "b"), "word 1 of the key is 'b', and the pattern wants 'a'");
        assert_eq!(text("", "a"), "the pattern ends, and the key goes on with word 1, 'a'");
    }

    proptest! {
        #[test]
        fn they_part_exactly_when_they_do_not_match(
            pattern in "([ab*#]\\.){0,5}[ab*#]?",
            key in "([ab]\\.){0,6}[ab]?",
        ) {
            let matches = naive::topic(pattern.as_bytes(), key.as_bytes());
            let word = mismatch(pattern.as_bytes(), key.as_bytes());
            prop_assert_eq!(word.is_none(), matches);
            if let Some(word) = word {
                // What is said of the key is true of it.
                prop_assert_eq!(words(key.as_bytes()).get(word.number - 1).map(|w| w.to_vec()), word.found);
            }
        }
    }
}
