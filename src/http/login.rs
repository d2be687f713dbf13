//! Logging in with a form, as pages do. The answer says who it is and sets the cookie of a session, which then stands
//! for name and password (`session_cookie`).

use axum::http::{HeaderValue, StatusCode, header};

use super::answer::Answer;
use super::authentication::{Caller, Credentials, Origin, log_in};
use super::call::Call;
use super::error::ApiError;
use super::query::Query;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use super::{cors, fields, session_cookie, whoami};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/login",
        Needs::Nothing,
        "Log in: the answer sets a session's cookie",
        Later(login),
    ),
    Route::delete(
        "/login",
        Needs::Nothing,
        "Log out: the session of the cookie ends",
        Now(log_out),
    ),
];

fn login(call: Call) -> Answering {
    Box::pin(async move {
        let Origin::Network(peer) = call.origin else {
            return Ok(Answer::object(whoami::describe(&call, &Caller::local())));
        };
        check_page(&call)?;
        let credentials = credentials(&call)?;
        let caller = log_in(&call.management, peer, &credentials).await;
        // A browser must not open a window of its own over a page that asks already.
        let caller = caller.map_err(|error| ApiError { challenge: false, ..error })?;
        if !caller.is_management() {
            return Err(ApiError::not_authorised("Not management user"));
        }
        let answer = Answer::object(whoami::describe(&call, &caller));
        let cookie = session_cookie::begin(&call.management, &caller, call.wire)?;
        Ok(match cookie {
            Some((name, value)) => answer.with(name, value),
            None => answer,
        })
    })
}

/// A page of somebody else must not log its visitor in as somebody that it chose.
fn check_page(call: &Call) -> Result<(), ApiError> {
    let of_page = ["sec-fetch-site", "origin"].iter().any(|name| call.headers.contains_key(*name));
    let from_outside = call.headers.get("sec-fetch-site").is_some_and(|site| site == "none");
    if !of_page
        || from_outside
        || session_cookie::is_of_own_page(&call.headers)
        || cors::is_let_in(&call.management.settings, &call.headers)
    {
        return Ok(());
    }
    let reason = "a page of another site may not log anybody in: set management.cors.allow_origins";
    Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", reason))
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

fn log_out(call: &Call) -> Result<Answer, ApiError> {
    let answer = Answer::no_content();
    let cookie = session_cookie::end(&call.management, &call.headers, call.wire)?;
    Ok(match cookie {
        Some((name, value)) => answer.with(name, value),
        None => answer,
    })
}
