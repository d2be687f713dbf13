//! Why a binding of a headers exchange does not take a message.

use crate::base::{FieldTable, FieldValue, ShortStr};

use super::super::value;
use super::Mismatch;

/// A header that a binding wants and a message has not so.
#[derive(Clone, PartialEq, Debug)]
pub struct Differing {
    /// Its name.
    pub name: ShortStr,
    /// What the binding wants; `Void` for any value.
    pub expected: FieldValue,
    /// What the message has.
    pub found: Option<FieldValue>,
}

/// The argument that says how the others are read.
const X_MATCH: &[u8] = b"x-match";

/// How many differing headers are named.
const NAMED_MAX: usize = 8;

/// What keeps the binding from taking the message; `None` when it takes it.
pub(in crate::routing) fn mismatch(binding: &FieldTable, message: &FieldTable) -> Option<Mismatch> {
    let kind = binding.get(X_MATCH).and_then(FieldValue::as_text).unwrap_or("all");
    let (wants_any, with_x) = (kind.starts_with("any"), kind.ends_with("-with-x"));
    let counts = |name: &[u8]| name != X_MATCH && (with_x || !name.starts_with(b"x-"));
    let mut differing = Vec::new();
    let (mut wanted, mut held) = (0, 0);
    for (name, expected) in binding.iter().filter(|(name, _)| counts(name.as_bytes())) {
        wanted += 1;
        // Of headers with one name the last counts.
        let found = message.iter().filter(|(other, _)| *other == name).last();
        let found = found.map(|(_, value)| value);
        if found
            .is_some_and(|found| *expected == FieldValue::Void || value::is_equal(expected, found))
        {
            held += 1;
        } else if differing.len() < NAMED_MAX {
            let (name, expected) = (name.clone(), expected.clone());
            differing.push(Differing { name, expected, found: found.cloned() });
        }
    }
    match wants_any {
        true if held == 0 => Some(Mismatch::Any(differing)),
        false if held < wanted => Some(Mismatch::All(differing)),
        _ => None,
    }
}

pub(super) fn all_text(differing: &[Differing]) -> String {
    let all: Vec<String> = differing.iter().map(Differing::text).collect();
    all.join("; ")
}

pub(super) fn any_text(differing: &[Differing]) -> String {
    if differing.is_empty() {
        return "the binding wants any one of no headers".to_owned();
    }
    format!("none of the wanted headers is there: {}", all_text(differing))
}

impl Differing {
    fn text(&self) -> String {
        let name = String::from_utf8_lossy(self.name.as_bytes()).into_owned();
        let wanted = |expected: &FieldValue| match expected {
            FieldValue::Void => "any value".to_owned(),
            expected => value::term(expected),
        };
        let expected = wanted(&self.expected);
        match &self.found {
            None => format!("header '{name}' is missing ({expected} is wanted)"),
            Some(found) => {
                format!("header '{name}' is {}, and {expected} is wanted", value::term(found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ::proptest::prelude::*;

    use super::*;
    use crate::routing::naive;

    fn table(entries: &[(&str, FieldValue)]) -> FieldTable {
        let short = |name: &str| ShortStr::try_from(name).expect("short");
        entries.iter().map(|(name, value)| (short(name), value.clone())).collect()
    }

    fn text(binding: &[(&str, FieldValue)], message: &[(&str, FieldValue)]) -> String {
        mismatch(&table(binding), &table(message)).expect("it does not match").to_string()
    }

    #[test]
    fn missing_and_differing_headers_are_named() {
        let (eu, us) = (FieldValue::text("eu"), FieldValue::text("us"));
        let all = [("region", eu.clone()), ("kind", FieldValue::Void)];
        let told = text(&all, &[("region", us.clone())]);
        assert!(
            told.contains("header 'region' is") && told.contains("us") && told.contains("eu"),
            "{told}"
        );
        assert!(told.contains("header 'kind' is missing (any value is wanted)"), "{told}");
        let any = [("x-match", FieldValue::text("any")), ("region", eu)];
        let told = text(&any, &[("region", us)]);
        assert!(
            told.starts_with("none of the wanted headers is there: header 'region' is"),
            "{told}"
        );
        let none = text(&[("x-match", FieldValue::text("any"))], &[]);
        assert_eq!(none, "the binding wants any one of no headers");
    }

    fn some_table(x_match: bool) -> impl Strategy<Value = FieldTable> {
        let value = prop_oneof![
            Just(FieldValue::I32(1)),
            Just(FieldValue::I64(1)),
            Just(FieldValue::text("1")),
            Just(FieldValue::Void),
        ];
        let entries = prop::collection::vec(("(x-)?[ab]", value), 0..4);
        let kinds = prop::option::of(prop_oneof![
            Just("all"),
            Just("any"),
            Just("all-with-x"),
            Just("any-with-x")
        ]);
        (entries, kinds).prop_map(move |(entries, kind)| {
            let mut table: FieldTable = entries
                .into_iter()
                .map(|(name, value)| (ShortStr::try_from(name.as_str()).expect("short"), value))
                .collect();
            if let Some(kind) = kind.filter(|_| x_match) {
                table.push(ShortStr::try_from("x-match").expect("short"), FieldValue::text(kind));
            }
            table
        })
    }

    proptest! {
        #[test]
        fn something_differs_exactly_when_the_binding_does_not_match(
            binding in some_table(true),
            message in some_table(false),
        ) {
            let matches = naive::headers(&binding, &message);
            prop_assert_eq!(mismatch(&binding, &message).is_none(), matches);
        }
    }
}
