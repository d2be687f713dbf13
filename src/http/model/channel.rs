//! Channels.

use serde::Serialize;

use super::{ConsumerModel, Stats, peer_host};
use crate::broker::{ChannelReport, ConnectionInfo};

/// A channel.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ChannelModel {
    pub name: String,
    pub number: u16,
    pub node: String,
    pub vhost: String,
    pub user: String,
    pub user_who_performed_action: String,
    pub state: &'static str,
    pub connection_details: ConnectionDetails,
    pub consumer_count: usize,
    pub confirm: bool,
    pub transactional: bool,
    /// For each consumer; 0: no limit.
    pub prefetch_count: u16,
    /// For all of them together; 0: no limit.
    pub global_prefetch_count: u32,
    pub messages_unacknowledged: usize,
    pub messages_unconfirmed: usize,
    pub messages_uncommitted: usize,
    pub acks_uncommitted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_details: Option<Vec<ConsumerModel>>,
    /// Since when nothing went through it; `None` while something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<String>,
    pub message_stats: Stats,
}

/// A connection as its channels tell it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ConnectionDetails {
    pub name: String,
    pub peer_host: String,
    pub peer_port: u16,
}

impl ConnectionDetails {
    /// Of a connection.
    #[must_use]
    pub fn new(info: &ConnectionInfo) -> Self {
        Self { name: info.name(), peer_host: peer_host(info.peer), peer_port: info.peer.port() }
    }
}

impl ChannelModel {
    /// Of a channel of this connection.
    #[must_use]
    pub fn new(
        node: &str,
        info: &ConnectionInfo,
        report: &ChannelReport,
        (message_stats, idle_since): (Stats, Option<String>),
    ) -> Self {
        let number = report.channel.0;
        Self {
            name: format!("{} ({number})", info.name()),
            number,
            node: node.to_owned(),
            vhost: info.vhost.to_string(),
            user: info.user.to_string(),
            user_who_performed_action: info.user.to_string(),
            state: "running",
            connection_details: ConnectionDetails::new(info),
            consumer_count: report.consumers,
            confirm: report.confirm,
            transactional: report.transactional,
            prefetch_count: report.prefetch,
            global_prefetch_count: report.global_prefetch,
            messages_unacknowledged: report.unacknowledged,
            messages_unconfirmed: report.unconfirmed,
            messages_uncommitted: report.uncommitted,
            acks_uncommitted: report.acks_uncommitted,
            consumer_details: None,
            idle_since,
            message_stats,
        }
    }
}
