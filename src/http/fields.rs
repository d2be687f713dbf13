//! Fields of a JSON body. Clients send some of them in several forms. Pure.

use serde_json::{Map, Value};

use super::error::ApiError;

type Body = Map<String, Value>;

/// A text; a field that is not there or `null` is none.
///
/// # Errors
/// 400 for anything else.
pub(super) fn text(body: &Body, key: &str) -> Result<Option<String>, ApiError> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong(key, other, "a text")),
    }
}

/// As [`text`], for one that must be there.
///
/// # Errors
/// 400.
pub(super) fn required_text(body: &Body, key: &str) -> Result<String, ApiError> {
    text(body, key)?.ok_or_else(|| missing(key, "a text"))
}

/// `true` or `false`, also as texts.
///
/// # Errors
/// 400 for anything else.
pub(super) fn truth(body: &Body, key: &str) -> Result<Option<bool>, ApiError> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(other) => Err(wrong(key, other, "true or false")),
    }
}

/// A whole number, also as a text, or with a fraction of zero: 5.0 is as whole as 5 in JSON Schema.
///
/// # Errors
/// 400 for anything else.
pub(super) fn integer(body: &Body, key: &str) -> Result<Option<i64>, ApiError> {
    let number = match body.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(wrong(key, body.get(key).unwrap_or(&Value::Null), "a whole number")),
    }
}

fn whole(number: f64) -> Option<i64> {
    if number.fract() == 0.0 { format!("{number:.0}").parse().ok() } else { None }
}

/// Tags: a list of texts, or one text with commas.
///
/// # Errors
/// 400 for anything else.
pub(super) fn tags(body: &Body, key: &str) -> Result<Option<Vec<String>>, ApiError> {
    let value = match body.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let tags = match value {
        Value::String(text) => text.split(',').map(|tag| Some(tag.trim().to_owned())).collect(),
        Value::Array(tags) => tags.iter().map(|tag| tag.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let tags: Vec<String> = tags.ok_or_else(|| wrong(key, value, "a list of texts"))?;
    Ok(Some(tags.into_iter().filter(|tag| !tag.is_empty()).collect()))
}

/// Something that must be there is not.
pub(super) fn missing(key: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("'{key}' is missing: {expected} is expected"))
}

/// Something is there in a form that means nothing. The value is not shown: it may be a password.
pub(super) fn wrong(key: &str, value: &Value, expected: &str) -> ApiError {
    let what = match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    ApiError::bad_request(format!("'{key}' is {what} that cannot be taken: {expected} is expected"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(value: Value) -> Body {
        match value {
            Value::Object(body) => body,
            _ => Body::new(),
        }
    }

    #[test]
    fn fields_are_read_in_every_form_that_clients_send() {
        let body = body(json!({
            "text": "a", "yes": "true", "no": false, "number": "7", "null": null,
            "whole": 5.0, "part": 5.5, "huge": 1e300,
            "comma": "administrator, own,", "list": ["x", "y"], "empty": "",
        }));
        assert_eq!(text(&body, "text"), Ok(Some("a".to_owned())));
        assert_eq!((truth(&body, "yes"), truth(&body, "no")), (Ok(Some(true)), Ok(Some(false))));
        assert_eq!(integer(&body, "number"), Ok(Some(7)));
        assert_eq!(integer(&body, "whole"), Ok(Some(5)));
        assert!(integer(&body, "part").is_err() && integer(&body, "huge").is_err());
        assert_eq!(text(&body, "null"), Ok(None));
        assert_eq!(tags(&body, "comma"), Ok(Some(vec!["administrator".into(), "own".into()])));
        assert_eq!(tags(&body, "list"), Ok(Some(vec!["x".into(), "y".into()])));
        assert_eq!(tags(&body, "empty"), Ok(Some(Vec::new())));
        assert!(required_text(&body, "none").is_err());
    }

    #[test]
    fn other_forms_are_refused_without_their_value() {
        let body = body(json!({ "a": { "secret": 1 }, "b": [1] }));
        for error in [
            text(&body, "a").err(),
            truth(&body, "a").err(),
            integer(&body, "a").err(),
            tags(&body, "a").err(),
            tags(&body, "b").err(),
        ] {
            let shown = format!("{:?}", error.expect("refused"));
            assert!(shown.contains("expected") && !shown.contains("secret"), "{shown}");
        }
    }
}
