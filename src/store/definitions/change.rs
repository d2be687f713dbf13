//! One change of the definitions, and the form in which it goes to disk.

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{
    Binding, BindingsOf, Exchange, GlobalParameter, Kind, OperatorPolicy, Parameter, Permission,
    Policy, Queue, RecordKey, TopicPermission, User, UserLimits, Vhost, VhostLimits, text,
};
use crate::base::limits::RECORD_BYTES_MAX;
use crate::base::{ExchangeName, ParameterName, PolicyName, QueueName, UserName, VhostName};
use crate::store::StoreError;

/// Puts a record in the place of whatever has its key, or takes one away. Taking away what is not there
/// changes nothing. Nothing follows from a change: who deletes a virtual host lists everything in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A virtual host is there.
    PutVhost(Vhost),
    /// A virtual host is gone.
    DeleteVhost {
        /// Which.
        #[serde(with = "text::name")]
        name: VhostName,
    },
    /// A user is there.
    PutUser(User),
    /// A user is gone.
    DeleteUser {
        /// Who.
        #[serde(with = "text::name")]
        name: UserName,
    },
    /// A permission is there.
    PutPermission(Permission),
    /// A permission is gone.
    DeletePermission {
        /// Whose.
        #[serde(with = "text::name")]
        user: UserName,
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
    },
    /// An exchange is there.
    PutExchange(Exchange),
    /// An exchange is gone.
    DeleteExchange {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// Which.
        #[serde(with = "text::name")]
        name: ExchangeName,
    },
    /// A queue is there.
    PutQueue(Queue),
    /// A queue is gone.
    DeleteQueue {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// Which.
        #[serde(with = "text::name")]
        name: QueueName,
    },
    /// A binding is there.
    PutBinding(Binding),
    /// A binding is gone.
    DeleteBinding(Binding),
    /// All bindings of a queue or an exchange are gone. It is no record: on disk each of them stands by itself.
    #[serde(skip)]
    DeleteBindingsOf(BindingsOf),
    /// A policy is there.
    PutPolicy(Policy),
    /// A policy is gone.
    DeletePolicy {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// Which.
        #[serde(with = "text::name")]
        name: PolicyName,
    },
    /// An operator policy is there.
    PutOperatorPolicy(OperatorPolicy),
    /// An operator policy is gone.
    DeleteOperatorPolicy {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// Which.
        #[serde(with = "text::name")]
        name: PolicyName,
    },
    /// A parameter is there.
    PutParameter(Parameter),
    /// A parameter is gone.
    DeleteParameter {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// Of what.
        #[serde(with = "text::name")]
        component: ParameterName,
        /// Which.
        #[serde(with = "text::name")]
        name: ParameterName,
    },
    /// A global parameter is there.
    PutGlobalParameter(GlobalParameter),
    /// A global parameter is gone.
    DeleteGlobalParameter {
        /// Which.
        #[serde(with = "text::name")]
        name: ParameterName,
    },
    /// A virtual host has limits.
    PutVhostLimits(VhostLimits),
    /// A virtual host has no limits any more.
    DeleteVhostLimits {
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
    },
    /// A user has limits.
    PutUserLimits(UserLimits),
    /// A user has no limits any more.
    DeleteUserLimits {
        /// Whose.
        #[serde(with = "text::name")]
        user: UserName,
    },
    /// A topic permission is there.
    PutTopicPermission(TopicPermission),
    /// A topic permission is gone.
    DeleteTopicPermission {
        /// Whose.
        #[serde(with = "text::name")]
        user: UserName,
        /// Where.
        #[serde(with = "text::name")]
        vhost: VhostName,
        /// On which exchange.
        #[serde(with = "text::name")]
        exchange: ExchangeName,
    },
}

/// A change as the database takes it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Encoded {
    /// The kind of the record.
    pub(in crate::store) kind: Kind,
    /// Its key.
    pub(in crate::store) key: RecordKey,
    /// The record as JSON; `None` to take it away.
    pub(in crate::store) json: Option<Vec<u8>>,
    /// The number of the queue, or the highest one of the exchange, when one is put that has any.
    pub(in crate::store) queue_number: Option<u64>,
    /// What it was made of.
    pub(in crate::store) change: Change,
}

impl Encoded {
    /// Encodes a change and proves that it can be read again: a record that comes back different is
    /// refused here and not found out about at the next start.
    pub(in crate::store) fn new(change: Change) -> Result<Self, StoreError> {
        let (kind, key, json) = match change.deleted() {
            Some((kind, key)) => (kind, key, None),
            None => put_json(&change)?,
        };
        let queue_number = match &change {
            Change::PutQueue(queue) => Some(queue.number),
            Change::PutExchange(exchange) => exchange.highest_number(),
            _ => None,
        };
        Ok(Self { kind, key, json, queue_number, change })
    }

    /// Bytes it costs while it waits, about.
    pub(in crate::store) fn waiting_bytes(&self) -> usize {
        size_of::<Self>() + self.key.as_bytes().len() + 2 * self.json.as_ref().map_or(0, Vec::len)
    }
}

impl Change {
    /// What it takes away; `None` when it puts something.
    pub(in crate::store) fn deleted(&self) -> Option<(Kind, RecordKey)> {
        Some(match self {
            Self::DeleteVhost { name } => (Kind::Vhost, RecordKey::vhost(name)),
            Self::DeleteUser { name } => (Kind::User, RecordKey::user(name)),
            Self::DeletePermission { user, vhost } => {
                (Kind::Permission, RecordKey::permission(user, vhost))
            }
            Self::DeleteExchange { vhost, name } => {
                (Kind::Exchange, RecordKey::exchange(vhost, name))
            }
            Self::DeleteQueue { vhost, name } => (Kind::Queue, RecordKey::queue(vhost, name)),
            Self::DeleteBinding(record) => (Kind::Binding, record.key()),
            Self::DeleteBindingsOf(_) => (Kind::Binding, RecordKey::none()),
            Self::DeletePolicy { vhost, name } => (Kind::Policy, RecordKey::policy(vhost, name)),
            Self::DeleteOperatorPolicy { vhost, name } => {
                (Kind::OperatorPolicy, RecordKey::policy(vhost, name))
            }
            Self::DeleteParameter { vhost, component, name } => {
                (Kind::Parameter, RecordKey::parameter(vhost, component, name))
            }
            Self::DeleteGlobalParameter { name } => {
                (Kind::GlobalParameter, RecordKey::global_parameter(name))
            }
            Self::DeleteVhostLimits { vhost } => (Kind::VhostLimits, RecordKey::vhost(vhost)),
            Self::DeleteUserLimits { user } => (Kind::UserLimits, RecordKey::user(user)),
            Self::DeleteTopicPermission { user, vhost, exchange } => {
                (Kind::TopicPermission, RecordKey::topic_permission(user, vhost, exchange))
            }
            Self::PutVhost(_)
            | Self::PutUser(_)
            | Self::PutPermission(_)
            | Self::PutExchange(_)
            | Self::PutQueue(_)
            | Self::PutBinding(_)
            | Self::PutPolicy(_)
            | Self::PutOperatorPolicy(_)
            | Self::PutParameter(_)
            | Self::PutGlobalParameter(_)
            | Self::PutVhostLimits(_)
            | Self::PutUserLimits(_)
            | Self::PutTopicPermission(_) => return None,
        })
    }
}

type Put = (Kind, RecordKey, Option<Vec<u8>>);

fn put_json(change: &Change) -> Result<Put, StoreError> {
    match change {
        Change::PutVhost(record) => put(record),
        Change::PutUser(record) => put(record),
        Change::PutPermission(record) => put(record),
        Change::PutExchange(record) => put(record),
        Change::PutQueue(record) => put(record),
        Change::PutBinding(record) => put(record),
        Change::PutPolicy(record) => put(record),
        Change::PutOperatorPolicy(record) => put(record),
        Change::PutParameter(record) => put(record),
        Change::PutGlobalParameter(record) => put(record),
        Change::PutVhostLimits(record) => put(record),
        Change::PutUserLimits(record) => put(record),
        Change::PutTopicPermission(record) => put(record),
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
        | Change::DeleteTopicPermission { .. } => {
            let (what, cause) = ("a deletion".to_owned(), "it has no record".to_owned());
            Err(StoreError::Unfit { what, cause })
        }
    }
}

fn put<T: Record>(record: &T) -> Result<Put, StoreError> {
    let unfit = |error: String| StoreError::Unfit { what: record.title(), cause: error };
    let json = serde_json::to_vec(record).map_err(|error| unfit(error.to_string()))?;
    if json.len() > RECORD_BYTES_MAX {
        return Err(StoreError::TooLarge {
            what: record.title(),
            bytes: json.len(),
            bytes_max: RECORD_BYTES_MAX,
        });
    }
    let again: T = serde_json::from_slice(&json).map_err(|error| unfit(error.to_string()))?;
    if again != *record {
        return Err(unfit("it would come back different".to_owned()));
    }
    Ok((T::KIND, record.key(), Some(json)))
}
