//! Values of tables as JSON, as RabbitMQ writes them: the width of a number is lost, an integer comes back
//! with 64 bits. Bytes that are no UTF-8, for which it has no form, are `{"$bytes": base64}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value, json};

use super::Fault;
use crate::base::limits::TABLE_DEPTH_MAX;
use crate::base::{FieldTable, FieldValue, ShortStr};

const BYTES: &str = "$bytes";

/// # Errors
/// [`Fault`] at the value that no table can hold.
pub(super) fn to_table(
    map: &Map<String, Value>,
    place: &str,
    depth: usize,
) -> Result<FieldTable, Fault> {
    if depth > TABLE_DEPTH_MAX {
        let text = format!("nested too deeply: at most {TABLE_DEPTH_MAX} levels are taken");
        return Err(Fault::new(place, text));
    }
    let entry = |(key, value): (&String, &Value)| {
        let place = format!("{place}.{key}");
        let name = ShortStr::try_from(key.as_str());
        let name = name.map_err(|error| Fault::new(place.clone(), error.to_string()))?;
        Ok((name, to_value(value, &place, depth)?))
    };
    map.iter().map(entry).collect()
}

/// # Errors
/// [`Fault`] at the value that no table can hold.
pub(super) fn to_value(value: &Value, place: &str, depth: usize) -> Result<FieldValue, Fault> {
    Ok(match value {
        Value::Null => FieldValue::Void,
        Value::Bool(flag) => FieldValue::Boolean(*flag),
        Value::Number(number) => to_number(number, place)?,
        Value::String(text) => FieldValue::text(text),
        Value::Array(values) => {
            if depth >= TABLE_DEPTH_MAX {
                let text = format!("nested too deeply: at most {TABLE_DEPTH_MAX} levels are taken");
                return Err(Fault::new(place, text));
            }
            let each = |(number, value)| to_value(value, &format!("{place}[{number}]"), depth + 1);
            FieldValue::Array(values.iter().enumerate().map(each).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => match bytes_of(map) {
            Some(text) => {
                let bytes = STANDARD.decode(text);
                FieldValue::LongString(
                    bytes.map_err(|error| Fault::new(place, format!("base64: {error}")))?.into(),
                )
            }
            None => FieldValue::Table(to_table(map, place, depth + 1)?),
        },
    })
}

/// The text of a short string; a routing key of an export may be bytes.
///
/// # Errors
/// [`Fault`].
pub(super) fn to_short(value: &Value, place: &str) -> Result<ShortStr, Fault> {
    let bad = |text: String| Fault::new(place, text);
    match to_value(value, place, 0)? {
        FieldValue::LongString(bytes) => ShortStr::new(bytes).map_err(|e| bad(e.to_string())),
        other => Err(bad(format!("expected text, found a {}", other.type_name()))),
    }
}

fn bytes_of(map: &Map<String, Value>) -> Option<&str> {
    if map.len() == 1 { map.get(BYTES)?.as_str() } else { None }
}

fn to_number(number: &Number, place: &str) -> Result<FieldValue, Fault> {
    if let Some(integer) = number.as_i64() {
        return Ok(FieldValue::I64(integer));
    }
    match number.as_f64() {
        Some(float) if number.is_f64() => Ok(FieldValue::F64(float.to_bits())),
        _ => Err(Fault::new(place, format!("the number {number} does not fit 64 bits"))),
    }
}

/// A table as an object, with its keys in order.
pub(super) fn from_table(table: &FieldTable) -> Value {
    let key = |key: &ShortStr| String::from_utf8_lossy(key.as_bytes()).into_owned();
    let mut map = Map::new();
    for (name, value) in table.iter() {
        // Of a key that stands twice the first one counts, everywhere.
        map.entry(key(name)).or_insert_with(|| from_value(value));
    }
    Value::Object(map)
}

/// A value.
pub(super) fn from_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Boolean(flag) => json!(flag),
        FieldValue::F32(bits) => float(f64::from(f32::from_bits(*bits))),
        FieldValue::F64(bits) => float(f64::from_bits(*bits)),
        FieldValue::Decimal { scale, value } => {
            float(f64::from(*value) / 10_f64.powi(i32::from(*scale)))
        }
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => from_bytes(bytes),
        FieldValue::Array(values) => values.iter().map(from_value).collect(),
        FieldValue::Timestamp(seconds) => json!(seconds),
        FieldValue::Table(table) => from_table(table),
        FieldValue::Void => Value::Null,
        FieldValue::I8(_)
        | FieldValue::U8(_)
        | FieldValue::I16(_)
        | FieldValue::U16(_)
        | FieldValue::I32(_)
        | FieldValue::U32(_)
        | FieldValue::I64(_) => {
            let integer = value.as_integer().and_then(|integer| i64::try_from(integer).ok());
            json!(integer)
        }
    }
}

/// Text, or marked bytes.
pub(super) fn from_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ BYTES: STANDARD.encode(bytes) }),
    }
}

/// JSON has no infinity.
fn float(float: f64) -> Value {
    Number::from_f64(float).map_or_else(|| json!(float.to_string()), Value::Number)
}
