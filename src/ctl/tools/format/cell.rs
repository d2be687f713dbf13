//! One value as text.

use serde_json::Value;

use crate::ctl::tools::answer::Cell;

/// As it stands in a table.
pub(super) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Plain(value) => plain(value),
        Cell::Arguments(value) => pairs(value),
        Cell::Words(words) => format!("[{}]", words.join(", ")),
        Cell::Json(value) => value.to_string(),
    }
}

/// As a JSON value. Arguments are lists of name, type and value, as `rabbitmqctl` writes them.
pub(super) fn json(cell: &Cell) -> Value {
    match cell {
        Cell::Plain(Value::Null) => Value::String(String::new()),
        Cell::Plain(value) => value.clone(),
        Cell::Words(words) => words.iter().cloned().map(Value::String).collect(),
        Cell::Json(value) => Value::String(value.to_string()),
        Cell::Arguments(value) => typed_pairs(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => on_one_line(text),
        other => other.to_string(),
    }
}

/// A name with a tab or a line break in it must not look like two cells or two rows.
fn on_one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// `[{"x-max-length",10},{"x-overflow","reject-publish"}]`
fn pairs(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pair = |(name, value): (&String, &Value)| {
                format!("{{{},{}}}", Value::from(name.as_str()), pairs(value))
            };
            format!("[{}]", map.iter().map(pair).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(pairs).collect::<Vec<_>>().join(","))
        }
        Value::Null => "[]".to_owned(),
        other => other.to_string(),
    }
}

fn typed_pairs(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let triple = |(name, value): (&String, &Value)| {
                let inside = match value {
                    Value::Object(_) | Value::Array(_) => typed_pairs(value),
                    other => other.clone(),
                };
                Value::Array(vec![Value::from(name.as_str()), Value::from(kind(value)), inside])
            };
            map.iter().map(triple).collect()
        }
        Value::Array(list) => list.iter().map(typed_pairs).collect(),
        Value::Null => Value::Array(Vec::new()),
        other => other.clone(),
    }
}

/// The AMQP type that a value would have; the API does not say which integer it was.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "void",
        Value::Bool(_) => "bool",
        Value::Number(number) => match number.as_i64() {
            Some(small) if i32::try_from(small).is_ok() => "signedint",
            Some(_) => "long",
            None => "double",
        },
        Value::String(_) => "longstr",
        Value::Array(_) => "array",
        Value::Object(_) => "table",
    }
}
