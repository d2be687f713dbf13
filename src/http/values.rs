//! Field tables as JSON and back, in RabbitMQ's plain form: what a client of the API sends and sees. What JSON
//! cannot tell apart (the widths of numbers, bytes and text) is not told; the store keeps the exact form.

use serde_json::{Map, Number, Value};

use super::error::ApiError;
use crate::base::{FieldTable, FieldValue, ShortStr};

/// A table as an object; of keys that come twice the last one is seen.
pub(super) fn table_to_json(table: &FieldTable) -> Value {
    let entry = |(key, value): (&ShortStr, &FieldValue)| {
        (String::from_utf8_lossy(key.as_bytes()).into_owned(), to_json(value))
    };
    Value::Object(table.iter().map(entry).collect())
}

/// A value as JSON.
pub(super) fn to_json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Boolean(value) => Value::Bool(*value),
        FieldValue::I8(_)
        | FieldValue::U8(_)
        | FieldValue::I16(_)
        | FieldValue::U16(_)
        | FieldValue::I32(_)
        | FieldValue::U32(_)
        | FieldValue::I64(_) => {
            let number = value.as_integer().and_then(|number| i64::try_from(number).ok());
            number.map_or(Value::Null, Value::from)
        }
        FieldValue::F32(bits) => float(f64::from(f32::from_bits(*bits))),
        FieldValue::F64(bits) => float(f64::from_bits(*bits)),
        FieldValue::Decimal { scale, value } => {
            float(f64::from(*value) / 10_f64.powi(i32::from(*scale)))
        }
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => {
            Value::String(String::from_utf8_lossy(bytes).into_owned())
        }
        FieldValue::Array(values) => values.iter().map(to_json).collect(),
        FieldValue::Timestamp(seconds) => Value::from(*seconds),
        FieldValue::Table(table) => table_to_json(table),
        FieldValue::Void => Value::Null,
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// An object as a table.
///
/// # Errors
/// 400 for a key that is too long.
pub(super) fn table_from_json(object: &Map<String, Value>) -> Result<FieldTable, ApiError> {
    let entry = |(key, value): (&String, &Value)| {
        let short = ShortStr::try_from(key.as_str());
        let short =
            short.map_err(|error| ApiError::bad_request(format!("the key '{key}': {error}")))?;
        Ok((short, from_json(value)?))
    };
    object.iter().map(entry).collect()
}

/// JSON as a value; whole numbers become 64 bits wide, as RabbitMQ makes them. `serde_json` bounds the depth.
///
/// # Errors
/// As [`table_from_json`].
pub(super) fn from_json(value: &Value) -> Result<FieldValue, ApiError> {
    Ok(match value {
        Value::Null => FieldValue::Void,
        Value::Bool(value) => FieldValue::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => FieldValue::I64(number),
            None => FieldValue::F64(number.as_f64().unwrap_or_default().to_bits()),
        },
        Value::String(text) => FieldValue::text(text),
        Value::Array(values) => {
            FieldValue::Array(values.iter().map(from_json).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => FieldValue::Table(table_from_json(object)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_client_sends_comes_back() {
        let sent = json!({
            "x-max-length": 10, "big": 18_446_744_073_709_551_615_u64, "x": -1.5, "on": true, "none": null,
            "list": [1, "a", { "b": false }],
        });
        let table = table_from_json(sent.as_object().expect("an object")).expect("short keys");
        assert_eq!(table.get(b"x-max-length"), Some(&FieldValue::I64(10)));
        let mut back = table_to_json(&table);
        assert_eq!(back["big"].as_f64(), Some(18_446_744_073_709_551_615.0));
        back["big"] = sent["big"].clone();
        assert_eq!(back, sent);
        let long = json!({ "k".repeat(256): 1 });
        assert!(table_from_json(long.as_object().expect("an object")).is_err());
    }

    #[test]
    fn values_that_json_has_not_are_shown_as_well_as_they_can_be() {
        let shown = |value| to_json(&value);
        assert_eq!(shown(FieldValue::Decimal { scale: 2, value: 125 }), json!(1.25));
        assert_eq!(shown(FieldValue::F64(f64::NAN.to_bits())), json!(null));
        assert_eq!(shown(FieldValue::Timestamp(7)), json!(7));
        assert_eq!(shown(FieldValue::U8(200)), json!(200));
    }
}
