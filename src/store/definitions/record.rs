//! The records. Each is what stands in one value of the database and in one line of the mirror.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Kind, RecordKey, table, text};
use crate::base::{ExchangeName, FieldTable, QueueName, ShortStr, UserName, VhostName};

/// What the kinds of records have in common.
pub(super) trait Record: Serialize + DeserializeOwned + PartialEq {
    /// Which kind it is.
    const KIND: Kind;

    /// What it is found by.
    fn key(&self) -> RecordKey;

    /// What it is called in an error text.
    fn title(&self) -> String;
}

/// A virtual host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Vhost {
    /// Its name.
    #[serde(with = "text::name")]
    pub name: VhostName,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// For people and tools.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The `x-queue-type` of queues that are declared without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_queue_type: Option<String>,
    /// Whether it cannot be deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected_from_deletion: bool,
    /// Whether every message is copied to the firehose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tracing: bool,
}

impl Vhost {
    /// A virtual host with nothing but a name.
    #[must_use]
    pub fn new(name: VhostName) -> Self {
        Self {
            name,
            description: String::new(),
            tags: Vec::new(),
            default_queue_type: None,
            protected_from_deletion: false,
            tracing: false,
        }
    }
}

/// A user. `Debug` hides the hash.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its name.
    #[serde(with = "text::name")]
    pub name: UserName,
    /// In base64; `None` for a user that cannot log in with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// RabbitMQ's name of the algorithm, `rabbit_password_hashing_sha256`.
    pub hashing_algorithm: String,
    /// `administrator`, `monitoring`, …
    #[serde(default)]
    pub tags: Vec<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("password_hash", &self.password_hash.as_ref().map(|_| "[hidden]"))
            .field("hashing_algorithm", &self.hashing_algorithm)
            .field("tags", &self.tags)
            .finish()
    }
}

/// What a user may do in a virtual host: three regular expressions on names.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Permission {
    /// Who.
    #[serde(with = "text::name")]
    pub user: UserName,
    /// Where.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// What may be declared and deleted.
    pub configure: String,
    /// What may be published to.
    pub write: String,
    /// What may be consumed from.
    pub read: String,
}

/// A durable exchange.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Where it is.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// Its name.
    #[serde(with = "text::name")]
    pub name: ExchangeName,
    /// The name of its type, also of one that this version does not know.
    #[serde(rename = "type")]
    pub kind: String,
    /// As declared.
    pub durable: bool,
    /// As declared.
    pub auto_delete: bool,
    /// As declared.
    pub internal: bool,
    /// As declared.
    #[serde(with = "table")]
    pub arguments: FieldTable,
    /// What the message log knows the keys by that it remembers to find duplicates, if it does; as the
    /// number of a queue, and out of the same counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What the message log knows the queue by in which it delays messages; unique as
    /// [`Queue::number`]. `None` for an exchange that does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_queue: Option<u64>,
}

impl Exchange {
    /// The highest number that the message log knows something of it by.
    pub(in crate::store) fn highest_number(&self) -> Option<u64> {
        self.number.max(self.delay_queue)
    }
}

/// A durable queue. Exclusive queues end with their connection and are never stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// Where it is.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// Its name.
    #[serde(with = "text::name")]
    pub name: QueueName,
    /// As declared.
    pub durable: bool,
    /// As declared.
    pub auto_delete: bool,
    /// As declared.
    #[serde(with = "table")]
    pub arguments: FieldTable,
    /// What the message log knows it by. Unique for ever: a queue that is deleted and declared again
    /// gets a new one, so that messages of the old one cannot come back in it.
    pub number: u64,
}

/// What a binding leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// A queue.
    Queue,
    /// Another exchange.
    Exchange,
}

/// A binding between durable ends. Its identity is all of it, with the arguments in their order: it is
/// deleted by the same record that was put.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Binding {
    /// Where it is.
    #[serde(with = "text::name")]
    pub vhost: VhostName,
    /// The exchange that messages come from.
    #[serde(with = "text::name")]
    pub source: ExchangeName,
    /// The name of what they go to.
    pub destination: String,
    /// What they go to.
    pub destination_type: DestinationKind,
    /// Any bytes.
    #[serde(with = "text::short")]
    pub routing_key: ShortStr,
    /// As bound.
    #[serde(with = "table")]
    pub arguments: FieldTable,
}

impl Record for Vhost {
    const KIND: Kind = Kind::Vhost;

    fn key(&self) -> RecordKey {
        RecordKey::vhost(&self.name)
    }

    fn title(&self) -> String {
        format!("vhost '{}'", self.name)
    }
}

impl Record for User {
    const KIND: Kind = Kind::User;

    fn key(&self) -> RecordKey {
        RecordKey::user(&self.name)
    }

    fn title(&self) -> String {
        format!("user '{}'", self.name)
    }
}

impl Record for Permission {
    const KIND: Kind = Kind::Permission;

    fn key(&self) -> RecordKey {
        RecordKey::permission(&self.user, &self.vhost)
    }

    fn title(&self) -> String {
        format!("permission of user '{}' in vhost '{}'", self.user, self.vhost)
    }
}

impl Record for Exchange {
    const KIND: Kind = Kind::Exchange;

    fn key(&self) -> RecordKey {
        RecordKey::exchange(&self.vhost, &self.name)
    }

    fn title(&self) -> String {
        format!("exchange '{}' in vhost '{}'", self.name, self.vhost)
    }
}

impl Record for Queue {
    const KIND: Kind = Kind::Queue;

    fn key(&self) -> RecordKey {
        RecordKey::queue(&self.vhost, &self.name)
    }

    fn title(&self) -> String {
        format!("queue '{}' in vhost '{}'", self.name, self.vhost)
    }
}

impl Record for Binding {
    const KIND: Kind = Kind::Binding;

    fn key(&self) -> RecordKey {
        let mut arguments = serde_json::Serializer::new(Vec::new());
        // Writing to memory cannot fail, and the form of a table has no value that JSON has not.
        table::serialize(&self.arguments, &mut arguments).expect("a table is JSON");
        RecordKey::binding(
            &self.vhost,
            &self.source,
            (self.destination_type, &self.destination),
            self.routing_key.as_bytes(),
            &arguments.into_inner(),
        )
    }

    fn title(&self) -> String {
        let Self { source, destination, vhost, .. } = self;
        format!("binding from '{source}' to '{destination}' in vhost '{vhost}'")
    }
}
