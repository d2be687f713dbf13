//! The clock of the broker, for whoever turns it.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;

use super::body::Body;
use crate::base::TurnedTime;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::route::Run::{Later, Now};
use crate::http::route::{Answering, Needs, Route};
use crate::net::ClockTurner;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/haremq/test/clock",
        Needs::Administrator,
        "What the broker's clock shows; with `--test-api` only",
        Now(show),
    ),
    Route::post(
        "/haremq/test/clock/advance",
        Needs::Administrator,
        "Turn the clock forward, and do what is due on the way; with `--test-api` only",
        Later(advance),
    ),
    Route::post(
        "/haremq/test/clock/freeze",
        Needs::Administrator,
        "Stop the clock; with `--test-api` only",
        Later(freeze),
    ),
    Route::post(
        "/haremq/test/clock/resume",
        Needs::Administrator,
        "Let the clock go on; with `--test-api` only",
        Later(resume),
    ),
];

fn turner(call: &Call) -> Result<Arc<ClockTurner>, ApiError> {
    call.management.control.clock().ok_or_else(ApiError::not_found)
}

fn shown(time: TurnedTime) -> Answer {
    let TurnedTime { now, unix_ms, advanced_ms, frozen } = time;
    Answer::object(json!({
        "now_ms": now.0,
        "unix_ms": unix_ms,
        "advanced_ms": advanced_ms,
        "frozen": frozen,
    }))
}

fn show(call: &Call) -> Result<Answer, ApiError> {
    Ok(shown(turner(call)?.time()))
}

fn advance(call: Call) -> Answering {
    Box::pin(async move {
        let body = Body::new(call.object()?);
        body.refuse_others(&["ms"])?;
        let by_ms = body.required_number("ms")?;
        let turned = turner(&call)?.advance(by_ms).await;
        let refused = |error| ApiError::new(StatusCode::CONFLICT, "conflict", format!("{error}"));
        Ok(shown(turned.map_err(refused)?))
    })
}

fn freeze(call: Call) -> Answering {
    Box::pin(async move {
        Body::new(call.object()?).refuse_others(&[])?;
        Ok(shown(turner(&call)?.freeze().await))
    })
}

fn resume(call: Call) -> Answering {
    Box::pin(async move {
        Body::new(call.object()?).refuse_others(&[])?;
        Ok(shown(turner(&call)?.resume().await))
    })
}
