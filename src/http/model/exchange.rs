//! Exchanges.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Stats, table_to_json};
use crate::base::{PolicyName, VhostName};
use crate::broker::Exchange;

/// An exchange.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ExchangeModel {
    pub name: String,
    pub vhost: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub durable: bool,
    pub auto_delete: bool,
    pub internal: bool,
    pub arguments: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Who made it, where that is known: the broker itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_who_performed_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_stats: Option<Stats>,
}

impl ExchangeModel {
    /// Of an exchange for which this policy is in force.
    #[must_use]
    pub fn new(vhost: &VhostName, exchange: &Exchange, policy: Option<&PolicyName>) -> Self {
        let name = exchange.name.as_str();
        let predeclared = name.is_empty() || name.starts_with("amq.");
        Self {
            name: name.to_owned(),
            vhost: vhost.to_string(),
            kind: exchange.kind.as_str(),
            durable: exchange.durable,
            auto_delete: exchange.auto_delete,
            internal: exchange.internal,
            arguments: table_to_json(&exchange.arguments),
            policy: policy.map(ToString::to_string),
            user_who_performed_action: predeclared.then_some("rmq-internal"),
            message_stats: None,
        }
    }
}
