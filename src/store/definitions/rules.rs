//! Records that say how other things are to behave: policies, parameters, limits, topic permissions.

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{Kind, RecordKey, table, text};
use crate::base::{
    ExchangeName, FieldTable, FieldValue, ParameterName, PolicyName, UserName, VhostName,
};

/// A policy: settings for all queues or exchanges whose names match.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// Where it is.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// Its name.
    #[serde(with = "text::name")]
    pub name: PolicyName,
    /// A regular expression on names.
    pub pattern: String,
    /// `all`, `queues`, `classic_queues`, `quorum_queues`, `streams` or `exchanges`.
    #[serde(rename = "apply-to")]
    pub apply_to: String,
    /// Of several that match the highest counts.
    pub priority: i64,
    /// The settings.
    #[serde(with = "table")]
    pub definition: FieldTable,
}

/// A policy of the operator's, which stands beside the users' policies and bounds them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorPolicy(pub Policy);

/// What a component (`shovel`, `federation-upstream`, …) is told in a virtual host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// Where it is.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// Who reads it.
    #[serde(with = "text::name")]
    pub component: ParameterName,
    /// Its name.
    #[serde(with = "text::name")]
    pub name: ParameterName,
    /// Anything that JSON can say.
    #[serde(with = "table::value")]
    pub value: FieldValue,
}

/// A parameter of the whole broker, such as `cluster_name`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GlobalParameter {
    /// Its name.
    #[serde(with = "text::name")]
    pub name: ParameterName,
    /// Anything that JSON can say.
    #[serde(with = "table::value")]
    pub value: FieldValue,
}

/// Limits of a virtual host. One that is not there, or is negative, limits nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VhostLimits {
    /// Where.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// Connections at the same time.
    #[serde(rename = "max-connections", default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Queues.
    #[serde(rename = "max-queues", default, skip_serializing_if = "Option::is_none")]
    pub max_queues: Option<i64>,
}

/// Limits of a user. One that is not there, or is negative, limits nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UserLimits {
    /// Whose.
    #[serde(with = "text::name")]
    pub user: UserName,
    /// Connections at the same time.
    #[serde(rename = "max-connections", default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Channels of all of them.
    #[serde(rename = "max-channels", default, skip_serializing_if = "Option::is_none")]
    pub max_channels: Option<i64>,
}

/// Which routing keys a user may use on a topic exchange: two regular expressions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TopicPermission {
    /// Who.
    #[serde(with = "text::name")]
    pub user: UserName,
    /// Where.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// On which exchange.
    #[serde(with = "text::name")]
    pub exchange: ExchangeName,
    /// Routing keys that may be published with.
    pub write: String,
    /// Binding keys that may be bound with.
    pub read: String,
}

impl Record for Policy {
    const KIND: Kind = Kind::Policy;

    fn key(&self) -> RecordKey {
        RecordKey::policy(&self.vhost, &self.name)
    }

    fn title(&self) -> String {
        format!("policy '{}' in vhost '{}'", self.name, self.vhost)
    }
}

impl Record for OperatorPolicy {
    const KIND: Kind = Kind::OperatorPolicy;

    fn key(&self) -> RecordKey {
        self.0.key()
    }

    fn title(&self) -> String {
        format!("operator {}", self.0.title())
    }
}

impl Record for Parameter {
    const KIND: Kind = Kind::Parameter;

    fn key(&self) -> RecordKey {
        RecordKey::parameter(&self.vhost, &self.component, &self.name)
    }

    fn title(&self) -> String {
        let Self { component, name, vhost, .. } = self;
        format!("parameter '{name}' of component '{component}' in vhost '{vhost}'")
    }
}

impl Record for GlobalParameter {
    const KIND: Kind = Kind::GlobalParameter;

    fn key(&self) -> RecordKey {
        RecordKey::global_parameter(&self.name)
    }

    fn title(&self) -> String {
        format!("global parameter '{}'", self.name)
    }
}

impl Record for VhostLimits {
    const KIND: Kind = Kind::VhostLimits;

    fn key(&self) -> RecordKey {
        RecordKey::vhost(&self.vhost)
    }

    fn title(&self) -> String {
        format!("limits of vhost '{}'", self.vhost)
    }
}

impl Record for UserLimits {
    const KIND: Kind = Kind::UserLimits;

    fn key(&self) -> RecordKey {
        RecordKey::user(&self.user)
    }

    fn title(&self) -> String {
        format!("limits of user '{}'", self.user)
    }
}

impl Record for TopicPermission {
    const KIND: Kind = Kind::TopicPermission;

    fn key(&self) -> RecordKey {
        RecordKey::topic_permission(&self.user, &self.vhost, &self.exchange)
    }

    fn title(&self) -> String {
        let Self { user, vhost, exchange, .. } = self;
        format!("topic permission of user '{user}' on exchange '{exchange}' in vhost '{vhost}'")
    }
}
