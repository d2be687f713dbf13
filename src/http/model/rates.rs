//! Counters with how fast they grow.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// `x_details` of a number `x`.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Details {
    /// By the second.
    pub rate: f64,
    /// The samples of a range, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<Vec<SamplePoint>>,
    /// By the second, over the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_rate: Option<f64>,
    /// The mean of the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg: Option<f64>,
}

/// A number at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SamplePoint {
    /// The number.
    pub sample: u64,
    /// In ms since 1970.
    pub timestamp: u64,
}

/// A number and its details.
#[derive(Clone, PartialEq, Debug)]
pub struct Number {
    /// `x`.
    pub name: &'static str,
    /// `x_details`.
    pub details_name: &'static str,
    /// The number of this moment.
    pub value: u64,
    /// How it grows.
    pub details: Details,
}

/// Numbers with their details, as the fields of one object.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stats(pub Vec<Number>);

impl Stats {
    /// The fields of the object.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            // Names are text and numbers are finite.
            _ => Map::new(),
        }
    }

    /// A number or its rate, by its path: `publish`, `publish_details.rate`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<f64> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let found =
            self.0.iter().find(|number| number.name == name || number.details_name == name)?;
        match rest {
            "" if found.name == name => {
                #[expect(clippy::cast_precision_loss, reason = "an order for people")]
                let value = found.value as f64;
                Some(value)
            }
            "rate" => Some(found.details.rate),
            _ => None,
        }
    }
}

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 * self.0.len()))?;
        for number in &self.0 {
            map.serialize_entry(number.name, &number.value)?;
            map.serialize_entry(number.details_name, &number.details)?;
        }
        map.end()
    }
}
