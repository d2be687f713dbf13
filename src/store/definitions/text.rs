//! Names and short strings as JSON: text where it is UTF-8, `{"$bytes": base64}` elsewhere.

use std::borrow::Borrow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{NameError, ShortStr};

/// For `#[serde(with = …)]`: a name of `base`, which is always UTF-8.
pub(super) mod name {
    use super::{Borrow, Deserialize, Deserializer, NameError, Serializer, de};

    pub(in super::super) fn serialize<T, S>(name: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Borrow<str>,
        S: Serializer,
    {
        serializer.serialize_str(name.borrow())
    }

    pub(in super::super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: for<'a> TryFrom<&'a str, Error = NameError>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        T::try_from(&text).map_err(de::Error::custom)
    }
}

/// For `#[serde(with = …)]`: a [`ShortStr`], which may be any bytes.
pub(super) mod short {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Short, ShortRef, ShortStr};

    pub(in super::super) fn serialize<S>(text: &ShortStr, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        ShortRef(text).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D>(deserializer: D) -> Result<ShortStr, D::Error>
    where
        D: Deserializer<'de>,
    {
        Short::deserialize(deserializer).map(|short| short.0)
    }
}

/// The tag of bytes that are no UTF-8.
pub(super) const BYTES_TAG: &str = "$bytes";

/// A short string on its way to JSON.
pub(super) struct ShortRef<'a>(pub(super) &'a ShortStr);

impl Serialize for ShortRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0.as_bytes()) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => tagged(serializer, BYTES_TAG, &to_base64(self.0.as_bytes())),
        }
    }
}

/// A short string that came from JSON.
pub(super) struct Short(pub(super) ShortStr);

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortVisitor)
    }
}

struct ShortVisitor;

impl<'de> Visitor<'de> for ShortVisitor {
    type Value = Short;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text or {{\"{BYTES_TAG}\": base64}}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Short, E> {
        ShortStr::try_from(text).map(Short).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Short, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((tag, text)) if tag == BYTES_TAG => {
                let bytes = from_base64(&text)?;
                no_more(&mut map)?;
                ShortStr::new(bytes).map(Short).map_err(de::Error::custom)
            }
            _ => Err(de::Error::custom(format!("expected {{\"{BYTES_TAG}\": base64}}"))),
        }
    }
}

/// An object of one entry.
pub(super) fn tagged<S, T>(serializer: S, tag: &str, value: &T) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Serialize + ?Sized,
{
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

/// Fails when a tagged object has a second entry.
pub(super) fn no_more<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        None => Ok(()),
        Some(key) => Err(de::Error::custom(format!("'{key}' does not belong beside a tag"))),
    }
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64<E: de::Error>(text: &str) -> Result<Bytes, E> {
    STANDARD.decode(text).map(Bytes::from).map_err(E::custom)
}
