//! Spans of traced messages, and the collector that gets them.

use super::super::settings::Password;
use super::super::value;
use super::auth_http::address;
use super::expects::{FILE, NAME, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "haremq.otel.endpoint",
        None,
        "an address that begins with http:// or https://",
        [
            "haremq.otel.endpoint = http://localhost:4318",
            "The OpenTelemetry collector that gets spans of traced messages (OTLP over HTTP); without it nothing is traced.",
        ],
        |draft, given| {
            draft.plain.otel.endpoint = Some(address(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.otel.service_name",
        Some("haremq"),
        NAME,
        ["haremq.otel.service_name = shop-broker", "What the broker is called in traces."],
        |draft, given| {
            value::name(given.value)?.clone_into(&mut draft.plain.otel.service_name);
            Some(())
        },
    ),
    key(
        "haremq.otel.sample_ratio",
        Some("0"),
        "a share from 0 to 1, such as 0.01, or a percentage, such as 1%",
        [
            "haremq.otel.sample_ratio = 0.01",
            "How many of the messages that come without a trace begin one of their own.",
        ],
        |draft, given| {
            draft.plain.otel.sample_millionths = value::millionths(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.otel.timeout",
        Some("10000"),
        "a time of at least 1ms, such as 10000 (milliseconds) or 10s",
        [
            "haremq.otel.timeout = 3s",
            "How long one request to the collector may take, in milliseconds.",
        ],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1).filter(|ms| *ms > 0)?;
            draft.plain.otel.timeout_ms = ms;
            Some(())
        },
    ),
    key(
        "haremq.otel.headers.*",
        None,
        "the value of a header, in printable ASCII",
        [
            "haremq.otel.headers.authorization = Bearer abc",
            "A header of each request to the collector, by its name; the value is never shown.",
        ],
        |draft, given| {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let is_name = !given.part.is_empty() && given.part.bytes().all(is_token);
            let is_value = given.value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            (is_name && is_value).then(|| {
                let value = Password(given.value.to_owned());
                draft.otel_headers.set(given.part, given.rank, value);
            })
        },
    )
    .secret(),
    key(
        "haremq.otel.cacertfile",
        None,
        FILE,
        [
            "haremq.otel.cacertfile = /etc/haremq/collector-ca.pem",
            "Authorities of the collector's certificate, in PEM; without it, those of the system.",
        ],
        |draft, given| {
            draft.plain.otel.cacertfile = Some(path(given.value)?);
            Some(())
        },
    ),
];
