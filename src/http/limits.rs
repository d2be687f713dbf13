//! Limits of virtual hosts and of users.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::permissions::existing_user;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::{UserName, VhostName};
use crate::broker::{UserLimits, VhostLimits};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/vhost-limits",
        Needs::Management,
        "Limits of virtual hosts that have any",
        Plain(vhosts),
    ),
    Route::get("/vhost-limits/{vhost}", Needs::Management, "Limits of a virtual host", Now(vhost)),
    Route::put(
        "/vhost-limits/{vhost}/{name}",
        Needs::Administrator,
        "Limit connections or queues of a virtual host",
        Now(put_vhost),
    ),
    Route::delete(
        "/vhost-limits/{vhost}/{name}",
        Needs::Administrator,
        "Take a limit of a virtual host away",
        Now(delete_vhost),
    ),
    Route::get("/user-limits", Needs::Administrator, "Limits of users that have any", Plain(users)),
    Route::get("/user-limits/{user}", Needs::Administrator, "Limits of a user", Now(user)),
    Route::put(
        "/user-limits/{user}/{name}",
        Needs::Administrator,
        "Limit connections or channels of a user",
        Now(put_user),
    ),
    Route::delete(
        "/user-limits/{user}/{name}",
        Needs::Administrator,
        "Take a limit of a user away",
        Now(delete_user),
    ),
];

const MAX_CONNECTIONS: &str = "max-connections";
const MAX_QUEUES: &str = "max-queues";
const MAX_CHANNELS: &str = "max-channels";

/// Limits by their names; `None` when there are none.
fn shown(limits: [(&str, Option<usize>); 2]) -> Option<Value> {
    let set = limits.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?.into())));
    let set: Map<String, Value> = set.collect();
    if set.is_empty() { None } else { Some(Value::Object(set)) }
}

fn of_vhost(call: &Call, vhost: &VhostName) -> Option<Value> {
    let limits = call.broker().vhost_limits(vhost);
    let value =
        shown([(MAX_CONNECTIONS, limits.max_connections), (MAX_QUEUES, limits.max_queues)])?;
    Some(json!({ "vhost": vhost.as_str(), "value": value }))
}

fn vhosts(call: &Call) -> Answer {
    let all = call.visible_vhosts();
    Answer::list(all.iter().filter_map(|vhost| of_vhost(call, vhost.name())).collect())
}

fn vhost(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    Ok(Answer::list(of_vhost(call, vhost.name()).into_iter().collect()))
}

/// The limit that a body says; below 0 there is none.
fn limit(call: &Call) -> Result<Option<usize>, ApiError> {
    match fields::integer(&call.object()?, "value")? {
        Some(number) => Ok(usize::try_from(number).ok()),
        None => Err(fields::missing("value", "a whole number")),
    }
}

fn put_vhost(call: &Call) -> Result<Answer, ApiError> {
    set_vhost(call, limit(call)?)
}

fn delete_vhost(call: &Call) -> Result<Answer, ApiError> {
    set_vhost(call, None)
}

fn set_vhost(call: &Call, limit: Option<usize>) -> Result<Answer, ApiError> {
    let vhost = call.vhost()?;
    // Two who change different limits at the same time must not undo each other.
    let _one_at_a_time = call.management.one_at_a_time();
    let before = call.broker().vhost_limits(vhost.name());
    let limits = match call.segment("name") {
        MAX_CONNECTIONS => VhostLimits { max_connections: limit, ..before },
        MAX_QUEUES => VhostLimits { max_queues: limit, ..before },
        other => return Err(unknown(other, MAX_QUEUES)),
    };
    let (done, stored) = Stored::pair();
    call.broker().set_vhost_limits(&call.actor(), vhost.name().clone(), limits, done);
    Ok(Answer::no_content().once(stored))
}

fn users(call: &Call) -> Answer {
    let names: Vec<_> = call
        .broker()
        .accounts(|accounts| accounts.directory().users().map(|user| user.name.clone()).collect());
    Answer::list(names.iter().filter_map(|name| of_user(call, name)).collect())
}

/// The limits of a user by their names; `None` when there are none.
pub(super) fn shown_of_user(call: &Call, user: &UserName) -> Option<Value> {
    let limits = call.broker().user_limits(user);
    shown([(MAX_CONNECTIONS, limits.max_connections), (MAX_CHANNELS, limits.max_channels)])
}

fn of_user(call: &Call, user: &UserName) -> Option<Value> {
    Some(json!({ "user": user.as_str(), "value": shown_of_user(call, user)? }))
}

fn user(call: &Call) -> Result<Answer, ApiError> {
    let user = existing_user(call)?;
    Ok(Answer::list(of_user(call, &user).into_iter().collect()))
}

fn put_user(call: &Call) -> Result<Answer, ApiError> {
    set_user(call, limit(call)?)
}

fn delete_user(call: &Call) -> Result<Answer, ApiError> {
    set_user(call, None)
}

fn set_user(call: &Call, limit: Option<usize>) -> Result<Answer, ApiError> {
    let user = existing_user(call)?;
    let _one_at_a_time = call.management.one_at_a_time();
    let before = call.broker().user_limits(&user);
    let limits = match call.segment("name") {
        MAX_CONNECTIONS => UserLimits { max_connections: limit, ..before },
        MAX_CHANNELS => UserLimits { max_channels: limit, ..before },
        other => return Err(unknown(other, MAX_CHANNELS)),
    };
    let (done, stored) = Stored::pair();
    call.broker().set_user_limits(&call.actor(), user, limits, done);
    Ok(Answer::no_content().once(stored))
}

fn unknown(name: &str, other: &str) -> ApiError {
    ApiError::bad_request(format!(
        "there is no limit '{name}': {MAX_CONNECTIONS} or {other} is expected"
    ))
}
