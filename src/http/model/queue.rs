//! Queues, as much of them as is asked for.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{ConnectionDetails, ConsumerModel, Details, Stats, table_to_json};
use crate::base::VhostName;
use crate::broker::QueueInfo;
use crate::broker::policy::QueueType;

/// What a queue was declared to be.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct BasicQueue {
    pub name: String,
    pub vhost: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub node: String,
    pub durable: bool,
    pub auto_delete: bool,
    pub exclusive: bool,
    pub arguments: Map<String, Value>,
    pub state: &'static str,
}

/// How many messages it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct QueueTotals {
    pub messages: u64,
    pub messages_ready: u64,
    pub messages_unacknowledged: u64,
}

/// Everything else that is known of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct QueueStats {
    pub messages_details: Details,
    pub messages_ready_details: Details,
    pub messages_unacknowledged_details: Details,
    /// Bytes, with what a message costs beside its content.
    pub message_bytes: u64,
    pub message_bytes_ready: u64,
    pub message_bytes_unacknowledged: u64,
    pub message_bytes_ram: u64,
    /// Bytes in RAM.
    pub memory: u64,
    pub consumers: usize,
    /// Messages that were there and were lost with what they lay on; not one of RabbitMQ's.
    pub messages_lost: u64,
    /// Since the message that is handed out next came; not one of RabbitMQ's, and the next neither.
    pub oldest_ready_age_ms: Option<u64>,
    /// Since the unsettled message that was handed out first was.
    pub oldest_unacknowledged_age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_policy: Option<String>,
    pub effective_policy_definition: Map<String, Value>,
    pub exclusive_consumer_tag: Option<String>,
    pub single_active_consumer_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_pid_details: Option<ConnectionDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_limit: Option<u32>,
    #[serde(flatten)]
    pub quorum: Option<QuorumFields>,
    pub message_stats: Stats,
}

/// What only quorum queues have; there is one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct QuorumFields {
    pub leader: String,
    pub members: Vec<String>,
    pub online: Vec<String>,
}

/// A queue.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "see the parts")]
pub struct FullQueue {
    #[serde(flatten)]
    pub basic: BasicQueue,
    #[serde(flatten)]
    pub totals: Option<QueueTotals>,
    #[serde(flatten)]
    pub stats: Option<QueueStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_details: Option<Vec<ConsumerModel>>,
}

impl BasicQueue {
    /// Of a queue of this type.
    #[must_use]
    pub fn new(
        node: &str,
        vhost: &VhostName,
        info: &QueueInfo,
        kind: QueueType,
        crashed: bool,
    ) -> Self {
        Self {
            name: info.name.to_string(),
            vhost: vhost.to_string(),
            kind: kind.as_str(),
            node: node.to_owned(),
            durable: info.durable,
            auto_delete: info.auto_delete,
            exclusive: info.exclusive.is_some(),
            arguments: table_to_json(&info.arguments),
            state: if crashed { "crashed" } else { "running" },
        }
    }
}

impl QuorumFields {
    /// The one node is everything.
    #[must_use]
    pub fn new(node: &str) -> Self {
        let nodes = vec![node.to_owned()];
        Self { leader: node.to_owned(), members: nodes.clone(), online: nodes }
    }
}
