//! Limits of the whole node.

use super::super::value;
use super::key::{Key, key};

const MOST: &str = "a number from 0 on, or infinity";

pub(super) const KEYS: &[Key] = &[
    key(
        "connection_max",
        Some("infinity"),
        MOST,
        ["connection_max = 5000", "Open connections of this node; one more is refused (530)."],
        |draft, given| value::set_most(&mut draft.plain.limits.connections_max, given.value),
    )
    .live(),
    key(
        "max_connections",
        None,
        MOST,
        ["max_connections = 5000", "The same by another name; of both the one given last counts."],
        |draft, given| value::set_most(&mut draft.plain.limits.connections_max, given.value),
    )
    .live(),
    key(
        "channel_max_per_node",
        Some("infinity"),
        MOST,
        ["channel_max_per_node = 20000", "Open channels of this node; one more is refused (530)."],
        |draft, given| value::set_most(&mut draft.plain.limits.channels_max, given.value),
    )
    .live(),
    key(
        "cluster_queue_limit",
        Some("infinity"),
        MOST,
        ["cluster_queue_limit = 10000", "Queues of all virtual hosts; one more is refused (406)."],
        |draft, given| value::set_most(&mut draft.plain.limits.queues_max, given.value),
    )
    .live(),
    key(
        "cluster_exchange_limit",
        Some("infinity"),
        MOST,
        [
            "cluster_exchange_limit = 200",
            "Exchanges of all virtual hosts, predeclared ones too; one more is refused (406).",
        ],
        |draft, given| value::set_most(&mut draft.plain.limits.exchanges_max, given.value),
    )
    .live(),
    key(
        "vhost_max",
        Some("infinity"),
        MOST,
        ["vhost_max = 100", "Virtual hosts; one more is refused."],
        |draft, given| value::set_most(&mut draft.plain.limits.vhosts_max, given.value),
    )
    .live(),
];
