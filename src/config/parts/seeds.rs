//! What a new virtual host is given: users, operator policies, limits (rabbitmq: vhosts.md).

use std::collections::BTreeMap;

use super::super::settings::Password;

/// What virtual hosts are given when they are made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeedSettings {
    /// By name. `default_users.*`.
    pub users: BTreeMap<String, SeedUser>,
    /// By name. `default_policies.operator.*`.
    pub operator_policies: BTreeMap<String, SeedOperatorPolicy>,
    /// By name; the first whose pattern matches counts. `default_limits.vhosts.*`.
    pub vhost_limits: BTreeMap<String, SeedVhostLimits>,
}

/// A user that is there in every virtual host that matches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeedUser {
    /// A regular expression; `None`: every virtual host. `default_users.*.vhost_pattern`.
    pub vhost_pattern: Option<String>,
    /// `default_users.*.password`; without one the user cannot log in with a password.
    pub password: Option<Password>,
    /// `default_users.*.tags`.
    pub tags: Vec<String>,
    /// `default_users.*.configure`; `None` is `.*`, as for the two others.
    pub configure: Option<String>,
    /// `default_users.*.write`.
    pub write: Option<String>,
    /// `default_users.*.read`.
    pub read: Option<String>,
}

/// An operator policy of every virtual host that matches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeedOperatorPolicy {
    /// A regular expression; `None`: every virtual host.
    pub vhost_pattern: Option<String>,
    /// A regular expression; `None`: every queue.
    pub queue_pattern: Option<String>,
    /// Kinds of queues, as a policy says it; `None`: all.
    pub apply_to: Option<&'static str>,
    /// What it sets, by the key that a policy has (`max-length`).
    pub definition: BTreeMap<&'static str, u64>,
}

/// Limits of every virtual host that matches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeedVhostLimits {
    /// A regular expression; `None`: every virtual host.
    pub pattern: Option<String>,
    /// Open connections.
    pub max_connections: Option<u64>,
    /// Queues.
    pub max_queues: Option<u64>,
}
