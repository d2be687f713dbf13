//! Erlang's terms, for scripts that read `--formatter erlang`.

use serde_json::Value;

use super::cell;
use crate::ctl::tools::answer::{Cell, Table};

/// A list of property lists, one row to a line.
pub(super) fn table(table: &Table) -> String {
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let pairs = table.columns.iter().zip(row);
            let pairs = pairs.map(|(name, cell)| format!("{{{},{}}}", atom(name), of_cell(cell)));
            format!("[{}]", pairs.collect::<Vec<_>>().join(","))
        })
        .collect();
    format!("[{}]", rows.join(",\n "))
}

/// A document: objects are maps.
pub(super) fn term(value: &Value) -> String {
    match value {
        Value::Null => "undefined".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => binary(text),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(term).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let pairs =
                map.iter().map(|(name, value)| format!("{} => {}", binary(name), term(value)));
            format!("#{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

fn of_cell(cell: &Cell) -> String {
    match cell {
        Cell::Words(words) => {
            format!("[{}]", words.iter().map(|word| atom(word)).collect::<Vec<_>>().join(","))
        }
        Cell::Plain(Value::Null) => "[]".to_owned(),
        Cell::Plain(value) => term(value),
        Cell::Json(_) => binary(&cell::text(cell)),
        Cell::Arguments(_) => triples(&cell::json(cell)),
    }
}

/// Arguments are tuples of name, type and value.
fn triples(value: &Value) -> String {
    let Value::Array(list) = value else { return term(value) };
    let tuple = |item: &Value| match item {
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(name), Value::String(kind), value] => {
                format!("{{{},{kind},{}}}", binary(name), triples(value))
            }
            _ => triples(item),
        },
        other => term(other),
    };
    format!("[{}]", list.iter().map(tuple).collect::<Vec<_>>().join(","))
}

fn binary(text: &str) -> String {
    let encoding = if text.is_ascii() { "" } else { "/utf8" };
    format!("<<{}{encoding}>>", Value::from(text))
}

/// A word that Erlang would read as something else is quoted.
fn atom(word: &str) -> String {
    let is_plain = word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '@');
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "\\'")) }
}
