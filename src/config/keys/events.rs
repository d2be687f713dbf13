//! The exchange by which the broker tells what happens in it.

use super::super::value;
use super::expects::NAME;
use super::key::{Key, key};
use crate::base::VhostName;

pub(super) const KEYS: &[Key] = &[
    key(
        "event_exchange.vhost",
        None,
        NAME,
        [
            "event_exchange.vhost = operations",
            "The virtual host of the exchange amq.rabbitmq.event; without it the first one.",
        ],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.plain.event_vhost = Some(VhostName::parse(name.as_bytes()).ok()?);
            Some(())
        },
    ),
    key(
        "event_exchange.protocol",
        Some("amqp_0_9_1"),
        "amqp_0_9_1 or amqp_1_0",
        ["event_exchange.protocol = amqp_1_0", "The form of the events."],
        |_, given| matches!(given.value, "amqp_0_9_1" | "amqp_1_0").then_some(()),
    )
    .without_effect("events are messages of AMQP 0-9-1, with everything in their headers"),
];
