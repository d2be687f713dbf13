//! Parameters of components in virtual hosts, and of the whole broker.

use serde_json::{Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::model::{value_from_json, value_to_json};
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::{FieldValue, ParameterName};
use crate::store::{GlobalParameter, Parameter};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/parameters", Needs::Policymaker, "Parameters", Plain(all)),
    Route::get(
        "/parameters/{component}",
        Needs::Policymaker,
        "Parameters of a component",
        Plain(of_component),
    ),
    Route::get(
        "/parameters/{component}/{vhost}",
        Needs::Policymaker,
        "Parameters of a component in a virtual host",
        Now(of_vhost),
    ),
    Route::get(
        "/parameters/{component}/{vhost}/{name}",
        Needs::Policymaker,
        "A parameter",
        Now(one),
    ),
    Route::put(
        "/parameters/{component}/{vhost}/{name}",
        Needs::Policymaker,
        "Set a parameter",
        Now(put),
    ),
    Route::delete(
        "/parameters/{component}/{vhost}/{name}",
        Needs::Policymaker,
        "Delete a parameter",
        Now(delete),
    ),
    Route::get("/global-parameters", Needs::Policymaker, "Global parameters", Plain(global_all)),
    Route::get(
        "/global-parameters/{name}",
        Needs::Policymaker,
        "A global parameter",
        Now(global_one),
    ),
    Route::put(
        "/global-parameters/{name}",
        Needs::Administrator,
        "Set a global parameter",
        Now(global_put),
    ),
    Route::delete(
        "/global-parameters/{name}",
        Needs::Administrator,
        "Delete a global parameter",
        Now(global_delete),
    ),
];

/// Components that RabbitMQ keeps as parameters and that are resources of their own.
const RESOURCES: [(&str, &str); 4] = [
    ("policy", "/policies"),
    ("operator_policy", "/operator-policies"),
    ("vhost-limits", "/vhost-limits"),
    ("user-limits", "/user-limits"),
];

fn describe(parameter: &Parameter) -> Value {
    json!({
        "vhost": parameter.vhost.as_str(),
        "component": parameter.component.as_str(),
        "name": parameter.name.as_str(),
        "value": value_to_json(&parameter.value),
    })
}

fn those(call: &Call, wanted: impl Fn(&Parameter) -> bool) -> Vec<Value> {
    // Asked before the accounts are locked for the list.
    let visible = call.visible_vhosts();
    call.broker().accounts(|accounts| {
        let all = accounts.records().parameters.values();
        let all =
            all.filter(|parameter| visible.iter().any(|vhost| *vhost.name() == parameter.vhost));
        all.filter(|parameter| wanted(parameter)).map(describe).collect()
    })
}

fn all(call: &Call) -> Answer {
    Answer::list(those(call, |_| true))
}

fn of_component(call: &Call) -> Answer {
    let component = call.segment("component");
    Answer::list(those(call, |parameter| parameter.component.as_str() == component))
}

fn of_vhost(call: &Call) -> Result<Answer, ApiError> {
    let (component, vhost) = (call.segment("component"), call.visible_vhost()?);
    Ok(Answer::list(those(call, |parameter| {
        parameter.component.as_str() == component && parameter.vhost == *vhost.name()
    })))
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let (component, vhost) = (call.segment("component"), call.visible_vhost()?);
    let name = call.segment("name");
    let found = those(call, |parameter| {
        parameter.component.as_str() == component
            && parameter.vhost == *vhost.name()
            && parameter.name.as_str() == name
    });
    found.into_iter().next().map(Answer::object).ok_or_else(ApiError::not_found)
}

/// The `value` of a body.
fn value(call: &Call) -> Result<FieldValue, ApiError> {
    match call.object()?.get("value") {
        Some(value) => {
            value_from_json(value).map_err(|error| ApiError::bad_request(format!("value: {error}")))
        }
        None => Err(fields::missing("value", "any JSON value")),
    }
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    let component: ParameterName = call.name("component")?;
    if let Some((_, path)) = RESOURCES.iter().find(|(name, _)| *name == component.as_str()) {
        let reason = format!("'{component}' is no component of parameters here: use {path}");
        return Err(ApiError::bad_request(reason));
    }
    let vhost = call.policy_vhost()?.name().clone();
    let parameter = Parameter { vhost, component, name: call.name("name")?, value: value(call)? };
    let (done, stored) = Stored::pair();
    let put = call.broker().put_parameter(&call.actor(), parameter, done)?;
    Ok(Answer::put(put).once(stored))
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.policy_vhost()?;
    let (component, name) = (call.name("component")?, call.name("name")?);
    let (done, stored) = Stored::pair();
    if call.broker().delete_parameter(&call.actor(), vhost.name(), &component, &name, done)? {
        Ok(Answer::no_content().once(stored))
    } else {
        Err(ApiError::not_found())
    }
}

fn describe_global(parameter: &GlobalParameter) -> Value {
    json!({ "name": parameter.name.as_str(), "value": value_to_json(&parameter.value) })
}

fn global_all(call: &Call) -> Answer {
    Answer::list(call.broker().accounts(|accounts| {
        accounts.records().global_parameters.values().map(describe_global).collect()
    }))
}

fn global_one(call: &Call) -> Result<Answer, ApiError> {
    let name = call.segment("name");
    let found = call.broker().accounts(|accounts| {
        let mut all = accounts.records().global_parameters.values();
        all.find(|parameter| parameter.name.as_str() == name).map(describe_global)
    });
    found.map(Answer::object).ok_or_else(ApiError::not_found)
}

fn global_put(call: &Call) -> Result<Answer, ApiError> {
    let parameter = GlobalParameter { name: call.name("name")?, value: value(call)? };
    let (done, stored) = Stored::pair();
    let put = call.broker().put_global_parameter(&call.actor(), parameter, done)?;
    Ok(Answer::put(put).once(stored))
}

fn global_delete(call: &Call) -> Result<Answer, ApiError> {
    let name: ParameterName = call.name("name")?;
    let (done, stored) = Stored::pair();
    if call.broker().delete_global_parameter(&call.actor(), &name, done)? {
        Ok(Answer::no_content().once(stored))
    } else {
        Err(ApiError::not_found())
    }
}
