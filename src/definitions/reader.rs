//! An object of a document that knows its place.

use serde_json::{Map, Value};

use super::Fault;
use super::value::to_table;
use crate::base::{FieldTable, NameError};

/// See the module.
pub(super) struct Reader<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    /// # Errors
    /// [`Fault`] when the value is no object.
    pub(super) fn new(place: String, value: &'a Value) -> Result<Self, Fault> {
        match value {
            Value::Object(map) => Ok(Self { place, map }),
            other => Err(Fault::new(place, format!("expected an object, found {}", kind(other)))),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn fault(&self, key: &str, text: impl Into<String>) -> Fault {
        Fault::new(self.at(key), text)
    }

    /// Says which keys nobody knows.
    pub(super) fn warn_of_others(&self, known: &[&str], warnings: &mut Vec<String>) {
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            warnings.push(format!("{}: this key is not known and is passed over", self.at(key)));
        }
    }

    /// `null` is as good as nothing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// `null` is a value.
    pub(super) fn get_any(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(super) fn inner(&self, key: &str) -> Result<Option<Self>, Fault> {
        self.get(key).map(|value| Self::new(self.at(key), value)).transpose()
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, "text", other)),
        }
    }

    pub(super) fn required_text(&self, key: &str) -> Result<&'a str, Fault> {
        self.text(key)?.ok_or_else(|| self.fault(key, "it is missing, and there must be text"))
    }

    /// A name of at most 255 bytes, which must be there.
    pub(super) fn name<T>(&self, key: &str) -> Result<T, Fault>
    where
        T: for<'b> TryFrom<&'b str, Error = NameError>,
    {
        self.required_text(key).and_then(|text| self.parse_name(key, text))
    }

    pub(super) fn parse_name<T>(&self, key: &str, text: &str) -> Result<T, Fault>
    where
        T: for<'b> TryFrom<&'b str, Error = NameError>,
    {
        T::try_from(text).map_err(|error| self.fault(key, error.to_string()))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(key, "true or false", other)),
        }
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| self.wrong(key, "a whole number", value))
    }

    /// Arguments: an object; nothing and an empty list are an empty one. RabbitMQ's command line writes an
    /// object inside a parameter as a list of pairs.
    pub(super) fn table(&self, key: &str) -> Result<FieldTable, Fault> {
        match self.get(key) {
            None => Ok(FieldTable::EMPTY),
            Some(Value::Array(none)) if none.is_empty() => Ok(FieldTable::EMPTY),
            Some(Value::Object(map)) => to_table(map, &self.at(key), 1),
            Some(Value::Array(list)) => {
                let pairs: Option<Map<_, _>> = list.iter().map(pair).collect();
                let pairs =
                    pairs.ok_or_else(|| self.fault(key, "expected an object, found a list"))?;
                to_table(&pairs, &self.at(key), 1)
            }
            Some(other) => Err(self.wrong(key, "an object", other)),
        }
    }

    /// A list of text, or one text with commas.
    pub(super) fn tags(&self, key: &str) -> Result<Option<Vec<String>>, Fault> {
        let tags: Vec<String> = match self.get(key) {
            None => return Ok(None),
            Some(Value::String(text)) => text.split(',').map(|tag| tag.trim().to_owned()).collect(),
            Some(Value::Array(tags)) => {
                let tag = |(number, tag): (usize, &Value)| match tag {
                    Value::String(tag) => Ok(tag.clone()),
                    other => {
                        let place = format!("{}[{number}]", self.at(key));
                        Err(Fault::new(place, format!("expected text, found {}", kind(other))))
                    }
                };
                tags.iter().enumerate().map(tag).collect::<Result<_, _>>()?
            }
            Some(other) => return Err(self.wrong(key, "a list of text", other)),
        };
        Ok(Some(tags.into_iter().filter(|tag| !tag.is_empty()).collect()))
    }

    /// Numbers by name: an object, or a list of pairs.
    pub(super) fn limits(&self, key: &str) -> Result<Option<Limits>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let pairs: Vec<(&str, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            Value::Array(list) => {
                let pair = |pair: &'a Value| match pair.as_array().map(Vec::as_slice) {
                    Some([Value::String(name), value]) => Some((name.as_str(), value)),
                    _ => None,
                };
                let pairs: Option<_> = list.iter().map(pair).collect();
                pairs.ok_or_else(|| self.fault(key, "expected pairs of a name and a number"))?
            }
            other => return Err(self.wrong(key, "an object", other)),
        };
        let number = |(name, value): (&str, &Value)| {
            let place = || format!("{}.{name}", self.at(key));
            let text = || format!("expected a whole number, found {}", kind(value));
            let number = value.as_i64().ok_or_else(|| Fault::new(place(), text()))?;
            Ok((name.to_owned(), number))
        };
        pairs.into_iter().map(number).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn at(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    pub(super) fn wrong(&self, key: &str, expected: &str, found: &Value) -> Fault {
        self.fault(key, format!("expected {expected}, found {}", kind(found)))
    }
}

fn pair(pair: &Value) -> Option<(String, Value)> {
    match pair.as_array().map(Vec::as_slice) {
        Some([Value::String(name), value]) => Some((name.clone(), value.clone())),
        _ => None,
    }
}

/// Limits by name.
pub(super) type Limits = Vec<(String, i64)>;

/// What a value is, for people; long ones are not shown.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.len() <= 40 => format!("the text {text:?}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
