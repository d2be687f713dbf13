//! Virtual hosts.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::route::Run::Now;
use super::route::{Needs, Route};
use super::samples::{Ranges, VHOST, VHOST_LEVELS, VHOST_OCTETS, VhostSample, vhost_samples};
use crate::base::VhostName;
use crate::broker::{Put, Rights, Vhost};
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/vhosts", Needs::Management, "Virtual hosts", Now(list)),
    Route::get("/vhosts/{vhost}", Needs::Management, "A virtual host", Now(one)),
    Route::put(
        "/vhosts/{vhost}",
        Needs::Administrator,
        "Create or change a virtual host",
        Now(put),
    ),
    Route::delete(
        "/vhosts/{vhost}",
        Needs::Administrator,
        "Delete a virtual host with everything in it",
        Now(delete),
    ),
    Route::get(
        "/vhosts/{vhost}/deletion/protection",
        Needs::Administrator,
        "Whether a virtual host is protected from deletion",
        Now(protection),
    ),
    Route::post(
        "/vhosts/{vhost}/deletion/protection",
        Needs::Administrator,
        "Protect a virtual host from deletion",
        Now(protect),
    ),
    Route::delete(
        "/vhosts/{vhost}/deletion/protection",
        Needs::Administrator,
        "Let a virtual host be deleted again",
        Now(unprotect),
    ),
    Route::post(
        "/vhosts/{vhost}/start/{node}",
        Needs::Administrator,
        "Start a virtual host; they all run",
        Now(start),
    ),
];

fn list(call: &Call) -> Result<Answer, ApiError> {
    Ok(Answer::list(described(call, &call.visible_vhosts())?))
}

fn described(call: &Call, vhosts: &[Arc<Vhost>]) -> Result<Vec<Value>, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let samples = vhost_samples(call.broker(), vhosts);
    let sample = |vhost: &Vhost| samples.get(&Some(vhost.name().clone())).copied();
    let described = vhosts
        .iter()
        .map(|vhost| describe(call, vhost, &sample(vhost).unwrap_or_default(), ranges));
    Ok(described.collect())
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let mut all = described(call, &[call.visible_vhost()?])?;
    all.pop().map(Answer::object).ok_or_else(ApiError::not_found)
}

fn describe(call: &Call, vhost: &Vhost, sample: &VhostSample, ranges: Ranges) -> Value {
    let record = record(call, vhost.name());
    let at = call.management.moment();
    let key = [Some(vhost.name().clone())];
    let [stats, levels, octets] =
        call.management.samples.vhosts.look(at.now, key.iter(), |series| {
            [
                series.stats(VHOST, sample, ranges.msg_rates, at.unix_ms),
                series.stats(VHOST_LEVELS, sample, ranges.lengths, at.unix_ms),
                series.stats(VHOST_OCTETS, sample, ranges.data_rates, at.unix_ms),
            ]
        });
    let cluster_state = Map::from_iter([(call.management.facts.node.clone(), json!("running"))]);
    let mut out = levels.into_map();
    out.extend(octets.into_map());
    let default_queue_type = record.default_queue_type.as_deref();
    // rabbitmq: a virtual host without a type of its own shows the one that is in force.
    let default_queue_type =
        default_queue_type.unwrap_or(&call.management.facts.default_queue_type);
    let more = json!({
        "name": record.name.as_str(),
        "description": record.description,
        "tags": record.tags,
        "default_queue_type": default_queue_type,
        "protected_from_deletion": record.protected_from_deletion,
        "tracing": record.tracing,
        "metadata": {
            "description": record.description,
            "tags": record.tags,
            "default_queue_type": default_queue_type,
        },
        "cluster_state": cluster_state,
        "message_stats": stats,
    });
    if let Value::Object(more) = more {
        out.extend(more);
    }
    Value::Object(out)
}

/// What is kept of a virtual host; one that nothing was said about has its name.
fn record(call: &Call, name: &VhostName) -> store::Vhost {
    let record = call.broker().accounts(|accounts| accounts.records().vhost(name).cloned());
    let record = record.unwrap_or_else(|| store::Vhost::new(name.clone()));
    let tracing = call.broker().vhost(name).is_some_and(|vhost| vhost.is_traced());
    store::Vhost { tracing, ..record }
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    let name: VhostName = call.name("vhost")?;
    let body = call.object()?;
    // Two who change different fields at the same time both have them changed.
    let _alone = call.management.one_at_a_time();
    let mut record = record(call, &name);
    // What is not said stays as it is.
    if let Some(description) = fields::text(&body, "description")? {
        record.description = description;
    }
    if let Some(tags) = fields::tags(&body, "tags")? {
        record.tags = tags;
    }
    for key in ["default_queue_type", "defaultqueuetype"] {
        if let Some(queue_type) = fields::text(&body, key)? {
            record.default_queue_type = Some(check_queue_type(queue_type)?);
        }
    }
    if let Some(protected) = fields::truth(&body, "protected_from_deletion")? {
        record.protected_from_deletion = protected;
    }
    if let Some(tracing) = fields::truth(&body, "tracing")? {
        record.tracing = tracing;
    }
    let (done, stored) = Stored::pair();
    let put = call.broker().put_vhost(&call.actor(), record, done)?;
    let answer = Answer::put(put).once(stored);
    match put {
        Put::Created => let_in(call, name, answer),
        Put::Replaced => Ok(answer),
    }
}

/// Whoever creates a virtual host may do everything in it, as for RabbitMQ: tools go on with what stands in it.
fn let_in(call: &Call, vhost: VhostName, answer: Answer) -> Result<Answer, ApiError> {
    // Of users who are known elsewhere, permissions are elsewhere as well.
    if !matches!(call.caller.identity.rights, Rights::OfUser) {
        return Ok(answer);
    }
    let [configure, write, read] = [(); 3].map(|()| ".*".to_owned());
    let user = call.caller.name().clone();
    let (done, stored) = Stored::pair();
    let all = store::Permission { user, vhost, configure, write, read };
    call.broker().put_permission(&call.actor(), all, done)?;
    Ok(answer.once(stored))
}

fn check_queue_type(text: String) -> Result<String, ApiError> {
    match text.as_str() {
        "classic" | "quorum" | "stream" => Ok(text),
        _ => Err(ApiError::bad_request(format!(
            "default_queue_type is '{text}', and classic or quorum is meant"
        ))),
    }
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    let (done, stored) = Stored::pair();
    call.broker().delete_vhost(&call.actor(), &call.name("vhost")?, done)?;
    Ok(Answer::no_content().once(stored))
}

fn protection(call: &Call) -> Result<Answer, ApiError> {
    let record = record(call, call.vhost()?.name());
    Ok(Answer::object(json!({ "protected_from_deletion": record.protected_from_deletion })))
}

fn protect(call: &Call) -> Result<Answer, ApiError> {
    set_protection(call, true)
}

fn unprotect(call: &Call) -> Result<Answer, ApiError> {
    set_protection(call, false)
}

fn set_protection(call: &Call, protected_from_deletion: bool) -> Result<Answer, ApiError> {
    let _alone = call.management.one_at_a_time();
    let record = record(call, call.vhost()?.name());
    let (done, stored) = Stored::pair();
    call.broker().put_vhost(
        &call.actor(),
        store::Vhost { protected_from_deletion, ..record },
        done,
    )?;
    Ok(Answer::no_content().once(stored))
}

fn start(call: &Call) -> Result<Answer, ApiError> {
    call.vhost()?;
    if call.segment("node") == call.management.facts.node {
        Ok(Answer::no_content())
    } else {
        Err(ApiError::not_found())
    }
}
