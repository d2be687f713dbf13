//! What a virtual host is given when it is made: limits, operator policies, users with permissions in it
//! (rabbitmq: vhosts.md, "default users", "default operator policies", "default limits").
//!
//! The seeds of a virtual host are stored with it, as one change: a restart finds both or neither. What is
//! there already is never touched: a user keeps its password and tags and gets the permissions.

use super::broker::Common;
use super::policy::{NamePattern, Policy, PolicyKind};
use super::{Vhost, VhostLimits, limits, records};
use crate::base::{UserName, VhostName};
use crate::store::{self, Change};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Seeds {
    /// Users of the virtual hosts that match.
    pub users: Vec<SeedUser>,
    /// Operator policies of the virtual hosts that match.
    pub operator_policies: Vec<SeedPolicy>,
    /// Limits: the first that match count.
    pub limits: Vec<SeedLimits>,
}

/// A user, and what it may do in a virtual host.
#[derive(Clone, Debug)]
pub struct SeedUser {
    /// Of virtual hosts.
    pub vhosts: NamePattern,
    /// What it is made from when it is not there.
    pub user: store::User,
    /// Names that it may declare and delete.
    pub configure: String,
    /// Names that it may publish to.
    pub write: String,
    /// Names that it may take from.
    pub read: String,
}

/// An operator policy.
#[derive(Clone, Debug)]
pub struct SeedPolicy {
    /// Of virtual hosts.
    pub vhosts: NamePattern,
    /// The policy.
    pub policy: Policy,
}

/// Limits of a virtual host.
#[derive(Clone, Debug)]
pub struct SeedLimits {
    /// Of virtual hosts.
    pub vhosts: NamePattern,
    /// The limits.
    pub limits: VhostLimits,
}

impl Seeds {
    /// What is stored for a new virtual host behind its own record; `is_there` says which users are.
    pub(super) fn of(
        &self,
        vhost: &VhostName,
        is_there: impl Fn(&UserName) -> bool,
    ) -> Vec<Change> {
        let name = vhost.as_str();
        let limits = self.limits.iter().find(|seed| seed.vhosts.matches(name));
        let limits = limits.filter(|seed| seed.limits != VhostLimits::default());
        let limits = limits.map(|seed| limits::vhost_limits_record(vhost, seed.limits));
        let policies = self.operator_policies.iter().filter(|seed| seed.vhosts.matches(name));
        let policies =
            policies.map(|seed| records::put_policy(vhost, PolicyKind::Operator, &seed.policy));
        let users = self.users.iter().filter(|seed| seed.vhosts.matches(name));
        let users = users.flat_map(|seed| {
            let user = (!is_there(&seed.user.name)).then(|| Change::PutUser(seed.user.clone()));
            user.into_iter().chain([Change::PutPermission(seed.permission(vhost))])
        });
        limits.map(Change::PutVhostLimits).into_iter().chain(policies).chain(users).collect()
    }
}

impl SeedUser {
    fn permission(&self, vhost: &VhostName) -> store::Permission {
        store::Permission {
            user: self.user.name.clone(),
            vhost: vhost.clone(),
            configure: self.configure.clone(),
            write: self.write.clone(),
            read: self.read.clone(),
        }
    }
}

/// Puts those seeds to work that are no accounts, in a virtual host that nobody can see yet.
pub(super) fn sow(common: &Common, vhost: &Vhost, changes: &[Change]) {
    let mut policies = Vec::new();
    for change in changes {
        match change {
            Change::PutVhostLimits(record) => common.limits.take(record),
            Change::PutOperatorPolicy(record) => {
                // It was a policy before it became a record.
                let policy = records::to_policy(PolicyKind::Operator, &record.0);
                policies.extend(policy.ok().map(|policy| (PolicyKind::Operator, policy)));
            }
            _ => {}
        }
    }
    if !policies.is_empty() {
        vhost.recover_policies(policies);
    }
    if !changes.is_empty() {
        let name = vhost.name().as_str();
        tracing::info!(vhost = name, seeds = changes.len(), "the new virtual host has its seeds");
    }
}
