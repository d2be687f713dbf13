//! The page with metrics for Prometheus.

use super::super::value;
use super::expects::SWITCH;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "prometheus.tcp.port",
        Some("15692"),
        "a port from 0 to 65535 (0 takes any free one), or none for no listener",
        ["prometheus.tcp.port = 9100", "Where the metrics are served."],
        |draft, given| {
            draft.prometheus_port = given.rank;
            value::set_port(&mut draft.prometheus.port, given.value)
        },
    ),
    key(
        "prometheus.tcp.listener",
        None,
        "none",
        ["prometheus.tcp.listener = none", "The metrics are not served without TLS."],
        |draft, given| (given.value == "none").then(|| draft.prometheus_none = Some(given.rank)),
    ),
    key(
        "prometheus.tcp.ip",
        None,
        "an IP address",
        ["prometheus.tcp.ip = 127.0.0.1", "The one address that they are served on."],
        |draft, given| {
            draft.prometheus.ip = Some(given.value.parse().ok()?);
            Some(())
        },
    ),
    key(
        "prometheus.path",
        Some("/metrics"),
        "a path that begins with a /",
        ["prometheus.path = /rabbit/metrics", "Their path."],
        |draft, given| {
            let sound = given.value.starts_with('/') && !given.value.contains(char::is_whitespace);
            sound.then(|| given.value.clone_into(&mut draft.plain.prometheus.path))
        },
    ),
    key(
        "prometheus.return_per_object_metrics",
        Some("false"),
        SWITCH,
        [
            "prometheus.return_per_object_metrics = true",
            "A line for every queue, connection and channel instead of sums.",
        ],
        |draft, given| {
            draft.plain.prometheus.per_object = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.prometheus.objects_max",
        Some("10000"),
        "a number from 1 to 1000000",
        [
            "haremq.prometheus.objects_max = 500",
            "Queues, exchanges, connections and channels with metrics of their own; the busiest of each.",
        ],
        |draft, given| {
            let max = value::number(given.value).filter(|max| (1..=1_000_000).contains(max))?;
            draft.plain.prometheus.objects_max = max;
            Some(())
        },
    ),
];
