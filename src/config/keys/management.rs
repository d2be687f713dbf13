//! The management HTTP API and its pages.

use super::super::value;
use super::expects::{PATH, SWITCH, path};
use super::key::{Key, key};

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or none for no listener";
const IP: &str = "an IP address";
const SECONDS: &str = "seconds, such as 1800 or 30m";

/// Why these keys change nothing yet.
const LATER: &str = "the management API is not served with TLS yet";

pub(super) const KEYS: &[Key] = &[
    key(
        "management.tcp.port",
        Some("15672"),
        PORT,
        ["management.tcp.port = 8080", "Where the management API and its pages are served."],
        |draft, given| value::set_port(&mut draft.management.port, given.value),
    ),
    key(
        "management.tcp.ip",
        None,
        IP,
        ["management.tcp.ip = 127.0.0.1", "The one address that they are served on."],
        |draft, given| {
            draft.management.ip = Some(given.value.parse().ok()?);
            Some(())
        },
    ),
    key(
        "management.path_prefix",
        None,
        "a path that begins with a /",
        ["management.path_prefix = /rabbit", "What stands before every path of API and pages."],
        |draft, given| {
            let sound = given.value.starts_with('/') && !given.value.contains(char::is_whitespace);
            let prefix = sound.then(|| given.value.trim_end_matches('/'))?;
            prefix.clone_into(&mut draft.plain.management.path_prefix);
            Some(())
        },
    ),
    key(
        "management.http.max_body_size",
        Some("20MiB"),
        "bytes of at least 1, such as 20000000 or 20MiB",
        ["management.http.max_body_size = 50MiB", "The largest body of a request to the API."],
        |draft, given| {
            let bytes = value::bytes(given.value).filter(|bytes| *bytes > 0)?;
            draft.plain.management.body_bytes_max = bytes;
            Some(())
        },
    ),
    key(
        "management.cors.allow_origins.*",
        None,
        "an origin such as https://example.org, or * for every one",
        [
            "management.cors.allow_origins.1 = https://example.org",
            "An origin whose pages may call the API from a browser.",
        ],
        |draft, given| {
            let origin = value::name(given.value)?.to_owned();
            draft.cors_origins.set(given.part, given.rank, origin);
            Some(())
        },
    ),
    key(
        "management.cors.allow_origins",
        None,
        "none",
        ["management.cors.allow_origins = none", "No page of another origin may call the API."],
        |draft, given| (given.value == "none").then(|| draft.cors_origins.set_none(given.rank)),
    ),
    key(
        "management.cors.max_age",
        Some("1800"),
        SECONDS,
        ["management.cors.max_age = 1h", "How long a browser may remember that, in seconds."],
        |draft, given| {
            draft.plain.management.cors_max_age_s = value::duration_ms(given.value, 1000)? / 1000;
            Some(())
        },
    ),
    key(
        "management.disable_stats",
        Some("false"),
        SWITCH,
        ["management.disable_stats = true", "No rates and no samples: counts only."],
        |draft, given| {
            draft.plain.management.disable_stats = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "collect_statistics_interval",
        Some("5000"),
        "a time from 1ms to 1h, such as 5000 (milliseconds) or 5s",
        ["collect_statistics_interval = 10s", "How often counts are taken for rates."],
        |draft, given| {
            let allowed = 1..=HOUR_MS;
            let ms = value::duration_ms(given.value, 1).filter(|ms| allowed.contains(ms))?;
            draft.plain.management.sample_interval_ms = ms;
            Some(())
        },
    ),
    key(
        "management.ssl.port",
        None,
        PORT,
        ["management.ssl.port = 15671", "Where they are served with TLS."],
        |draft, given| value::set_port(&mut draft.management_tls.address.port, given.value),
    )
    .without_effect(LATER),
    key(
        "management.ssl.ip",
        None,
        IP,
        ["management.ssl.ip = 127.0.0.1", "The one address that they are served on with TLS."],
        |draft, given| {
            draft.management_tls.address.ip = Some(given.value.parse().ok()?);
            Some(())
        },
    )
    .without_effect(LATER),
    key(
        "management.ssl.certfile",
        None,
        PATH,
        [
            "management.ssl.certfile = /etc/haremq/management.pem",
            "The certificate of that listener, in PEM.",
        ],
        |draft, given| {
            draft.management_tls.certificate = Some(path(given.value)?);
            Some(())
        },
    )
    .without_effect(LATER),
    key(
        "management.ssl.keyfile",
        None,
        PATH,
        [
            "management.ssl.keyfile = /etc/haremq/management.key",
            "The key of that certificate, in PEM.",
        ],
        |draft, given| {
            draft.management_tls.key = Some(path(given.value)?);
            Some(())
        },
    )
    .without_effect(LATER),
    key(
        "management.ssl.cacertfile",
        None,
        PATH,
        [
            "management.ssl.cacertfile = /etc/haremq/ca.pem",
            "Who may sign the certificates of its clients, in PEM.",
        ],
        |draft, given| {
            draft.management_tls.authorities = Some(path(given.value)?);
            Some(())
        },
    )
    .without_effect(LATER),
];

const HOUR_MS: u64 = 60 * 60 * 1000;
