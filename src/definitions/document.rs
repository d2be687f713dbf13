//! A document that was read.

use std::collections::BTreeSet;

use crate::base::{UserName, VhostName};
use crate::store::{self, Change};

/// What kind of thing it is, in the order in which things are made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    /// Virtual hosts.
    Vhost,
    /// Users.
    User,
    /// Limits of users.
    UserLimits,
    /// Permissions.
    Permission,
    /// Permissions for routing keys.
    TopicPermission,
    /// Limits of virtual hosts.
    VhostLimits,
    /// Parameters.
    Parameter,
    /// Parameters of the whole broker.
    GlobalParameter,
    /// Operator policies.
    OperatorPolicy,
    /// Policies.
    Policy,
    /// Exchanges.
    Exchange,
    /// Queues.
    Queue,
    /// Bindings.
    Binding,
}

impl Section {
    /// One thing of it, for people and programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vhost => "vhost",
            Self::User => "user",
            Self::UserLimits => "user limits",
            Self::Permission => "permission",
            Self::TopicPermission => "topic permission",
            Self::VhostLimits => "vhost limits",
            Self::Parameter => "parameter",
            Self::GlobalParameter => "global parameter",
            Self::OperatorPolicy => "operator policy",
            Self::Policy => "policy",
            Self::Exchange => "exchange",
            Self::Queue => "queue",
            Self::Binding => "binding",
        }
    }
}

/// Something and where it stands in the document.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed<T> {
    /// Such as `queues[3]`.
    pub place: String,
    /// The thing.
    pub value: T,
}

/// What a document says about a virtual host; of what it does not say nothing changes.
#[derive(Clone, PartialEq, Debug)]
pub struct VhostPatch {
    /// Its name.
    pub name: VhostName,
    /// For people.
    pub description: Option<String>,
    /// For people and tools.
    pub tags: Option<Vec<String>>,
    /// The type of queues that are declared without one.
    pub default_queue_type: Option<String>,
    /// Whether it cannot be deleted.
    pub protected_from_deletion: Option<bool>,
    /// Whether messages are copied to the firehose.
    pub tracing: Option<bool>,
}

/// A password in a document. `Debug` hides it.
#[derive(Clone, PartialEq)]
pub enum DocumentPassword {
    /// As it was; none when the user is new.
    Unsaid,
    /// A salted hash in base64, checked; `None` for no login with a password.
    Hash(Option<String>),
    /// The password itself.
    Plain(String),
}

impl std::fmt::Debug for DocumentPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What a document says about a user.
#[derive(Clone, PartialEq, Debug)]
pub struct UserPatch {
    /// Its name.
    pub name: UserName,
    /// How it logs in.
    pub password: DocumentPassword,
    /// RabbitMQ's name of the algorithm of the hash.
    pub hashing_algorithm: String,
    /// Its tags.
    pub tags: Option<Vec<String>>,
}

/// What a document says about a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueSpec {
    /// It, without a number.
    pub record: store::Queue,
    /// Whether it says of which type it is.
    pub typed: bool,
}

/// See the module. Things of the same identity stand in it once.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Document {
    /// The virtual host it is for; `None` for the whole broker.
    pub scope: Option<VhostName>,
    /// Lists that it has. Only what they could hold is pruned.
    pub sections: BTreeSet<Section>,
    /// Virtual hosts.
    pub vhosts: Vec<Placed<VhostPatch>>,
    /// Users.
    pub users: Vec<Placed<UserPatch>>,
    /// Queues.
    pub queues: Vec<Placed<QueueSpec>>,
    /// Everything else, to be put; and limits to be taken away.
    pub others: Vec<Placed<Change>>,
    /// What is passed over, and where.
    pub warnings: Vec<String>,
}
