//! What one listener wants of its connections.

use bytes::Bytes;

use crate::base::limits::{
    CHANNEL_MAX_DEFAULT, FRAME_MAX_DEFAULT, HANDSHAKE_TIMEOUT_MS, HEARTBEAT_S_DEFAULT,
    MESSAGE_BYTES_MAX_DEFAULT, TX_BYTES_MAX, TX_ENTRIES_MAX,
};
use crate::base::{FieldTable, FieldValue, ShortStr};

use super::action::Secret;
use super::sasl::Mechanism;

/// What the server proposes and allows.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The largest frame, in bytes with its frame; 0 for no limit.
    pub frame_max: u32,
    /// How many channels a connection may have open; 0 for no limit.
    pub channel_max: u16,
    /// The proposed heartbeat, in seconds; 0 for none. The client's answer counts.
    pub heartbeat_s: u16,
    /// The largest message.
    pub message_bytes_max: u64,
    /// From connect to `connection.open`.
    pub handshake_timeout_ms: u64,
    /// Bytes of publishes that one transaction may hold.
    pub tx_bytes_max: u64,
    /// Publishes and settlements that one transaction may hold.
    pub tx_entries_max: usize,
    /// SASL mechanisms that are offered, in this order.
    pub mechanisms: Vec<Mechanism>,
    /// User name and password of clients that log in by `ANONYMOUS`; `None` takes nobody in that way.
    pub anonymous: Option<(Bytes, Secret)>,
    /// What `connection.start` says of the server; see [`server_properties`].
    pub server_properties: FieldTable,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_max: FRAME_MAX_DEFAULT,
            channel_max: CHANNEL_MAX_DEFAULT,
            heartbeat_s: HEARTBEAT_S_DEFAULT,
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
            handshake_timeout_ms: HANDSHAKE_TIMEOUT_MS,
            tx_bytes_max: TX_BYTES_MAX,
            tx_entries_max: TX_ENTRIES_MAX,
            mechanisms: vec![Mechanism::Plain, Mechanism::Amqplain],
            anonymous: None,
            server_properties: FieldTable::EMPTY,
        }
    }
}

impl Settings {
    /// The same for a cluster of this name.
    #[must_use]
    pub fn named(&self, cluster_name: &str) -> Self {
        let named = |(key, value): (&ShortStr, &FieldValue)| {
            let is_name = key.as_bytes() == b"cluster_name";
            let value = if is_name { FieldValue::text(cluster_name) } else { value.clone() };
            (key.clone(), value)
        };
        Self {
            server_properties: self.server_properties.iter().map(named).collect(),
            ..self.clone()
        }
    }

    /// The mechanisms that can be chosen.
    pub(super) fn offered(&self) -> impl Iterator<Item = Mechanism> {
        let anonymous = self.anonymous.is_some();
        let mechanisms = self.mechanisms.iter().copied();
        mechanisms.filter(move |mechanism| anonymous || *mechanism != Mechanism::Anonymous)
    }
}

/// The server properties of `connection.start`: keys, order and capabilities are RabbitMQ's, because
/// client libraries look for them.
#[must_use]
pub fn server_properties(product: &str, version: &str, cluster_name: &str) -> FieldTable {
    let capabilities =
        CAPABILITIES.iter().map(|name| (short(name), FieldValue::Boolean(true))).collect();
    FieldTable::new(vec![
        (short("capabilities"), FieldValue::Table(capabilities)),
        (short("cluster_name"), FieldValue::text(cluster_name)),
        (short("copyright"), FieldValue::text("The HareMQ authors")),
        (short("information"), FieldValue::text("Licensed under the Apache License 2.0")),
        (short("platform"), FieldValue::text("Rust")),
        (short("product"), FieldValue::text(product)),
        (short("version"), FieldValue::text(version)),
    ])
}

/// What a client may rely on: RabbitMQ's list.
const CAPABILITIES: [&str; 9] = [
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
];

fn short(key: &'static str) -> ShortStr {
    ShortStr::new(Bytes::from_static(key.as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_properties_name_the_product_and_every_capability() {
        let properties = server_properties("RabbitMQ", "3.13.7", "hare@box");
        let text = |key: &str| properties.get(key.as_bytes()).and_then(FieldValue::as_text);
        assert_eq!(text("product"), Some("RabbitMQ"));
        assert_eq!(text("version"), Some("3.13.7"));
        assert_eq!(text("cluster_name"), Some("hare@box"));
        let Some(FieldValue::Table(capabilities)) = properties.get(b"capabilities") else {
            panic!("no capabilities");
        };
        for name in CAPABILITIES {
            assert_eq!(capabilities.get(name.as_bytes()), Some(&FieldValue::Boolean(true)));
        }
    }
}
