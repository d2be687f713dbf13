//! What RabbitMQ has by its plugins or its machine, and tools ask for all the same: harmless answers.

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::get("", Needs::Nothing, "A page that says where the description is", Plain(index)),
    Route::get("/auth/attempts/{node}", Needs::Monitoring, "Logins by protocol", Plain(none)),
    Route::delete("/auth/attempts/{node}", Needs::Monitoring, "Forget logins", Plain(nothing)),
    Route::get("/auth/attempts/{node}/source", Needs::Monitoring, "Logins by place", Plain(none)),
    Route::delete(
        "/auth/attempts/{node}/source",
        Needs::Monitoring,
        "Forget logins",
        Plain(nothing),
    ),
    Route::post(
        "/rebalance/queues",
        Needs::Administrator,
        "Spread leaders over nodes; there is one node",
        Plain(nothing),
    ),
    Route::delete("/reset", Needs::Administrator, "Forget statistics", Plain(nothing)),
    Route::delete(
        "/reset/{node}",
        Needs::Administrator,
        "Forget statistics of a node",
        Plain(nothing),
    ),
    Route::get("/shovels", Needs::Monitoring, "Shovels; there are none", Plain(none)),
    Route::get(
        "/shovels/{vhost}",
        Needs::Monitoring,
        "Shovels of a virtual host",
        Now(none_of_vhost),
    ),
    Route::get(
        "/federation-links",
        Needs::Monitoring,
        "Federation links; there are none",
        Plain(none),
    ),
    Route::get(
        "/federation-links/{vhost}",
        Needs::Monitoring,
        "Federation links of a virtual host",
        Now(none_of_vhost),
    ),
];

const INDEX: &str = "<!doctype html><title>HareMQ management API</title>\
<p>The management HTTP API of HareMQ answers as RabbitMQ's does. \
It is described in <a href=\"api/openapi.json\">openapi.json</a>.";

fn index(_: &Call) -> Answer {
    Answer::other("text/html; charset=utf-8", INDEX)
}

fn none(_: &Call) -> Answer {
    Answer::list(Vec::new())
}

fn none_of_vhost(call: &Call) -> Result<Answer, ApiError> {
    call.vhost()?;
    Ok(none(call))
}

fn nothing(_: &Call) -> Answer {
    Answer::no_content()
}
