//! The HTTP service that is asked about users and permissions.

use super::super::value;
use super::expects::{FILE, path};
use super::key::{Key, key};

const ADDRESS: &str = "an address that begins with http:// or https://";
const TIME: &str = "a time of at least 1ms, such as 15000 (milliseconds) or 15s";

pub(super) const KEYS: &[Key] = &[
    key(
        "auth_http.http_method",
        Some("get"),
        "get or post",
        [
            "auth_http.http_method = post",
            "How the service is asked: get puts passwords into the address.",
        ],
        |draft, given| {
            draft.authentication.plain.http.is_post = match given.value {
                "get" => false,
                "post" => true,
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "auth_http.user_path",
        Some("http://localhost:8000/auth/user"),
        ADDRESS,
        [
            "auth_http.user_path = https://auth.example.com/user",
            "Where the service is asked who somebody is, and with which tags.",
        ],
        |draft, given| {
            draft.authentication.plain.http.user_path = address(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_http.vhost_path",
        Some("http://localhost:8000/auth/vhost"),
        ADDRESS,
        [
            "auth_http.vhost_path = https://auth.example.com/vhost",
            "Where the service is asked whether somebody may enter a virtual host.",
        ],
        |draft, given| {
            draft.authentication.plain.http.vhost_path = address(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_http.resource_path",
        Some("http://localhost:8000/auth/resource"),
        ADDRESS,
        [
            "auth_http.resource_path = https://auth.example.com/resource",
            "Where the service is asked whether somebody may do something to a queue or an exchange.",
        ],
        |draft, given| {
            draft.authentication.plain.http.resource_path = address(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_http.topic_path",
        Some("http://localhost:8000/auth/topic"),
        ADDRESS,
        [
            "auth_http.topic_path = https://auth.example.com/topic",
            "Where the service is asked whether somebody may use a routing key of a topic exchange.",
        ],
        |draft, given| {
            draft.authentication.plain.http.topic_path = address(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_http.request_timeout",
        Some("15000"),
        TIME,
        [
            "auth_http.request_timeout = 5s",
            "How long the service may take for an answer, in milliseconds.",
        ],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1).filter(|ms| *ms > 0)?;
            draft.authentication.plain.http.request_timeout_ms = ms;
            Some(())
        },
    ),
    key(
        "auth_http.connection_timeout",
        Some("15000"),
        TIME,
        [
            "auth_http.connection_timeout = 5s",
            "How long a connection to the service may take, in milliseconds.",
        ],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1).filter(|ms| *ms > 0)?;
            draft.authentication.plain.http.connection_timeout_ms = ms;
            Some(())
        },
    ),
    key(
        "auth_http.ssl_options.cacertfile",
        None,
        FILE,
        [
            "auth_http.ssl_options.cacertfile = /etc/haremq/auth-ca.pem",
            "Authorities of the service's certificate, in PEM; without it, those of the system.",
        ],
        |draft, given| {
            draft.authentication.plain.http.cacertfile = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_http.ssl_options.verify",
        None,
        "verify_peer: a service that anybody can pretend to be is not asked",
        [
            "auth_http.ssl_options.verify = verify_peer",
            "The certificate of the service is always checked.",
        ],
        |_, given| (given.value == "verify_peer").then_some(()),
    ),
];

/// An address that can be asked.
pub(super) fn address(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let is_good = !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then(|| text.to_owned())
}
