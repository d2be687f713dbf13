//! Who asks.

use serde_json::{Value, json};

use super::answer::Answer;
use super::authentication::Caller;
use super::call::Call;
use super::route::Run::Plain;
use super::route::{Needs, Route};
use crate::broker::Rights;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/whoami", Needs::Login, "Who is logged in", Plain(whoami))];

fn whoami(call: &Call) -> Answer {
    Answer::object(describe(call, &call.caller))
}

/// A user as it is told to itself.
pub(super) fn describe(call: &Call, caller: &Caller) -> Value {
    let is_internal = matches!(caller.identity.rights, Rights::OfUser | Rights::All);
    json!({
        "name": caller.name().as_str(),
        "tags": caller.tags,
        "is_internal_user": is_internal,
        // In minutes.
        "login_session_timeout": call.management.settings.login_session_ms / MINUTE_MS,
    })
}

const MINUTE_MS: u64 = 60_000;
