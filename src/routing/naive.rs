//! The matching rules, word by word and binding by binding, for tests: slow, and nothing to get wrong.

use crate::base::{FieldTable, FieldValue, ShortStr};

use super::value;

/// Whether a topic pattern matches a key. Exponential in the number of `#`.
pub(super) fn topic(pattern: &[u8], key: &[u8]) -> bool {
    words_match(&words(pattern), &words(key))
}

/// Whether the arguments of a binding match the headers of a message.
pub(super) fn headers(binding: &FieldTable, message: &FieldTable) -> bool {
    let kind = binding.get(b"x-match").and_then(FieldValue::as_text).unwrap_or("all");
    let holds = |(name, value): (&ShortStr, &FieldValue)| {
        let header = message.iter().filter(|(other, _)| *other == name).last();
        header
            .is_some_and(|(_, header)| *value == FieldValue::Void || value::is_equal(value, header))
    };
    let counts =
        |name: &[u8]| name != b"x-match" && (kind.ends_with("with-x") || !name.starts_with(b"x-"));
    let mut wanted = binding.iter().filter(|(name, _)| counts(name.as_bytes()));
    if kind.starts_with("all") { wanted.all(holds) } else { wanted.any(holds) }
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    if text.is_empty() { Vec::new() } else { text.split(|byte| *byte == b'.').collect() }
}

fn words_match(pattern: &[&[u8]], key: &[&[u8]]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        ([b"#", rest @ ..], _) => {
            words_match(rest, key) || !key.is_empty() && words_match(pattern, &key[1..])
        }
        ([b"*", pattern @ ..], [_, key @ ..]) => words_match(pattern, key),
        ([word, pattern @ ..], [other, key @ ..]) => word == other && words_match(pattern, key),
        ([_, ..], []) | ([], [_, ..]) => false,
    }
}
