//! Values of policies in the words of RabbitMQ's refusals: what JSON said, as an Erlang term.

use std::fmt::Write;

use crate::base::FieldValue;
use crate::routing::erlang_term;

/// As `~tp` writes a decoded JSON value: numbers as they are, text in `<<"…">>`, objects in `#{…}`.
pub(super) fn term(value: &FieldValue) -> String {
    match value {
        FieldValue::Array(values) => {
            let values: Vec<String> = values.iter().map(term).collect();
            format!("[{}]", values.join(","))
        }
        FieldValue::Table(table) => {
            let mut out = String::from("#{");
            for (at, (key, value)) in table.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let key = erlang_term(&FieldValue::LongString(key.as_bytes().to_vec().into()));
                // Writing to a `String` cannot fail.
                _ = write!(out, "{comma}{key} => {}", term(value));
            }
            out.push('}');
            out
        }
        FieldValue::Void => "null".to_owned(),
        other => erlang_term(other),
    }
}

/// As `~tp` writes a list of settings: `[{<<"key">>,value}]`.
pub(super) fn settings<'a>(settings: impl Iterator<Item = (&'a [u8], &'a FieldValue)>) -> String {
    let pairs: Vec<String> = settings
        .map(|(key, value)| {
            let key = erlang_term(&FieldValue::LongString(key.to_vec().into()));
            format!("{{{key},{}}}", term(value))
        })
        .collect();
    format!("[{}]", pairs.join(","))
}
