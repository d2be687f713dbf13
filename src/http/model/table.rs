//! Field tables as JSON and back, by RabbitMQ's rules: `rabbit_misc`'s `amqp_table` and `to_amqp_table`.
//!
//! JSON has fewer types than AMQP, so the way back gives long strings, signed 64 bits, doubles, booleans,
//! tables and arrays, whatever the table had before.

use serde_json::{Map, Value};

use super::text;
use crate::base::limits::TABLE_DEPTH_MAX;
use crate::base::{FieldTable, FieldValue, ShortStr};

/// Why JSON is no field table.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonTableError {
    /// AMQP tables of these come from nowhere else.
    #[error("null_not_allowed: the value of '{0}' is null")]
    Null(String),
    /// A key is a short string.
    #[error("the key '{0}' is longer than 255 bytes")]
    LongKey(String),
    /// Not a signed 64 bit number.
    #[error("{0} is out of range: integers are signed and have 64 bits")]
    Range(String),
    /// As deep as AMQP peers may nest.
    #[error("arguments are nested deeper than {TABLE_DEPTH_MAX} levels")]
    TooDeep,
    /// Something else than an object.
    #[error("arguments must be an object")]
    NoObject,
}

/// A table as a JSON object. Of entries with the same key the last one stays.
#[must_use]
pub fn table_to_json(table: &FieldTable) -> Map<String, Value> {
    table.iter().map(|(key, value)| (text(key.as_bytes()), value_to_json(value))).collect()
}

/// A value as JSON, with the type that JSON has for it.
#[must_use]
pub fn value_to_json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Boolean(flag) => Value::from(*flag),
        FieldValue::I8(number) => Value::from(*number),
        FieldValue::U8(number) => Value::from(*number),
        FieldValue::I16(number) => Value::from(*number),
        FieldValue::U16(number) => Value::from(*number),
        FieldValue::I32(number) => Value::from(*number),
        FieldValue::U32(number) => Value::from(*number),
        FieldValue::I64(number) => Value::from(*number),
        // What is no number in JSON becomes null.
        FieldValue::F32(bits) => Value::from(f64::from(f32::from_bits(*bits))),
        FieldValue::F64(bits) => Value::from(f64::from_bits(*bits)),
        FieldValue::Decimal { scale, value } => {
            Value::from(f64::from(*value) / 10_f64.powi(i32::from(*scale)))
        }
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => Value::from(text(bytes)),
        FieldValue::Array(values) => values.iter().map(value_to_json).collect(),
        FieldValue::Timestamp(seconds) => Value::from(*seconds),
        FieldValue::Table(table) => Value::Object(table_to_json(table)),
        FieldValue::Void => Value::Null,
    }
}

/// A JSON object as a table, in the order of its keys. Nothing, null and an empty list, which some clients
/// send for no arguments, are an empty table.
///
/// # Errors
/// [`JsonTableError`].
pub fn table_from_json(value: Option<&Value>) -> Result<FieldTable, JsonTableError> {
    match value {
        None | Some(Value::Null) => Ok(FieldTable::EMPTY),
        Some(Value::Array(values)) if values.is_empty() => Ok(FieldTable::EMPTY),
        Some(Value::Object(entries)) => table(entries, 1),
        Some(_) => Err(JsonTableError::NoObject),
    }
}

/// Any JSON as a value that is kept for whoever sent it, as a parameter is. Other than in arguments, null is a
/// value, and a number above 64 signed bits is a double.
///
/// # Errors
/// [`JsonTableError`] for a key that is too long. `serde_json` bounds the depth.
pub fn value_from_json(value: &Value) -> Result<FieldValue, JsonTableError> {
    Ok(match value {
        Value::Null => FieldValue::Void,
        Value::Number(number) => match number.as_i64() {
            Some(number) => FieldValue::I64(number),
            None => FieldValue::F64(number.as_f64().unwrap_or_default().to_bits()),
        },
        Value::Array(values) => {
            FieldValue::Array(values.iter().map(value_from_json).collect::<Result<_, _>>()?)
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, _)| Ok((short(key)?, value_from_json(value)?));
            FieldValue::Table(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Value::Bool(flag) => FieldValue::Boolean(*flag),
        Value::String(text) => FieldValue::text(text),
    })
}

fn short(key: &str) -> Result<ShortStr, JsonTableError> {
    ShortStr::try_from(key).map_err(|_| JsonTableError::LongKey(key.to_owned()))
}

fn table(entries: &Map<String, Value>, depth: usize) -> Result<FieldTable, JsonTableError> {
    if depth > TABLE_DEPTH_MAX {
        return Err(JsonTableError::TooDeep);
    }
    let entry = |(key, value): (&String, _)| Ok((short(key)?, field_value(key, value, depth)?));
    entries.iter().map(entry).collect()
}

fn field_value(key: &str, value: &Value, depth: usize) -> Result<FieldValue, JsonTableError> {
    Ok(match value {
        Value::Null => return Err(JsonTableError::Null(key.to_owned())),
        Value::Bool(flag) => FieldValue::Boolean(*flag),
        Value::Number(number) => match (number.as_i64(), number.is_u64(), number.as_f64()) {
            (Some(number), ..) => FieldValue::I64(number),
            (None, false, Some(number)) => FieldValue::F64(number.to_bits()),
            _ => return Err(JsonTableError::Range(number.to_string())),
        },
        Value::String(text) => FieldValue::text(text),
        Value::Array(_) if depth == TABLE_DEPTH_MAX => return Err(JsonTableError::TooDeep),
        Value::Array(values) => {
            let values = values.iter().map(|value| field_value(key, value, depth + 1));
            FieldValue::Array(values.collect::<Result<_, _>>()?)
        }
        Value::Object(entries) => FieldValue::Table(table(entries, depth + 1)?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{decode_table, encode_table};

    fn named(entries: Vec<(&str, FieldValue)>) -> FieldTable {
        let short = |name: &str| ShortStr::try_from(name).expect("short");
        entries.into_iter().map(|(key, value)| (short(key), value)).collect()
    }

    #[test]
    fn a_value_of_every_type_has_a_json_form() {
        let all = named(vec![
            ("bool", FieldValue::Boolean(true)),
            ("i8", FieldValue::I8(-1)),
            ("u8", FieldValue::U8(255)),
            ("i16", FieldValue::I16(-2)),
            ("u16", FieldValue::U16(65535)),
            ("i32", FieldValue::I32(-3)),
            ("u32", FieldValue::U32(u32::MAX)),
            ("i64", FieldValue::I64(i64::MIN)),
            ("f32", FieldValue::F32(0.5_f32.to_bits())),
            ("f64", FieldValue::F64(2.25_f64.to_bits())),
            ("nan", FieldValue::F64(f64::NAN.to_bits())),
            ("decimal", FieldValue::Decimal { scale: 2, value: 12345 }),
            ("text", FieldValue::text("订单")),
            ("bytes", FieldValue::LongString(vec![0xff].into())),
            ("binary", FieldValue::ByteArray(vec![0xfe].into())),
            ("array", FieldValue::Array(vec![FieldValue::I8(1), FieldValue::Void])),
            ("time", FieldValue::Timestamp(1_700_000_000)),
            ("table", FieldValue::Table(named(vec![("in", FieldValue::Boolean(false))]))),
        ]);
        let expected = json!({
            "bool": true, "i8": -1, "u8": 255, "i16": -2, "u16": 65535, "i32": -3, "u32": u32::MAX,
            "i64": i64::MIN, "f32": 0.5, "f64": 2.25, "nan": null, "decimal": 123.45, "text": "订单",
            "bytes": "Not UTF-8, base64 is: /w==", "binary": "Not UTF-8, base64 is: /g==",
            "array": [1, null], "time": 1_700_000_000, "table": { "in": false },
        });
        assert_eq!(Value::Object(table_to_json(&all)), expected);
    }

    #[test]
    fn json_becomes_the_types_that_rabbitmq_gives_it() {
        let value = json!({
            "n": 1, "f": 1.5, "s": "x", "b": false, "a": [1, "y", { "z": -1 }], "t": { "u": {} },
        });
        let expected = named(vec![
            (
                "a",
                FieldValue::Array(vec![
                    FieldValue::I64(1),
                    FieldValue::text("y"),
                    FieldValue::Table(named(vec![("z", FieldValue::I64(-1))])),
                ]),
            ),
            ("b", FieldValue::Boolean(false)),
            ("f", FieldValue::F64(1.5_f64.to_bits())),
            ("n", FieldValue::I64(1)),
            ("s", FieldValue::text("x")),
            ("t", FieldValue::Table(named(vec![("u", FieldValue::Table(FieldTable::EMPTY))]))),
        ]);
        assert_eq!(table_from_json(Some(&value)), Ok(expected.clone()));
        assert_eq!(Value::Object(table_to_json(&expected)), value, "and back");
        for empty in [None, Some(&Value::Null), Some(&json!([])), Some(&json!({}))] {
            assert_eq!(table_from_json(empty), Ok(FieldTable::EMPTY));
        }
    }

    #[test]
    fn what_a_client_has_kept_comes_back() {
        let sent = json!({
            "x-max-length": 10, "big": u64::MAX, "x": -1.5, "on": true, "none": null,
            "list": [1, "a", { "b": null }],
        });
        let kept = value_from_json(&sent).expect("short keys");
        let mut back = value_to_json(&kept);
        assert_eq!(back["big"].as_f64(), Some(18_446_744_073_709_551_615.0));
        back["big"] = sent["big"].clone();
        assert_eq!(back, sent);
        let key = "k".repeat(256);
        let long = json!([{ key.clone(): 1 }]);
        assert_eq!(value_from_json(&long), Err(JsonTableError::LongKey(key)));
    }

    #[test]
    fn what_no_peer_could_send_is_refused() {
        let refused = |value: Value| table_from_json(Some(&value)).expect_err("refused");
        assert_eq!(refused(json!({ "x": null })), JsonTableError::Null("x".to_owned()));
        assert_eq!(refused(json!({ "x": [null] })), JsonTableError::Null("x".to_owned()));
        assert_eq!(refused(json!({ "x": u64::MAX })), JsonTableError::Range(u64::MAX.to_string()));
        let key = "k".repeat(256);
        assert_eq!(refused(json!({ key.clone(): 1 })), JsonTableError::LongKey(key));
        assert_eq!(refused(json!([1])), JsonTableError::NoObject);
        assert_eq!(refused(json!("x")), JsonTableError::NoObject);
    }

    #[test]
    fn json_is_nested_as_deep_as_the_wire_may_be_and_no_deeper() {
        let nested = |levels: usize, array: bool| {
            (1..levels).fold(json!({}), |inner, level| {
                if array && level % 2 == 0 {
                    json!({ "k": [inner] })
                } else {
                    json!({ "k": inner })
                }
            })
        };
        let deepest = table_from_json(Some(&nested(TABLE_DEPTH_MAX, false))).expect("just right");
        let mut bytes = Vec::new();
        encode_table(&deepest, &mut bytes);
        assert_eq!(decode_table(&bytes[4..]), Ok(deepest));
        for array in [false, true] {
            let deeper = table_from_json(Some(&nested(TABLE_DEPTH_MAX + 1, array)));
            assert_eq!(deeper, Err(JsonTableError::TooDeep));
        }
    }
}
