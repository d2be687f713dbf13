//! Logging in with a form, as the pages of RabbitMQ do. The answer says whether name and password are right; what
//! follows sends them with each request.

use axum::http::{HeaderValue, header};

use super::answer::Answer;
use super::authentication::{Credentials, Origin, log_in};
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::query::Query;
use super::route::Run::{Later, Plain};
use super::route::{Answering, Needs, Route};
use super::whoami;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/login", Needs::Nothing, "Check a name and a password", Later(login)),
    Route::delete("/login", Needs::Nothing, "Log out; nothing is kept", Plain(log_out)),
];

fn login(call: Call) -> Answering {
    Box::pin(async move {
        let Origin::Network(peer) = call.origin else {
            return Ok(Answer::object(whoami::describe(&super::authentication::Caller::local())));
        };
        let credentials = credentials(&call)?;
        let caller = log_in(&call.management, peer, &credentials).await?;
        if !caller.is_management() {
            return Err(ApiError::not_authorised("Not management user"));
        }
        Ok(Answer::object(whoami::describe(&caller)))
    })
}

fn credentials(call: &Call) -> Result<Credentials, ApiError> {
    let media_type = call.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if media_type.is_some_and(|media_type| media_type.starts_with(b"application/json")) {
        let body = call.object()?;
        let name = fields::required_text(&body, "username")?;
        return Ok(Credentials::new(&name, &fields::required_text(&body, "password")?));
    }
    let form = Query::parse(std::str::from_utf8(&call.body).unwrap_or_default().trim());
    match (form.get("username"), form.get("password")) {
        (Some(name), Some(password)) => Ok(Credentials::new(name, password)),
        _ => Err(ApiError::bad_request("the form must hold username and password")),
    }
}

fn log_out(_: &Call) -> Answer {
    Answer::no_content()
}
