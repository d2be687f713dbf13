//! Queues come and go, and are emptied.

use serde_json::{Map, Value};

use super::answer::Answer;
use super::call::Call;
use super::direct::of_topology;
use super::error::ApiError;
use super::fields;
use super::model::table_from_json;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use crate::base::FieldTable;
use crate::broker::{DeclareQueue, Put};

pub(super) const ROUTES: &[Route] = &[
    Route::put("/queues/{vhost}/{queue}", Needs::Management, "Declare a queue", Later(put)),
    Route::delete("/queues/{vhost}/{queue}", Needs::Management, "Delete a queue", Later(delete)),
    Route::delete(
        "/queues/{vhost}/{queue}/contents",
        Needs::Management,
        "Drop the messages that wait in a queue",
        Later(purge),
    ),
    Route::post(
        "/queues/{vhost}/{queue}/actions",
        Needs::Administrator,
        "Mirroring, of which there is none: sync and cancel_sync do nothing",
        Now(act),
    ),
];

fn put(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let body = call.object()?;
        let declare = DeclareQueue {
            queue: call.name("queue")?,
            passive: false,
            durable: fields::truth(&body, "durable")?.unwrap_or(false),
            // There is no connection that it could end with.
            exclusive: false,
            auto_delete: fields::truth(&body, "auto_delete")?.unwrap_or(false),
            arguments: arguments(&body)?,
        };
        let put = Put::of(vhost.has_queue(&declare.queue));
        let mut client = call.topology(vhost.name())?;
        client.queue_declare(declare).await.map_err(of_topology)?;
        Ok(Answer::put(put))
    })
}

fn delete(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let name = call.queue(&vhost)?.info().name.clone();
        let (if_unused, if_empty) =
            (call.query.is_true("if-unused"), call.query.is_true("if-empty"));
        let mut client = call.topology(vhost.name())?;
        client.queue_delete(&name, if_unused, if_empty).await.map_err(of_topology)?;
        Ok(Answer::no_content())
    })
}

fn purge(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let name = call.queue(&vhost)?.info().name.clone();
        let mut client = call.topology(vhost.name())?;
        client.queue_purge(&name).await.map_err(of_topology)?;
        Ok(Answer::no_content())
    })
}

fn act(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.own_vhost()?;
    call.queue(&vhost)?;
    match fields::required_text(&call.object()?, "action")?.as_str() {
        "sync" | "cancel_sync" => Ok(Answer::no_content()),
        other => Err(ApiError::bad_request(format!(
            "unknown action '{other}': sync and cancel_sync are known"
        ))),
    }
}

/// `arguments` of a body.
///
/// # Errors
/// 400.
pub(super) fn arguments(body: &Map<String, Value>) -> Result<FieldTable, ApiError> {
    table_from_json(body.get("arguments")).map_err(|error| ApiError::bad_request(error.to_string()))
}
