//! All definitions together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{
    Binding, Change, Exchange, FormatVersion, Kind, Permission, Queue, RecordKey, User, Vhost,
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
        }
    }
}

impl Definitions {
    /// Carries a change out.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutVhost(record) => insert(&mut self.vhosts, record),
            Change::PutUser(record) => insert(&mut self.users, record),
            Change::PutPermission(record) => insert(&mut self.permissions, record),
            Change::PutExchange(record) => insert(&mut self.exchanges, record),
            Change::PutQueue(record) => {
                self.next_queue_number = next_queue_number(self.next_queue_number, record.number);
                insert(&mut self.queues, record);
            }
            Change::PutBinding(record) => insert(&mut self.bindings, record),
            Change::DeleteVhost { name } => {
                self.vhosts.remove(&RecordKey::vhost(&name));
            }
            Change::DeleteUser { name } => {
                self.users.remove(&RecordKey::user(&name));
            }
            Change::DeletePermission { user, vhost } => {
                self.permissions.remove(&RecordKey::permission(&user, &vhost));
            }
            Change::DeleteExchange { vhost, name } => {
                self.exchanges.remove(&RecordKey::exchange(&vhost, &name));
            }
            Change::DeleteQueue { vhost, name } => {
                self.queues.remove(&RecordKey::queue(&vhost, &name));
            }
            Change::DeleteBinding(record) => {
                self.bindings.remove(&record.key());
            }
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
        vhosts
            .chain(users)
            .chain(permissions)
            .chain(exchanges)
            .chain(queues)
            .chain(bindings)
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
