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
    Answer::object(describe(&call.caller))
}

/// A user as it is told to itself.
pub(super) fn describe(caller: &Caller) -> Value {
    let is_internal = matches!(caller.identity.rights, Rights::OfUser | Rights::All);
    json!({ "name": caller.name().as_str(), "tags": caller.tags, "is_internal_user": is_internal })
}
