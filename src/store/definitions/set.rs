//! All definitions together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{
    Binding, Change, Exchange, FormatVersion, GlobalParameter, Kind, OperatorPolicy, Parameter,
    Permission, Policy, Queue, RecordKey, TopicPermission, User, UserLimits, Vhost, VhostLimits,
};
use crate::base::{ExchangeName, QueueName, UserName, VhostName};

/// Everything that a broker is told to be: what a restart gives back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Definitions {
    /// The format in which they are written.
    pub format_version: FormatVersion,
    /// Greater than the number of every queue that was ever stored. It never falls, also when queues
    /// are deleted.
    pub next_queue_number: u64,
    /// Virtual hosts.
    #[serde(with = "list")]
    pub vhosts: BTreeMap<RecordKey, Vhost>,
    /// Users.
    #[serde(with = "list")]
    pub users: BTreeMap<RecordKey, User>,
    /// Permissions.
    #[serde(with = "list")]
    pub permissions: BTreeMap<RecordKey, Permission>,
    /// Durable exchanges.
    #[serde(with = "list")]
    pub exchanges: BTreeMap<RecordKey, Exchange>,
    /// Durable queues.
    #[serde(with = "list")]
    pub queues: BTreeMap<RecordKey, Queue>,
    /// Bindings between durable ends.
    #[serde(with = "list")]
    pub bindings: BTreeMap<RecordKey, Binding>,
    /// Policies. Format 1.0 had none of this and of what follows: a list that is not there is empty.
    #[serde(with = "list", default)]
    pub policies: BTreeMap<RecordKey, Policy>,
    /// Operator policies.
    #[serde(with = "list", default)]
    pub operator_policies: BTreeMap<RecordKey, OperatorPolicy>,
    /// Parameters of components, by virtual host.
    #[serde(with = "list", default)]
    pub parameters: BTreeMap<RecordKey, Parameter>,
    /// Global parameters.
    #[serde(with = "list", default)]
    pub global_parameters: BTreeMap<RecordKey, GlobalParameter>,
    /// Limits of virtual hosts.
    #[serde(with = "list", default)]
    pub vhost_limits: BTreeMap<RecordKey, VhostLimits>,
    /// Limits of users.
    #[serde(with = "list", default)]
    pub user_limits: BTreeMap<RecordKey, UserLimits>,
    /// Topic permissions.
    #[serde(with = "list", default)]
    pub topic_permissions: BTreeMap<RecordKey, TopicPermission>,
}

impl Default for Definitions {
    fn default() -> Self {
        Self {
            format_version: FormatVersion::CURRENT,
            next_queue_number: 1,
            vhosts: BTreeMap::new(),
            users: BTreeMap::new(),
            permissions: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            bindings: BTreeMap::new(),
            policies: BTreeMap::new(),
            operator_policies: BTreeMap::new(),
            parameters: BTreeMap::new(),
            global_parameters: BTreeMap::new(),
            vhost_limits: BTreeMap::new(),
            user_limits: BTreeMap::new(),
            topic_permissions: BTreeMap::new(),
        }
    }
}

impl Definitions {
    /// Carries a change out.
    pub fn apply(&mut self, change: Change) {
        if let Change::DeleteBindingsOf(of) = &change {
            self.bindings.retain(|_, record| !of.has(record));
            return;
        }
        if let Some((kind, key)) = change.deleted() {
            self.remove(kind, &key);
            return;
        }
        match change {
            Change::PutVhost(record) => insert(&mut self.vhosts, record),
            Change::PutUser(record) => insert(&mut self.users, record),
            Change::PutPermission(record) => insert(&mut self.permissions, record),
            Change::PutExchange(record) => {
                if let Some(number) = record.highest_number() {
                    self.next_queue_number = next_queue_number(self.next_queue_number, number);
                }
                insert(&mut self.exchanges, record);
            }
            Change::PutQueue(record) => {
                self.next_queue_number = next_queue_number(self.next_queue_number, record.number);
                insert(&mut self.queues, record);
            }
            Change::PutBinding(record) => insert(&mut self.bindings, record),
            Change::PutPolicy(record) => insert(&mut self.policies, record),
            Change::PutOperatorPolicy(record) => insert(&mut self.operator_policies, record),
            Change::PutParameter(record) => insert(&mut self.parameters, record),
            Change::PutGlobalParameter(record) => insert(&mut self.global_parameters, record),
            Change::PutVhostLimits(record) => insert(&mut self.vhost_limits, record),
            Change::PutUserLimits(record) => insert(&mut self.user_limits, record),
            Change::PutTopicPermission(record) => insert(&mut self.topic_permissions, record),
            Change::DeleteVhost { .. }
            | Change::DeleteUser { .. }
            | Change::DeletePermission { .. }
            | Change::DeleteExchange { .. }
            | Change::DeleteQueue { .. }
            | Change::DeleteBinding(_)
            | Change::DeleteBindingsOf(_)
            | Change::DeletePolicy { .. }
            | Change::DeleteOperatorPolicy { .. }
            | Change::DeleteParameter { .. }
            | Change::DeleteGlobalParameter { .. }
            | Change::DeleteVhostLimits { .. }
            | Change::DeleteUserLimits { .. }
            | Change::DeleteTopicPermission { .. } => {}
        }
    }

    fn remove(&mut self, kind: Kind, key: &RecordKey) {
        match kind {
            Kind::Vhost => drop(self.vhosts.remove(key)),
            Kind::User => drop(self.users.remove(key)),
            Kind::Permission => drop(self.permissions.remove(key)),
            Kind::Exchange => drop(self.exchanges.remove(key)),
            Kind::Queue => drop(self.queues.remove(key)),
            Kind::Binding => drop(self.bindings.remove(key)),
            Kind::Policy => drop(self.policies.remove(key)),
            Kind::OperatorPolicy => drop(self.operator_policies.remove(key)),
            Kind::Parameter => drop(self.parameters.remove(key)),
            Kind::GlobalParameter => drop(self.global_parameters.remove(key)),
            Kind::VhostLimits => drop(self.vhost_limits.remove(key)),
            Kind::UserLimits => drop(self.user_limits.remove(key)),
            Kind::TopicPermission => drop(self.topic_permissions.remove(key)),
        }
    }

    /// Carries changes out in their order.
    pub fn apply_all(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.apply(change);
        }
    }

    /// A virtual host.
    #[must_use]
    pub fn vhost(&self, name: &VhostName) -> Option<&Vhost> {
        self.vhosts.get(&RecordKey::vhost(name))
    }

    /// A user.
    #[must_use]
    pub fn user(&self, name: &UserName) -> Option<&User> {
        self.users.get(&RecordKey::user(name))
    }

    /// A user's permission in a virtual host.
    #[must_use]
    pub fn permission(&self, user: &UserName, vhost: &VhostName) -> Option<&Permission> {
        self.permissions.get(&RecordKey::permission(user, vhost))
    }

    /// An exchange.
    #[must_use]
    pub fn exchange(&self, vhost: &VhostName, name: &ExchangeName) -> Option<&Exchange> {
        self.exchanges.get(&RecordKey::exchange(vhost, name))
    }

    /// A queue.
    #[must_use]
    pub fn queue(&self, vhost: &VhostName, name: &QueueName) -> Option<&Queue> {
        self.queues.get(&RecordKey::queue(vhost, name))
    }

    /// How many records of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Vhost => self.vhosts.len(),
            Kind::User => self.users.len(),
            Kind::Permission => self.permissions.len(),
            Kind::Exchange => self.exchanges.len(),
            Kind::Queue => self.queues.len(),
            Kind::Binding => self.bindings.len(),
            Kind::Policy => self.policies.len(),
            Kind::OperatorPolicy => self.operator_policies.len(),
            Kind::Parameter => self.parameters.len(),
            Kind::GlobalParameter => self.global_parameters.len(),
            Kind::VhostLimits => self.vhost_limits.len(),
            Kind::UserLimits => self.user_limits.len(),
            Kind::TopicPermission => self.topic_permissions.len(),
        }
    }

    /// Takes a record as the database holds it.
    pub(in crate::store) fn insert_json(
        &mut self,
        kind: Kind,
        key: &RecordKey,
        json: &[u8],
    ) -> Result<(), String> {
        match kind {
            Kind::Vhost => insert_json(&mut self.vhosts, key, json),
            Kind::User => insert_json(&mut self.users, key, json),
            Kind::Permission => insert_json(&mut self.permissions, key, json),
            Kind::Exchange => insert_json(&mut self.exchanges, key, json),
            Kind::Queue => insert_json(&mut self.queues, key, json),
            Kind::Binding => insert_json(&mut self.bindings, key, json),
            Kind::Policy => insert_json(&mut self.policies, key, json),
            Kind::OperatorPolicy => insert_json(&mut self.operator_policies, key, json),
            Kind::Parameter => insert_json(&mut self.parameters, key, json),
            Kind::GlobalParameter => insert_json(&mut self.global_parameters, key, json),
            Kind::VhostLimits => insert_json(&mut self.vhost_limits, key, json),
            Kind::UserLimits => insert_json(&mut self.user_limits, key, json),
            Kind::TopicPermission => insert_json(&mut self.topic_permissions, key, json),
        }
    }

    /// The changes that make these definitions out of none.
    pub(in crate::store) fn as_changes(&self) -> Vec<Change> {
        let vhosts = self.vhosts.values().cloned().map(Change::PutVhost);
        let users = self.users.values().cloned().map(Change::PutUser);
        let permissions = self.permissions.values().cloned().map(Change::PutPermission);
        let exchanges = self.exchanges.values().cloned().map(Change::PutExchange);
        let queues = self.queues.values().cloned().map(Change::PutQueue);
        let bindings = self.bindings.values().cloned().map(Change::PutBinding);
        let policies = self.policies.values().cloned().map(Change::PutPolicy);
        let operator = self.operator_policies.values().cloned().map(Change::PutOperatorPolicy);
        let parameters = self.parameters.values().cloned().map(Change::PutParameter);
        let global = self.global_parameters.values().cloned().map(Change::PutGlobalParameter);
        let vhost_limits = self.vhost_limits.values().cloned().map(Change::PutVhostLimits);
        let user_limits = self.user_limits.values().cloned().map(Change::PutUserLimits);
        let topics = self.topic_permissions.values().cloned().map(Change::PutTopicPermission);
        vhosts
            .chain(users)
            .chain(permissions)
            .chain(exchanges)
            .chain(queues)
            .chain(bindings)
            .chain(policies)
            .chain(operator)
            .chain(parameters)
            .chain(global)
            .chain(vhost_limits)
            .chain(user_limits)
            .chain(topics)
            .collect()
    }
}

/// The counter after a queue of this number was stored.
pub(in crate::store) fn next_queue_number(next: u64, stored: u64) -> u64 {
    next.max(stored.saturating_add(1))
}

fn insert<T: Record>(records: &mut BTreeMap<RecordKey, T>, record: T) {
    records.insert(record.key(), record);
}

fn insert_json<T: Record>(
    records: &mut BTreeMap<RecordKey, T>,
    key: &RecordKey,
    json: &[u8],
) -> Result<(), String> {
    let record: T = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if record.key() != *key {
        return Err(format!("the {} stands under the key of another", record.title()));
    }
    insert(records, record);
    Ok(())
}

/// Records as a list: their keys follow from them.
mod list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Record, RecordKey};

    pub(super) fn serialize<T, S>(
        records: &BTreeMap<RecordKey, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        T: Record,
        S: Serializer,
    {
        serializer.collect_seq(records.values())
    }

    pub(super) fn deserialize<'de, T, D>(
        deserializer: D,
    ) -> Result<BTreeMap<RecordKey, T>, D::Error>
    where
        T: Record,
        D: Deserializer<'de>,
    {
        let mut records = BTreeMap::new();
        for record in Vec::<T>::deserialize(deserializer)? {
            let title = record.title();
            if records.insert(record.key(), record).is_some() {
                return Err(de::Error::custom(format!("the {title} stands there twice")));
            }
        }
        Ok(records)
    }
}
