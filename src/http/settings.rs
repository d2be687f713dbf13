//! The configuration: what is in force, and what can be changed while the broker runs.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/config/effective",
        Needs::Administrator,
        "Each key of the configuration in force, its value and where it comes from",
        Plain(effective),
    ),
    Route::put(
        "/haremq/settings",
        Needs::Administrator,
        "Change keys of the configuration until the next start",
        Now(change),
    ),
];

fn effective(call: &Call) -> Answer {
    let all = call.management.control.effective_settings().into_iter();
    let all = all.map(|(key, found)| {
        (key, json!({ "value": found.value, "source": found.source.to_string() }))
    });
    Answer::object(Value::Object(all.collect::<Map<_, _>>()))
}

/// All of the keys or none. Values as they would stand in a file.
fn change(call: &Call) -> Result<Answer, ApiError> {
    let body = call.object()?;
    let changes = body.into_iter().map(|(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
        other => Err(fields::wrong(&key, &other, "a text, as in the configuration file")),
    });
    let changes: Vec<(String, String)> = changes.collect::<Result<_, _>>()?;
    let keys: Vec<&str> = changes.iter().map(|(key, _)| key.as_str()).collect();
    let (user, keys) = (call.caller.name.as_str(), keys.join(", "));
    call.management.control.change_settings(changes)?;
    tracing::info!(user, keys, "settings changed until the next start");
    Ok(Answer::no_content())
}
