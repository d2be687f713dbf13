//! Bodies of the test API. They are strict: a field that nobody knows is a test that does not test what it says.

use serde_json::{Map, Value};

use crate::http::error::ApiError;
use crate::http::fields;

/// A body, field by field.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// Refuses every field but these.
    ///
    /// # Errors
    /// 400 naming the field and those that there are.
    pub(super) fn refuse_others(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.keys().find(|field| !known.contains(&field.as_str())) {
            None => Ok(()),
            Some(field) => {
                let known = known.join(", ");
                let reason = format!("'{field}' is no field of this: {known} are");
                Err(ApiError::bad_request(reason))
            }
        }
    }

    /// A text; `None` when it is not there or `null`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(super) fn text(&self, field: &str) -> Result<Option<String>, ApiError> {
        fields::text(&self.0, field)
    }

    /// A number from 0 on; `None` when it is not there or `null`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(super) fn number(&self, field: &str) -> Result<Option<u64>, ApiError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(|| {
                let reason = format!("'{field}' is {number}: a whole number from 0 on is expected");
                ApiError::bad_request(reason)
            }),
            Some(other) => Err(fields::wrong(field, other, "a whole number from 0 on")),
        }
    }

    /// As [`Self::number`], for one that must be there.
    ///
    /// # Errors
    /// 400.
    pub(super) fn required_number(&self, field: &str) -> Result<u64, ApiError> {
        self.number(field)?.ok_or_else(|| fields::missing(field, "a whole number from 0 on"))
    }
}
