//! The cookie of a session: written, read, and what a request that shows it must have besides.
//!
//! A browser sends a cookie with whatever page makes the request. So a request that changes something and
//! has nothing but the cookie to show must prove that a page of this broker made it: with
//! `sec-fetch-site: same-origin`, with an `origin` of the host that it is sent to, or with the header
//! `x-requested-with`, which no page of another origin can add unless the broker lets it. With that, and
//! `SameSite=Strict` on the cookie, a page of somebody else changes nothing.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::authentication::{Caller, Wire};
use super::cors;
use super::error::ApiError;
use super::management::Management;
use super::sessions::{Proof, Session};
use crate::base::{Millis, UserName};
use crate::broker::Rights;

/// The name of the cookie.
const COOKIE: &str = "haremq_session";

/// Begins a session of somebody who has just logged in, and gives the header that sets its cookie. `None`
/// for a user that was deleted meanwhile.
///
/// # Errors
/// 503 when the system has no random numbers.
pub(super) fn begin(
    management: &Management,
    caller: &Caller,
    wire: Wire,
) -> Result<Option<(HeaderName, HeaderValue)>, ApiError> {
    let identity = caller.identity.clone();
    let proof = match &identity.rights {
        Rights::OfUser => match proof(management, &identity.name) {
            Some(proof) => Some(proof),
            None => return Ok(None),
        },
        _ => None,
    };
    let clock = management.broker.clock();
    // A clock that a test turns would end the session of the page that turned it.
    let now = clock.real_now();
    let token_ms = identity.expires_s.map(|at_s| at_s.saturating_mul(1000));
    let token_lasts_ms = token_ms.map(|at_ms| at_ms.saturating_sub(clock.unix_ms()));
    let lasts_ms = management.settings.login_session_ms.min(token_lasts_ms.unwrap_or(u64::MAX));
    let ends = Millis(now.0.saturating_add(lasts_ms));
    let session = Session { identity, proof, ends };
    let token = management.sessions.begin(now, session);
    let token = token.map_err(|error| {
        tracing::error!(error = %error, "no random numbers for a session");
        ApiError::unavailable("the system has no random numbers for a session")
    })?;
    Ok(Some(set_cookie(management, &token, lasts_ms / 1000, wire)))
}

/// Ends the session whose cookie a request shows, and gives the header that takes the cookie away.
///
/// # Errors
/// 403 for a request of another page.
pub(super) fn end(
    management: &Management,
    headers: &HeaderMap,
    wire: Wire,
) -> Result<Option<(HeaderName, HeaderValue)>, ApiError> {
    let Some(token) = token(headers) else { return Ok(None) };
    check_own_page(management, headers)?;
    management.sessions.end(token);
    Ok(Some(set_cookie(management, "", 0, wire)))
}

/// Who shows a cookie; `None` when there is none. `changes`: the request is more than a look.
///
/// # Errors
/// 401 when it is worth nothing (any more), 403 for a change that a page of somebody else may have made.
pub(super) fn recognise(
    management: &Management,
    peer: IpAddr,
    headers: &HeaderMap,
    changes: bool,
) -> Result<Option<Caller>, ApiError> {
    let Some(token) = token(headers) else { return Ok(None) };
    let now = management.broker.clock().real_now();
    let over = || ApiError::not_authorised("the login is over: log in again");
    let session = management.sessions.find(now, token).ok_or_else(over)?;
    let (broker, identity) = (&management.broker, session.identity);
    if let Some(before) = session.proof {
        if proof(management, &identity.name) != Some(before) {
            management.sessions.end(token);
            return Err(over());
        }
        // A cookie that was carried elsewhere does not free a user that may come from this machine only.
        broker.recognise(identity.name.as_str(), peer).map_err(|_| over())?;
    }
    if changes {
        check_own_page(management, headers)?;
    }
    Ok(Some(Caller { tags: broker.tags_of(&identity), identity, is_local: false }))
}

/// See the module.
fn check_own_page(management: &Management, headers: &HeaderMap) -> Result<(), ApiError> {
    if is_of_own_page(headers) || cors::is_let_in(&management.settings, headers) {
        return Ok(());
    }
    let reason = "a change by the cookie of a login needs the header x-requested-with, or a browser that \
                  says which page makes the request";
    Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", reason))
}

/// Whether a page of this broker made a request, as a browser or the page itself says.
pub(super) fn is_of_own_page(headers: &HeaderMap) -> bool {
    if headers.contains_key("x-requested-with") {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // A proxy may end TLS, so the scheme says nothing.
    let origin = origin.and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    origin.is_some() && origin == host
}

/// What stands for the password of a user now.
fn proof(management: &Management, user: &UserName) -> Option<Proof> {
    management.broker.accounts(|all| {
        let record = all.records().user(user)?;
        Some(Proof(record.password_hash.clone(), record.hashing_algorithm.clone()))
    })
}

/// The token that a request shows.
fn token(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| (name.trim() == COOKIE).then(|| value.trim()))
}

fn set_cookie(
    management: &Management,
    token: &str,
    lasts_s: u64,
    wire: Wire,
) -> (HeaderName, HeaderValue) {
    let prefix = &management.settings.path_prefix;
    let path = if prefix.is_empty() { "/" } else { prefix };
    let secure = if wire == Wire::Tls { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={token}; Path={path}; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}"
    );
    // Only a prefix with control characters in it is no header; there is no session then.
    let value = HeaderValue::from_bytes(text.as_bytes());
    (header::SET_COOKIE, value.unwrap_or_else(|_| HeaderValue::from_static("haremq_session=")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let value = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(value).collect()
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let found = |line| token(&headers(&[("cookie", line)])).map(str::to_owned);
        assert_eq!(found("haremq_session=abc").as_deref(), Some("abc"));
        assert_eq!(found("a=1; haremq_session=abc; b=2").as_deref(), Some("abc"));
        for line in ["haremq_sessions=abc", "a=haremq_session", "", "haremq_session"] {
            assert_eq!(found(line), None, "{line}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }

    #[test]
    fn a_page_of_this_broker_is_known_by_what_the_browser_or_the_page_says() {
        let host = ("host", "mq.example:15672");
        for own in [
            &[("x-requested-with", "fetch")][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("origin", "http://mq.example:15672")],
            &[host, ("origin", "https://mq.example:15672")],
        ] {
            assert!(is_of_own_page(&headers(own)), "{own:?}");
        }
        for other in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://mq.example:15672")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://mq.example:8080")],
            &[host, ("origin", "null")],
            &[("origin", "null")],
        ] {
            assert!(!is_of_own_page(&headers(other)), "{other:?}");
        }
    }
}
