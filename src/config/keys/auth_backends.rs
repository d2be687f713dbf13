//! Who is asked about logins, in which order, and what is remembered.

use super::super::parts::BackendName;
use super::super::value;
use super::expects::SWITCH;
use super::key::{Key, key};

const BACKEND: &str = "internal, http, oauth2 or cache";
const CACHED: &str = "internal, http or oauth2";

pub(super) const KEYS: &[Key] = &[
    key(
        "auth_backends.*",
        None,
        BACKEND,
        [
            "auth_backends.1 = oauth2",
            "Who is asked about a login, in the order of the numbers; without any, internal.",
        ],
        |draft, given| {
            let name = backend(given.value)?;
            draft.authentication.both.set(given.part, given.rank, name);
            Some(())
        },
    ),
    key(
        "auth_backends.*.authn",
        None,
        BACKEND,
        ["auth_backends.2.authn = http", "Who says who somebody is, where another says the rest."],
        |draft, given| {
            let name = backend(given.value)?;
            draft.authentication.authentication.set(given.part, given.rank, name);
            Some(())
        },
    ),
    key(
        "auth_backends.*.authz",
        None,
        BACKEND,
        ["auth_backends.2.authz = internal", "Who says what somebody may do who was let in there."],
        |draft, given| {
            let name = backend(given.value)?;
            draft.authentication.authorisation.set(given.part, given.rank, name);
            Some(())
        },
    ),
    key(
        "auth_cache.cached_backend",
        None,
        CACHED,
        ["auth_cache.cached_backend = http", "Whose answers the backend cache remembers."],
        |draft, given| {
            draft.authentication.cached[0] = Some(cached(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_cache.cached_backend.authn",
        None,
        CACHED,
        ["auth_cache.cached_backend.authn = http", "The same, for who somebody is."],
        |draft, given| {
            draft.authentication.cached[1] = Some(cached(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_cache.cached_backend.authz",
        None,
        CACHED,
        ["auth_cache.cached_backend.authz = internal", "The same, for what somebody may do."],
        |draft, given| {
            draft.authentication.cached[2] = Some(cached(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_cache.cache_ttl",
        Some("15000"),
        "a time, such as 15000 (milliseconds) or 15s",
        ["auth_cache.cache_ttl = 60s", "How long an answer is remembered, in milliseconds."],
        |draft, given| {
            draft.authentication.plain.cache_ttl_ms = value::duration_ms(given.value, 1)?;
            Some(())
        },
    ),
    key(
        "auth_cache.cache_refusals",
        Some("false"),
        SWITCH,
        ["auth_cache.cache_refusals = true", "Whether a no is remembered as well."],
        |draft, given| {
            draft.authentication.plain.cache_refusals = value::switch(given.value)?;
            Some(())
        },
    ),
];

/// RabbitMQ's short names, and those of its modules.
fn backend(text: &str) -> Option<BackendName> {
    Some(match text {
        "cache" | "rabbit_auth_backend_cache" => BackendName::Cache,
        other => return cached(other),
    })
}

fn cached(text: &str) -> Option<BackendName> {
    Some(match text {
        "internal" | "rabbit_auth_backend_internal" => BackendName::Internal,
        "http" | "rabbit_auth_backend_http" => BackendName::Http,
        "oauth2" | "oauth" | "uaa" | "rabbit_auth_backend_oauth2" => BackendName::Oauth2,
        _ => return None,
    })
}
