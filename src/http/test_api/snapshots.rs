//! Snapshots of virtual hosts, and the way back to them.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::body::Body;
use super::waiting::waiting;
use crate::base::limits::SNAPSHOTS_MAX;
use crate::broker::TogetherError;
use crate::definitions::{SnapshotError, VhostSnapshot};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::route::Run::{Later, Now};
use crate::http::route::{Answering, Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/haremq/test/vhosts/{vhost}/snapshots",
        Needs::Administrator,
        "Keep what is in a virtual host, to roll back to it; with `--test-api` only",
        Later(take),
    ),
    Route::post(
        "/haremq/test/vhosts/{vhost}/snapshots/{id}/rollback",
        Needs::Administrator,
        "Make a virtual host what it was at a snapshot; with `--test-api` only",
        Later(roll_back),
    ),
    Route::delete(
        "/haremq/test/vhosts/{vhost}/snapshots/{id}",
        Needs::Administrator,
        "Let a snapshot go; with `--test-api` only",
        Now(forget),
    ),
];

fn shown(id: u64, snapshot: &VhostSnapshot) -> Value {
    json!({
        "id": id,
        "queues": snapshot.queues(),
        "messages": snapshot.messages(),
        "bytes": snapshot.bytes(),
    })
}

fn take(call: Call) -> Answering {
    Box::pin(async move {
        Body::new(call.object()?).refuse_others(&[])?;
        let name = call.vhost()?.name().clone();
        let broker = Arc::clone(call.broker());
        let snapshot = waiting(move || Ok(VhostSnapshot::take(&broker, &name)?)).await?;
        let mut value = shown(0, &snapshot);
        let Some(id) = call.management.snapshots.keep(snapshot) else {
            let reason = format!("there are {SNAPSHOTS_MAX} snapshots: delete one first");
            return Err(ApiError::precondition_failed(reason));
        };
        value["id"] = Value::from(id);
        let mut answer = Answer::object(value);
        answer.status = StatusCode::CREATED;
        Ok(answer)
    })
}

fn roll_back(call: Call) -> Answering {
    Box::pin(async move {
        Body::new(call.object()?).refuse_others(&[])?;
        let (vhost, id) = (call.vhost()?, id(&call)?);
        let snapshot = call.management.snapshots.find(vhost.name(), id);
        let snapshot = snapshot.ok_or_else(ApiError::not_found)?;
        // It is an import of definitions, and those come one after the other.
        let turn = Arc::clone(&call.management.importing).acquire_owned().await;
        let (broker, by) = (Arc::clone(call.broker()), call.actor());
        let value = waiting(move || {
            let _turn = turn;
            snapshot.roll_back(&broker, &by)?;
            Ok(shown(id, &snapshot))
        });
        Ok(Answer::object(value.await?))
    })
}

fn forget(call: &Call) -> Result<Answer, ApiError> {
    let was_there = call.management.snapshots.forget(call.vhost()?.name(), id(call)?);
    if was_there { Ok(Answer::no_content()) } else { Err(ApiError::not_found()) }
}

fn id(call: &Call) -> Result<u64, ApiError> {
    call.segment("id").parse().map_err(|_| ApiError::not_found())
}

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::NoVhost(_) => Self::vhost_not_found(),
            SnapshotError::Messages(_) => Self::precondition_failed(error.to_string()),
            SnapshotError::Definitions(error) => error.into(),
            SnapshotError::Together(TogetherError::Store(error)) => error.into(),
            SnapshotError::Together(_) | SnapshotError::Changed(_) => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
            }
        }
    }
}
