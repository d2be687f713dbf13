//! Policies and operator policies.

use serde_json::{Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::model::{table_to_json, value_from_json};
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::{FieldValue, PolicyName};
use crate::broker::policy::{Policy, PolicyKind};
use crate::broker::{Put, Vhost};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/policies", Needs::Management, "Policies", Plain(all)),
    Route::get("/policies/{vhost}", Needs::Management, "Policies of a virtual host", Now(list)),
    Route::get("/policies/{vhost}/{name}", Needs::Management, "A policy", Now(one)),
    Route::put("/policies/{vhost}/{name}", Needs::Policymaker, "Set a policy", Now(put)),
    Route::delete("/policies/{vhost}/{name}", Needs::Policymaker, "Delete a policy", Now(delete)),
    Route::get("/operator-policies", Needs::Management, "Operator policies", Plain(operator_all)),
    Route::get(
        "/operator-policies/{vhost}",
        Needs::Management,
        "Operator policies of a virtual host",
        Now(operator_list),
    ),
    Route::get(
        "/operator-policies/{vhost}/{name}",
        Needs::Management,
        "An operator policy",
        Now(operator_one),
    ),
    Route::put(
        "/operator-policies/{vhost}/{name}",
        Needs::Administrator,
        "Set an operator policy",
        Now(operator_put),
    ),
    Route::delete(
        "/operator-policies/{vhost}/{name}",
        Needs::Administrator,
        "Delete an operator policy",
        Now(operator_delete),
    ),
];

/// What a body may say. Clients send names as well, which stand in the path.
const KEYS: [&str; 4] = ["pattern", "definition", "priority", "apply-to"];

fn describe(vhost: &Vhost, policy: &Policy) -> Value {
    json!({
        "vhost": vhost.name().as_str(),
        "name": policy.name.as_str(),
        "pattern": policy.pattern.as_str(),
        "apply-to": policy.apply_to.as_str(),
        "priority": policy.priority,
        "definition": table_to_json(policy.definition.settings()),
    })
}

fn of_vhost(vhost: &Vhost, kind: PolicyKind) -> Vec<Value> {
    vhost.policies().iter(kind).map(|policy| describe(vhost, policy)).collect()
}

fn of_all(call: &Call, kind: PolicyKind) -> Answer {
    let vhosts = call.visible_vhosts();
    Answer::list(vhosts.iter().flat_map(|vhost| of_vhost(vhost, kind)).collect())
}

fn one_of(call: &Call, kind: PolicyKind) -> Result<Answer, ApiError> {
    let (vhost, name): (_, PolicyName) = (call.visible_vhost()?, call.name("name")?);
    let policies = vhost.policies();
    let found = policies.get(kind, &name).map(|policy| describe(&vhost, policy));
    found.map(Answer::object).ok_or_else(ApiError::not_found)
}

fn put_one(call: &Call, kind: PolicyKind) -> Result<Answer, ApiError> {
    let (vhost, name): (_, PolicyName) = (call.policy_vhost()?, call.name("name")?);
    let mut body = call.object()?;
    body.retain(|key, value| KEYS.contains(&key.as_str()) && !value.is_null());
    // rabbitmq: command lines and forms send the priority as a text as well.
    if let Some(number) = super::fields::integer(&body, "priority")? {
        body.insert("priority".to_owned(), Value::from(number));
    }
    let read = value_from_json(&Value::Object(body));
    let read = read.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let FieldValue::Table(table) = read else {
        return Err(ApiError::bad_request("a policy must be an object"));
    };
    let policy = Policy::parse(kind, name.clone(), &table);
    let policy = policy.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let put = match vhost.policies().get(kind, &name) {
        Some(_) => Put::Replaced,
        None => Put::Created,
    };
    let (done, stored) = Stored::pair();
    vhost.put_policy(&call.actor(), kind, policy, done);
    Ok(Answer::put(put).once(stored))
}

fn delete_one(call: &Call, kind: PolicyKind) -> Result<Answer, ApiError> {
    let (vhost, name): (_, PolicyName) = (call.policy_vhost()?, call.name("name")?);
    let (done, stored) = Stored::pair();
    if vhost.delete_policy(&call.actor(), kind, &name, done) {
        Ok(Answer::no_content().once(stored))
    } else {
        Err(ApiError::not_found())
    }
}

fn all(call: &Call) -> Answer {
    of_all(call, PolicyKind::User)
}

fn list(call: &Call) -> Result<Answer, ApiError> {
    Ok(Answer::list(of_vhost(&*call.visible_vhost()?, PolicyKind::User)))
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    one_of(call, PolicyKind::User)
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    put_one(call, PolicyKind::User)
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    delete_one(call, PolicyKind::User)
}

fn operator_all(call: &Call) -> Answer {
    of_all(call, PolicyKind::Operator)
}

fn operator_list(call: &Call) -> Result<Answer, ApiError> {
    Ok(Answer::list(of_vhost(&*call.visible_vhost()?, PolicyKind::Operator)))
}

fn operator_one(call: &Call) -> Result<Answer, ApiError> {
    one_of(call, PolicyKind::Operator)
}

fn operator_put(call: &Call) -> Result<Answer, ApiError> {
    put_one(call, PolicyKind::Operator)
}

fn operator_delete(call: &Call) -> Result<Answer, ApiError> {
    delete_one(call, PolicyKind::Operator)
}
