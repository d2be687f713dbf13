//! Consumers.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{peer_host, table_to_json};
use crate::base::VhostName;
use crate::broker::{ConnectionInfo, ConsumerReport, QueueInfo};

/// A consumer.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ConsumerModel {
    pub consumer_tag: String,
    pub queue: QueueName,
    pub channel_details: ChannelDetails,
    pub ack_required: bool,
    pub active: bool,
    pub activity_status: &'static str,
    pub exclusive: bool,
    /// 0: no limit.
    pub prefetch_count: u32,
    pub arguments: Map<String, Value>,
}

/// A queue and where it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct QueueName {
    pub name: String,
    pub vhost: String,
}

/// A channel as its consumers tell it. Empty when its connection is gone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ChannelDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl ChannelDetails {
    /// Of a channel of this connection.
    #[must_use]
    pub fn new(node: &str, connection: &ConnectionInfo, number: u16) -> Self {
        let connection_name = connection.name();
        Self {
            name: Some(format!("{connection_name} ({number})")),
            connection_name: Some(connection_name),
            number: Some(number),
            node: Some(node.to_owned()),
            peer_host: Some(peer_host(connection.peer)),
            peer_port: Some(connection.peer.port()),
            user: Some(connection.user.to_string()),
        }
    }
}

impl ConsumerModel {
    /// Of a consumer of this queue; `connection` is its own, when that is still there.
    #[must_use]
    pub fn new(
        node: &str,
        vhost: &VhostName,
        queue: &QueueInfo,
        consumer: &ConsumerReport,
        connection: Option<&ConnectionInfo>,
    ) -> Self {
        let channel = consumer.channel.0;
        let details = connection.map(|one| ChannelDetails::new(node, one, channel));
        Self {
            consumer_tag: consumer.tag.to_string(),
            queue: QueueName { name: queue.name.to_string(), vhost: vhost.to_string() },
            channel_details: details.unwrap_or_default(),
            ack_required: consumer.ack_required,
            active: consumer.active,
            activity_status: if consumer.active { "up" } else { "waiting" },
            exclusive: consumer.exclusive,
            prefetch_count: consumer.prefetch,
            arguments: table_to_json(&consumer.arguments),
        }
    }
}
