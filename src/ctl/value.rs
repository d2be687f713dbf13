//! AMQP values as JSON, for people and their tools. Not every byte comes back: types are forgotten.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::base::{BodyRef, FieldTable, FieldValue};
use crate::wire::Properties;

/// The body and how it is written: `utf8` or `base64`.
pub(super) fn body_value(body: BodyRef<'_>) -> (String, &'static str) {
    let bytes = body.to_vec();
    match String::from_utf8(bytes) {
        Ok(text) => (text, "utf8"),
        Err(error) => (STANDARD.encode(error.as_bytes()), "base64"),
    }
}

/// Text, or `{"base64": …}` for bytes that are none.
pub(super) fn text_value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// The properties that were given, by their names in the specification.
pub(super) fn properties_value(bytes: &[u8]) -> Value {
    // The bytes were scanned when they came in; should they be none all the same, they are shown.
    let Ok(properties) = Properties::decode(bytes) else { return text_value(bytes) };
    let texts = [
        ("content_type", &properties.content_type),
        ("content_encoding", &properties.content_encoding),
        ("correlation_id", &properties.correlation_id),
        ("reply_to", &properties.reply_to),
        ("expiration", &properties.expiration),
        ("message_id", &properties.message_id),
        ("type", &properties.kind),
        ("user_id", &properties.user_id),
        ("app_id", &properties.app_id),
        ("cluster_id", &properties.cluster_id),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| {
        text.as_ref().map(|text| (name.to_owned(), text_value(text.as_bytes())))
    });
    let mut values: Map<String, Value> = texts.collect();
    let others = [
        ("headers", properties.headers.as_ref().map(table_value)),
        ("delivery_mode", properties.delivery_mode.map(Value::from)),
        ("priority", properties.priority.map(Value::from)),
        ("timestamp", properties.timestamp.map(Value::from)),
    ];
    let others = others.into_iter();
    values.extend(others.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(values)
}

fn table_value(table: &FieldTable) -> Value {
    let entries = table.iter();
    entries.map(|(name, value)| (name.to_text().into_owned(), field_value(value))).collect()
}

fn field_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Boolean(value) => json!(value),
        FieldValue::I8(value) => json!(value),
        FieldValue::U8(value) => json!(value),
        FieldValue::I16(value) => json!(value),
        FieldValue::U16(value) => json!(value),
        FieldValue::I32(value) => json!(value),
        FieldValue::U32(value) => json!(value),
        FieldValue::I64(value) => json!(value),
        FieldValue::F32(bits) => json!(f32::from_bits(*bits)),
        FieldValue::F64(bits) => json!(f64::from_bits(*bits)),
        FieldValue::Decimal { scale, value } => json!(format!("{value}e-{scale}")),
        FieldValue::Timestamp(seconds) => json!(seconds),
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => text_value(bytes),
        FieldValue::Array(values) => values.iter().map(field_value).collect(),
        FieldValue::Table(table) => table_value(table),
        FieldValue::Void => Value::Null,
    }
}
