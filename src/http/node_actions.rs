//! What the command line asks of the node and RabbitMQ's API has no word for (docs/http-api-ctl.md).

use std::net::{IpAddr, Ipv4Addr};

use axum::http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::machine::Process;
use super::node_control::{ControlError, Doing, NodeControl};
use super::route::Run::{Later, Now, Plain};
use super::route::{Answering, Needs, Route};
use crate::broker::Actor;

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/haremq/authenticate",
        Needs::Administrator,
        "Whether a name and a password are right",
        Now(authenticate),
    ),
    action("/haremq/node/stop", "End the process", Plain(stop)),
    action(
        "/haremq/node/stop_app",
        "Close the AMQP connections and take no others",
        Later(|call| answering(call, "stop_app", |control, _| control.stop_app())),
    ),
    action(
        "/haremq/node/start_app",
        "Take AMQP connections again",
        Later(|call| answering(call, "start_app", |control, _| control.start_app())),
    ),
    action(
        "/haremq/node/reset",
        "Delete everything and begin anew; after stop_app only",
        Later(|call| answering(call, "reset", NodeControl::reset)),
    ),
    action(
        "/haremq/node/suspend_listeners",
        "Take no more AMQP connections; those that are there stay",
        Later(|call| {
            answering(call, "suspend_listeners", |control, _| control.suspend_listeners())
        }),
    ),
    action(
        "/haremq/node/resume_listeners",
        "Take AMQP connections again after suspend_listeners",
        Later(|call| answering(call, "resume_listeners", |control, _| control.resume_listeners())),
    ),
    action("/haremq/node/trim_memory", "Give free memory back to the system", Plain(trim_memory)),
    Route::get("/haremq/memory", Needs::Administrator, "What memory is used for", Plain(memory)),
];

const fn action(path: &'static str, summary: &'static str, run: super::route::Run) -> Route {
    Route::post(path, Needs::Administrator, summary, run)
}

/// As a client of this machine: what is asked is whether the password is right, not from where its user may come.
fn authenticate(call: &Call) -> Result<Answer, ApiError> {
    let body = call.object()?;
    let name = fields::required_text(&body, "username")?;
    let password = fields::required_text(&body, "password")?;
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let answer = match call.broker().authenticate(name.as_bytes(), password.as_bytes(), here) {
        Ok(_) => json!({ "authenticated": true }),
        // Which of the two is wrong is nobody's business, as at a login.
        Err(_) => json!({ "authenticated": false, "reason": "invalid credentials" }),
    };
    Ok(Answer::object(answer))
}

fn stop(call: &Call) -> Answer {
    call.broker().audit_node(&call.actor(), "stop");
    call.management.control.stop();
    Answer::accepted()
}

fn answering(
    call: Call,
    action: &'static str,
    act: fn(&(dyn NodeControl + 'static), Actor) -> Doing,
) -> Answering {
    let doing = act(&*call.management.control, call.actor());
    Box::pin(async move {
        doing.await?;
        call.broker().audit_node(&call.actor(), action);
        Ok(Answer::no_content())
    })
}

fn trim_memory(call: &Call) -> Answer {
    call.management.control.trim_memory();
    Answer::no_content()
}

/// What the system says of the process, and of that what the broker counts itself.
fn memory(call: &Call) -> Answer {
    let process = Process::look();
    let messages = call.broker().memory_used_bytes().min(process.anonymous_bytes);
    let part = |name: &str, bytes: u64| json!({ "name": name, "bytes": bytes });
    Answer::object(json!({
        "total_bytes": process.resident_bytes,
        "parts": [
            part("message bytes", messages),
            part("other data", process.anonymous_bytes - messages),
            part("program and mapped files", process.file_bytes),
            part("shared memory", process.shared_bytes),
        ],
    }))
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Conflict(reason) => Self::new(StatusCode::CONFLICT, "conflict", reason),
            ControlError::Wrong(reason) => Self::bad_request(reason),
            ControlError::Failed(reason) => Self::unavailable(reason),
        }
    }
}
