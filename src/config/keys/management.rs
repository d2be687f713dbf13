//! The management HTTP API and its pages.

use super::super::value;
use super::expects::SWITCH;
use super::key::{Key, key};

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or none for no listener";
const IP: &str = "an IP address";
const SECONDS: &str = "seconds, such as 1800 or 30m";

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
        "management.login_session_timeout",
        Some("480"),
        "minutes from 1 to 525600, such as 60, or a time such as 8h",
        [
            "management.login_session_timeout = 60",
            "How long a login with a form lasts, in minutes; then its cookie is worth nothing.",
        ],
        |draft, given| {
            let allowed = MINUTE_MS..=YEAR_MS;
            let ms = value::duration_ms(given.value, MINUTE_MS);
            draft.plain.management.login_session_ms = ms.filter(|ms| allowed.contains(ms))?;
            Some(())
        },
    ),
    key(
        "management.hsts.policy",
        None,
        HEADER,
        [
            "management.hsts.policy = max-age=31536000; includeSubDomains",
            "The header strict-transport-security of every answer.",
        ],
        |draft, given| {
            draft.plain.management.hsts_policy = Some(header(given.value)?);
            Some(())
        },
    ),
    key(
        "management.csp.policy",
        Some(CSP),
        HEADER,
        [
            "management.csp.policy = default-src 'self'; frame-ancestors 'self'",
            "The header content-security-policy of every answer: what pages may load.",
        ],
        |draft, given| {
            draft.plain.management.csp_policy = header(given.value)?;
            Some(())
        },
    ),
];

/// Own scripts and styles, nothing inline, nothing from elsewhere, in no frame.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

const HEADER: &str = "the value of an HTTP header: 1 to 4096 visible ASCII characters";
const HEADER_BYTES_MAX: usize = 4096;
const MINUTE_MS: u64 = 60 * 1000;
const YEAR_MS: u64 = 365 * 24 * HOUR_MS;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// What may stand in a header.
fn header(text: &str) -> Option<String> {
    let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let sound = (1..=HEADER_BYTES_MAX).contains(&text.len()) && text.bytes().all(visible);
    sound.then(|| text.to_owned())
}
