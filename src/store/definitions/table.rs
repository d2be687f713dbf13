//! Field tables as JSON that gives back order, duplicate keys, the width of every number and all bytes.
//!
//! | value | JSON |
//! | --- | --- |
//! | table | `{"key": value, …}`; when a key is no UTF-8, stands twice or begins with `$`: `["$table", key, value, …]` |
//! | array | `[value, …]`; when the first is text that begins with `$`: `["$array", value, …]` |
//! | long string | `"text"`; when no UTF-8: `{"$bytes": base64}` |
//! | signed 64 bits, boolean, void | `1`, `true`, `null` |
//! | anything else | an object whose one key begins with `$`: `{"$int32": 1}` |
//!
//! Every table and array costs exactly one level of JSON, so that what `wire` lets in (64 levels) can
//! be read again by a parser that refuses more than 128.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{BYTES_TAG, Short, ShortRef, from_base64, no_more, tagged, to_base64};
use crate::base::{FieldTable, FieldValue, ShortStr};

/// For `#[serde(with = …)]`.
pub(super) fn serialize<S>(table: &FieldTable, serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
{
    serialize_table(table, serializer)
}

/// For `#[serde(with = …)]`.
pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<FieldTable, D::Error>
where
    D: Deserializer<'de>,
{
    match Value::deserialize(deserializer)?.0 {
        FieldValue::Table(table) => Ok(table),
        other => Err(de::Error::custom(format!("expected a table, found a {}", other.type_name()))),
    }
}

/// For `#[serde(with = …)]`: any value.
pub(super) mod value {
    use super::{Deserialize, Deserializer, FieldValue, Serialize, Serializer, Value, ValueRef};

    pub(in super::super) fn serialize<S>(
        value: &FieldValue,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        ValueRef(value).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D>(deserializer: D) -> Result<FieldValue, D::Error>
    where
        D: Deserializer<'de>,
    {
        Value::deserialize(deserializer).map(|value| value.0)
    }
}

const TABLE_MARK: &str = "$table";
const ARRAY_MARK: &str = "$array";

fn serialize_table<S>(table: &FieldTable, serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
{
    if let Some(keys) = plain_keys(table) {
        let mut map = serializer.serialize_map(Some(keys.len()))?;
        for (key, (_, value)) in keys.into_iter().zip(table.iter()) {
            map.serialize_entry(key, &ValueRef(value))?;
        }
        return map.end();
    }
    let mut seq = serializer.serialize_seq(Some(1 + 2 * table.len()))?;
    seq.serialize_element(TABLE_MARK)?;
    for (key, value) in table.iter() {
        seq.serialize_element(&ShortRef(key))?;
        seq.serialize_element(&ValueRef(value))?;
    }
    seq.end()
}

/// The keys as text when the table can be a JSON object that every reader understands.
fn plain_keys(table: &FieldTable) -> Option<Vec<&str>> {
    let mut seen = BTreeSet::new();
    let plain = |key| {
        std::str::from_utf8(key).ok().filter(|key| !key.starts_with('$') && seen.insert(*key))
    };
    table.iter().map(|(key, _)| key.as_bytes()).map(plain).collect()
}

/// A value on its way to JSON.
struct ValueRef<'a>(&'a FieldValue);

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldValue::Boolean(value) => serializer.serialize_bool(*value),
            FieldValue::I8(value) => tagged(serializer, "$int8", value),
            FieldValue::U8(value) => tagged(serializer, "$uint8", value),
            FieldValue::I16(value) => tagged(serializer, "$int16", value),
            FieldValue::U16(value) => tagged(serializer, "$uint16", value),
            FieldValue::I32(value) => tagged(serializer, "$int32", value),
            FieldValue::U32(value) => tagged(serializer, "$uint32", value),
            FieldValue::I64(value) => serializer.serialize_i64(*value),
            FieldValue::F32(bits) => tagged(serializer, "$float", &float_text(*bits)),
            FieldValue::F64(bits) => tagged(serializer, "$double", &double_text(*bits)),
            FieldValue::Decimal { scale, value } => {
                tagged(serializer, "$decimal", &(*scale, *value))
            }
            FieldValue::LongString(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => tagged(serializer, BYTES_TAG, &to_base64(bytes)),
            },
            FieldValue::Array(values) => serialize_array(values, serializer),
            FieldValue::Timestamp(seconds) => tagged(serializer, "$timestamp", seconds),
            FieldValue::Table(table) => serialize_table(table, serializer),
            FieldValue::ByteArray(bytes) => tagged(serializer, "$binary", &to_base64(bytes)),
            FieldValue::Void => serializer.serialize_unit(),
        }
    }
}

fn serialize_array<S>(values: &[FieldValue], serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
{
    let first = values.first().and_then(FieldValue::as_text);
    let marked = first.is_some_and(|text| text.starts_with('$'));
    let mut seq = serializer.serialize_seq(None)?;
    if marked {
        seq.serialize_element(ARRAY_MARK)?;
    }
    for value in values {
        seq.serialize_element(&ValueRef(value))?;
    }
    seq.end()
}

/// The shortest decimal that gives these bits back, or the bits themselves (NaN has many).
fn float_text(bits: u32) -> String {
    let text = f32::from_bits(bits).to_string();
    let same = text.parse::<f32>().is_ok_and(|parsed| parsed.to_bits() == bits);
    if same { text } else { format!("0x{bits:08x}") }
}

fn double_text(bits: u64) -> String {
    let text = f64::from_bits(bits).to_string();
    let same = text.parse::<f64>().is_ok_and(|parsed| parsed.to_bits() == bits);
    if same { text } else { format!("0x{bits:016x}") }
}

fn parse_float(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok().map(f32::to_bits),
    }
}

fn parse_double(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok().map(f64::to_bits),
    }
}

/// A value that came from JSON.
struct Value(FieldValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = FieldValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a field table")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<FieldValue, E> {
        Ok(FieldValue::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<FieldValue, E> {
        Ok(FieldValue::I64(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<FieldValue, E> {
        i64::try_from(value).map(FieldValue::I64).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldValue, E> {
        Ok(FieldValue::text(text))
    }

    fn visit_unit<E: de::Error>(self) -> Result<FieldValue, E> {
        Ok(FieldValue::Void)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FieldValue, A::Error> {
        let Some(Value(first)) = seq.next_element()? else {
            return Ok(FieldValue::Array(Vec::new()));
        };
        let mut values = match first.as_text() {
            Some(TABLE_MARK) => return pairs(&mut seq).map(FieldValue::Table),
            Some(ARRAY_MARK) => Vec::new(),
            Some(text) if text.starts_with('$') => return Err(unknown(text)),
            _ => vec![first],
        };
        while let Some(Value(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(FieldValue::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Ok(FieldValue::Table(FieldTable::EMPTY));
        };
        if first.starts_with('$') {
            let value = tagged_value(&first, &mut map)?;
            no_more(&mut map)?;
            return Ok(value);
        }
        let mut table = FieldTable::EMPTY;
        let mut next = Some(first);
        while let Some(key) = next {
            let key = ShortStr::try_from(key.as_str()).map_err(de::Error::custom)?;
            table.push(key, map.next_value::<Value>()?.0);
            next = map.next_key()?;
        }
        Ok(FieldValue::Table(table))
    }
}

fn pairs<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<FieldTable, A::Error> {
    let mut table = FieldTable::EMPTY;
    while let Some(Short(key)) = seq.next_element()? {
        let Some(Value(value)) = seq.next_element()? else {
            return Err(de::Error::custom(format!("key '{key}' has no value")));
        };
        table.push(key, value);
    }
    Ok(table)
}

fn tagged_value<'de, A: MapAccess<'de>>(tag: &str, map: &mut A) -> Result<FieldValue, A::Error> {
    Ok(match tag {
        "$int8" => FieldValue::I8(map.next_value()?),
        "$uint8" => FieldValue::U8(map.next_value()?),
        "$int16" => FieldValue::I16(map.next_value()?),
        "$uint16" => FieldValue::U16(map.next_value()?),
        "$int32" => FieldValue::I32(map.next_value()?),
        "$uint32" => FieldValue::U32(map.next_value()?),
        "$timestamp" => FieldValue::Timestamp(map.next_value()?),
        "$float" => FieldValue::F32(number(map, parse_float)?),
        "$double" => FieldValue::F64(number(map, parse_double)?),
        "$decimal" => {
            let (scale, value) = map.next_value()?;
            FieldValue::Decimal { scale, value }
        }
        "$binary" => FieldValue::ByteArray(from_base64(&map.next_value::<String>()?)?),
        BYTES_TAG => FieldValue::LongString(from_base64(&map.next_value::<String>()?)?),
        _ => return Err(unknown(tag)),
    })
}

fn number<'de, A, T>(map: &mut A, parse: fn(&str) -> Option<T>) -> Result<T, A::Error>
where
    A: MapAccess<'de>,
{
    let text = map.next_value::<String>()?;
    parse(&text).ok_or_else(|| de::Error::custom(format!("'{text}' is no number")))
}

fn unknown<E: de::Error>(tag: &str) -> E {
    E::custom(format!("'{tag}' is no type of a field table"))
}
