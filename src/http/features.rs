//! Feature flags and deprecated features: which of RabbitMQ's things are here, for tools that ask first.

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/feature-flags", Needs::Management, "What is there and switched on", Plain(flags)),
    Route::put(
        "/feature-flags/{name}/enable",
        Needs::Administrator,
        "Switch on what is on already",
        Now(enable),
    ),
    Route::get(
        "/deprecated-features",
        Needs::Management,
        "What will go away; nothing",
        Plain(deprecated),
    ),
    Route::get(
        "/deprecated-features/used",
        Needs::Management,
        "What is used and will go away; nothing",
        Plain(deprecated),
    ),
];

/// RabbitMQ's flags of what is here. All are on and stay on.
const FLAGS: &[(&str, &str)] = &[
    ("implicit_default_bindings", "Default bindings are implicit"),
    ("quorum_queue", "Quorum queues can be declared; on one node"),
    ("user_limits", "Connections and channels of a user can be limited"),
    ("virtual_host_metadata", "Virtual hosts have a description, tags and a default queue type"),
];

/// Asks for all of them.
const ALL: &str = "all";

fn flags(_: &Call) -> Answer {
    let flag = |(name, description): &(&str, &str)| {
        json!({
            "name": name,
            "desc": description,
            "doc_url": "",
            "state": "enabled",
            "stability": "required",
            "provided_by": "haremq",
        })
    };
    Answer::list(FLAGS.iter().map(flag).collect::<Vec<Value>>())
}

fn enable(call: &Call) -> Result<Answer, ApiError> {
    let name = call.segment("name");
    if name == ALL || FLAGS.iter().any(|(flag, _)| *flag == name) {
        return Ok(Answer::no_content());
    }
    Err(ApiError::bad_request(format!("there is no feature flag '{name}'")))
}

fn deprecated(_: &Call) -> Answer {
    Answer::list(Vec::new())
}
