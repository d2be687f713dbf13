//! What is agreed with clients, and what is done with every message of theirs.

use crate::base::limits;

use super::super::value;
use super::key::{Key, key};

const OVERWRITE: &str = "true to overwrite a value that is there, or false to keep it";

pub(super) const KEYS: &[Key] = &[
    key(
        "heartbeat",
        Some("60"),
        "seconds from 0 to 65535, such as 60 or 30s (0 turns heartbeats off)",
        ["heartbeat = 30s", "The heartbeat that is proposed to clients, in seconds."],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1000).filter(|ms| ms % 1000 == 0)?;
            draft.plain.heartbeat_s = u16::try_from(ms / 1000).ok()?;
            Some(())
        },
    ),
    key(
        "frame_max",
        Some("131072"),
        "bytes from 4096 to 512MiB (0 takes the largest)",
        ["frame_max = 256KiB", "The largest frame that is proposed to clients, in bytes."],
        |draft, given| {
            let bytes = value::bytes(given.value)?;
            // RabbitMQ takes 0 for "no limit"; nothing here is without one.
            let bytes = if bytes == 0 { limits::MESSAGE_BYTES_MAX_HARD } else { bytes };
            let allowed = u64::from(limits::FRAME_MAX_MIN)..=limits::MESSAGE_BYTES_MAX_HARD;
            let bytes = allowed.contains(&bytes).then_some(bytes)?;
            draft.plain.frame_max = u32::try_from(bytes).ok()?;
            Some(())
        },
    ),
    key(
        "channel_max",
        Some("2047"),
        "a number from 0 to 65535 (0 takes the largest)",
        ["channel_max = 128", "Channels of one connection, as it is proposed to clients."],
        |draft, given| {
            let channels = value::number(given.value)?;
            draft.plain.channel_max = if channels == 0 { u16::MAX } else { channels };
            Some(())
        },
    ),
    key(
        "handshake_timeout",
        Some("10000"),
        "a time of at least 1ms, such as 10000 (milliseconds) or 10s (infinity takes a day)",
        ["handshake_timeout = 5s", "Time from connect to connection.open, in milliseconds."],
        |draft, given| {
            draft.plain.handshake_timeout_ms = match given.value {
                // Nothing here is without a bound.
                "infinity" => DAY_MS,
                text => value::duration_ms(text, 1).filter(|ms| *ms > 0)?,
            };
            Some(())
        },
    ),
    key(
        "max_message_size",
        Some("128MiB"),
        "bytes from 1 to 512MiB, such as 16777216 or 16MiB",
        ["max_message_size = 16MiB", "The largest message body; a larger one is refused (406)."],
        |draft, given| {
            let allowed = 1..=limits::MESSAGE_BYTES_MAX_HARD;
            let bytes = value::bytes(given.value).filter(|bytes| allowed.contains(bytes))?;
            draft.plain.message_bytes_max = bytes;
            Some(())
        },
    ),
    key(
        "consumer_timeout",
        Some("infinity"),
        "a time of at least 1ms, such as 1800000 (milliseconds) or 30m, or infinity",
        [
            "consumer_timeout = 30m",
            "How long a delivery may stay unsettled before its channel is closed (406).",
        ],
        |draft, given| {
            draft.plain.consumer_timeout_ms = match given.value {
                "infinity" => None,
                text => Some(value::duration_ms(text, 1).filter(|ms| *ms > 0)?),
            };
            Some(())
        },
    ),
    key(
        "default_queue_type",
        None,
        "classic or quorum",
        [
            "default_queue_type = quorum",
            "The type of queues that are declared without one, where the virtual host says none.",
        ],
        |draft, given| {
            let known = ["classic", "quorum"].contains(&given.value);
            known.then(|| draft.plain.default_queue_type = Some(given.value.to_owned()))
        },
    ),
    key(
        "message_interceptors.incoming.set_header_timestamp.overwrite",
        None,
        OVERWRITE,
        [
            "message_interceptors.incoming.set_header_timestamp.overwrite = true",
            "Writes into every message when it came in: timestamp and the header timestamp_in_ms.",
        ],
        |draft, given| {
            draft.plain.intercept_timestamp = Some(value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "message_interceptors.incoming.set_header_routing_node.overwrite",
        None,
        OVERWRITE,
        [
            "message_interceptors.incoming.set_header_routing_node.overwrite = false",
            "Writes into every message which node it came to: the header x-routed-by.",
        ],
        |draft, given| {
            draft.plain.intercept_routing_node = Some(value::switch(given.value)?);
            Some(())
        },
    ),
];

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
