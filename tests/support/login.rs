//! How a client introduces itself, and what it asks for.

use super::call::Call;
use super::ids::id;
use super::table::Table;

/// Everything a client says before it may open a channel.
#[derive(Clone)]
pub(crate) struct Login {
    mechanism: &'static str,
    response: Vec<u8>,
    capabilities: Table,
    channel_max: Option<u16>,
    frame_max: Option<u32>,
    heartbeat_s: u16,
    vhost: String,
}

impl Login {
    /// The user `guest`, every capability, what the server proposes, no heartbeat, vhost `/`.
    pub(crate) fn guest() -> Self {
        let capabilities = Table::new()
            .bool("authentication_failure_close", true)
            .bool("basic.nack", true)
            .bool("connection.blocked", true)
            .bool("consumer_cancel_notify", true)
            .bool("exchange_exchange_bindings", true)
            .bool("publisher_confirms", true);
        Self {
            mechanism: "PLAIN",
            response: b"\0guest\0guest".to_vec(),
            capabilities,
            channel_max: None,
            frame_max: None,
            heartbeat_s: 0,
            vhost: "/".to_owned(),
        }
    }

    /// Another user, by PLAIN.
    pub(crate) fn user(self, name: &str, password: &str) -> Self {
        self.mechanism("PLAIN", format!("\0{name}\0{password}"))
    }

    /// Another mechanism or another response.
    pub(crate) fn mechanism(self, mechanism: &'static str, response: impl Into<Vec<u8>>) -> Self {
        Self { mechanism, response: response.into(), ..self }
    }

    /// A client that can do nothing beyond the specification.
    pub(crate) fn without_capabilities(self) -> Self {
        Self { capabilities: Table::new(), ..self }
    }

    pub(crate) fn channel_max(self, channel_max: u16) -> Self {
        Self { channel_max: Some(channel_max), ..self }
    }

    pub(crate) fn frame_max(self, frame_max: u32) -> Self {
        Self { frame_max: Some(frame_max), ..self }
    }

    pub(crate) fn heartbeat_s(self, heartbeat_s: u16) -> Self {
        Self { heartbeat_s, ..self }
    }

    pub(crate) fn vhost(self, vhost: impl Into<String>) -> Self {
        Self { vhost: vhost.into(), ..self }
    }

    /// `connection.start-ok`.
    pub(crate) fn start_ok(&self) -> Call {
        let properties =
            Table::new().text("product", "raw client").table("capabilities", &self.capabilities);
        Call::of(id::CONNECTION_START_OK)
            .long_string(properties.contents())
            .short_string(self.mechanism)
            .long_string(&self.response)
            .short_string("en_US")
    }

    /// `connection.tune-ok`: what is wanted, else what the server proposes.
    pub(crate) fn tune_ok(&self, proposed: Tune) -> Call {
        Call::of(id::CONNECTION_TUNE_OK)
            .short(self.channel_max.unwrap_or(proposed.channel_max))
            .long(self.frame_max.unwrap_or(proposed.frame_max))
            .short(self.heartbeat_s)
    }

    /// `connection.open`.
    pub(crate) fn open(&self) -> Call {
        Call::of(id::CONNECTION_OPEN).short_string(&self.vhost).short_string("").octet(0)
    }
}

/// `connection.tune`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tune {
    pub(crate) channel_max: u16,
    pub(crate) frame_max: u32,
    pub(crate) heartbeat_s: u16,
}
