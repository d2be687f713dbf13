//! What a record is found by.

use sha2::{Digest, Sha256};

use super::DestinationKind;
use crate::base::{ExchangeName, ParameterName, PolicyName, QueueName, UserName, VhostName};

/// The kinds of records, in the order in which they are written and listed. New ones go to the end: the
/// place of a kind stands in the checksum of its records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// [`super::Vhost`]
    Vhost,
    /// [`super::User`]
    User,
    /// [`super::Permission`]
    Permission,
    /// [`super::Exchange`]
    Exchange,
    /// [`super::Queue`]
    Queue,
    /// [`super::Binding`]
    Binding,
    /// [`super::Policy`]
    Policy,
    /// [`super::OperatorPolicy`]
    OperatorPolicy,
    /// [`super::Parameter`]
    Parameter,
    /// [`super::GlobalParameter`]
    GlobalParameter,
    /// [`super::VhostLimits`]
    VhostLimits,
    /// [`super::UserLimits`]
    UserLimits,
    /// [`super::TopicPermission`]
    TopicPermission,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Vhost,
        Self::User,
        Self::Permission,
        Self::Exchange,
        Self::Queue,
        Self::Binding,
        Self::Policy,
        Self::OperatorPolicy,
        Self::Parameter,
        Self::GlobalParameter,
        Self::VhostLimits,
        Self::UserLimits,
        Self::TopicPermission,
    ];

    /// The plural, which is the name of the list in the mirror and of the tree in the database.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Vhost => "vhosts",
            Self::User => "users",
            Self::Permission => "permissions",
            Self::Exchange => "exchanges",
            Self::Queue => "queues",
            Self::Binding => "bindings",
            Self::Policy => "policies",
            Self::OperatorPolicy => "operator_policies",
            Self::Parameter => "parameters",
            Self::GlobalParameter => "global_parameters",
            Self::VhostLimits => "vhost_limits",
            Self::UserLimits => "user_limits",
            Self::TopicPermission => "topic_permissions",
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The key of a record among those of its kind: each part with its length before it, so that no two
/// lists of parts give the same bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordKey(Vec<u8>);

impl RecordKey {
    /// The key of a virtual host.
    #[must_use]
    pub fn vhost(name: &VhostName) -> Self {
        Self::of(&[name.as_str()])
    }

    /// The key of a user.
    #[must_use]
    pub fn user(name: &UserName) -> Self {
        Self::of(&[name.as_str()])
    }

    /// The key of a user's permission in a virtual host.
    #[must_use]
    pub fn permission(user: &UserName, vhost: &VhostName) -> Self {
        Self::of(&[user.as_str(), vhost.as_str()])
    }

    /// The key of an exchange.
    #[must_use]
    pub fn exchange(vhost: &VhostName, name: &ExchangeName) -> Self {
        Self::of(&[vhost.as_str(), name.as_str()])
    }

    /// The key of a queue.
    #[must_use]
    pub fn queue(vhost: &VhostName, name: &QueueName) -> Self {
        Self::of(&[vhost.as_str(), name.as_str()])
    }

    /// The key of a policy, and of an operator policy.
    #[must_use]
    pub fn policy(vhost: &VhostName, name: &PolicyName) -> Self {
        Self::of(&[vhost.as_str(), name.as_str()])
    }

    /// The key of a parameter.
    #[must_use]
    pub fn parameter(vhost: &VhostName, component: &ParameterName, name: &ParameterName) -> Self {
        Self::of(&[vhost.as_str(), component.as_str(), name.as_str()])
    }

    /// The key of a global parameter.
    #[must_use]
    pub fn global_parameter(name: &ParameterName) -> Self {
        Self::of(&[name.as_str()])
    }

    /// The key of a user's topic permission on an exchange.
    #[must_use]
    pub fn topic_permission(user: &UserName, vhost: &VhostName, exchange: &ExchangeName) -> Self {
        Self::of(&[user.as_str(), vhost.as_str(), exchange.as_str()])
    }

    /// The key of a binding, whose identity is all of it: the hash of it, because arguments are longer
    /// than what a database wants for a key.
    pub(super) fn binding(
        vhost: &VhostName,
        source: &ExchangeName,
        destination: (DestinationKind, &str),
        routing_key: &[u8],
        arguments_json: &[u8],
    ) -> Self {
        let mut hasher = Sha256::new();
        let kind: &[u8] = match destination.0 {
            DestinationKind::Queue => b"queue",
            DestinationKind::Exchange => b"exchange",
        };
        let name = destination.1.as_bytes();
        let (vhost, source) = (vhost.as_str().as_bytes(), source.as_str().as_bytes());
        for part in [vhost, source, kind, name, routing_key, arguments_json] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().to_vec())
    }

    /// The key of these bytes, as they were read from the database.
    pub(in crate::store) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of no record.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for part in parts {
            // Names are short strings: at most 255 bytes, by their type.
            bytes.push(u8::try_from(part.len()).expect("a name has at most 255 bytes"));
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(bytes)
    }
}
