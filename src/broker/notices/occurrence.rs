//! Something that happened, with its facts.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Actor;
use crate::base::{
    ChannelId, ConnectionId, ConsumerTag, ExchangeName, FieldTable, HolderId, ParameterName,
    PolicyName, QueueName, UserName, VhostName,
};
use crate::broker::policy::PolicyKind;
use crate::broker::{Binding, ConnectionInfo, Exchange, QueueInfo, UserLimits, VhostLimits};
use crate::store;

/// Something that happened: what, who did it, and when.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Told {
    pub(in crate::broker) what: Occurrence,
    pub(in crate::broker) by: Actor,
    /// Since 1970.
    pub(in crate::broker) at_ms: u64,
}

/// What happened. Large facts stand behind a pointer.
#[derive(Clone, Debug)]
pub(in crate::broker) enum Occurrence {
    QueueCreated {
        vhost: VhostName,
        queue: Box<QueueInfo>,
    },
    QueueDeleted {
        vhost: VhostName,
        queue: QueueName,
    },
    ExchangeCreated {
        vhost: VhostName,
        exchange: Box<Exchange>,
    },
    ExchangeDeleted {
        vhost: VhostName,
        exchange: ExchangeName,
    },
    BindingCreated {
        vhost: VhostName,
        binding: Box<Binding>,
    },
    BindingDeleted {
        vhost: VhostName,
        binding: Box<Binding>,
    },
    ConnectionCreated(Arc<ConnectionInfo>),
    ConnectionClosed(Arc<ConnectionInfo>),
    ChannelCreated {
        of: Arc<ConnectionInfo>,
        channel: ChannelId,
        holder: HolderId,
    },
    ChannelClosed {
        of: Arc<ConnectionInfo>,
        channel: ChannelId,
        holder: HolderId,
    },
    ConsumerCreated(Box<Consumed>),
    ConsumerDeleted {
        vhost: VhostName,
        queue: QueueName,
        tag: ConsumerTag,
        holder: HolderId,
    },
    LoggedIn(Box<LoginAttempt>),
    LoginRefused {
        login: Box<LoginAttempt>,
        error: String,
    },
    UserPut {
        user: UserName,
        tags: Option<Vec<String>>,
        password: PasswordChange,
        new: bool,
    },
    UserDeleted(UserName),
    PermissionSet(Box<store::Permission>),
    PermissionCleared {
        user: UserName,
        vhost: VhostName,
        cascade: bool,
    },
    TopicPermissionSet(Box<store::TopicPermission>),
    TopicPermissionCleared {
        user: UserName,
        vhost: VhostName,
        exchange: ExchangeName,
        cascade: bool,
    },
    VhostPut {
        record: Box<store::Vhost>,
        new: bool,
    },
    VhostDeleted(VhostName),
    ParameterSet(Box<store::Parameter>),
    ParameterCleared {
        vhost: VhostName,
        component: ParameterName,
        name: ParameterName,
        cascade: bool,
    },
    GlobalParameterSet(Box<store::GlobalParameter>),
    GlobalParameterCleared(ParameterName),
    VhostLimitsSet {
        vhost: VhostName,
        limits: VhostLimits,
    },
    UserLimitsSet {
        user: UserName,
        limits: UserLimits,
    },
    PolicySet {
        kind: PolicyKind,
        record: Box<store::Policy>,
    },
    PolicyCleared {
        kind: PolicyKind,
        vhost: VhostName,
        name: PolicyName,
    },
    Alarm {
        source: &'static str,
        on: bool,
    },
    /// An import of definitions: what it came to, in words.
    Imported {
        summary: String,
    },
    /// Something was done to the node.
    Node {
        action: String,
    },
    /// Connections were told to close.
    ConnectionsClosed {
        which: String,
        connections: usize,
        reason: String,
    },
}

/// What became of a user's password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::broker) enum PasswordChange {
    Kept,
    Set,
    Cleared,
}

/// A consumer that came.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Consumed {
    pub(in crate::broker) vhost: VhostName,
    pub(in crate::broker) queue: QueueName,
    pub(in crate::broker) tag: ConsumerTag,
    pub(in crate::broker) holder: HolderId,
    pub(in crate::broker) exclusive: bool,
    pub(in crate::broker) ack_required: bool,
    pub(in crate::broker) prefetch: u16,
    pub(in crate::broker) arguments: FieldTable,
}

/// A login over AMQP, for those who hear of it.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    /// As the client said it; for a certificate, what it says.
    pub name: String,
    /// How the user was to be recognised.
    pub mechanism: String,
    /// The connection.
    pub connection: ConnectionId,
    /// Where the client is.
    pub peer: SocketAddr,
    /// Where the client came in; `None` when that was no socket.
    pub local: Option<SocketAddr>,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl Occurrence {
    /// Bytes that it holds, as the bound on those that wait counts them: all names at their longest, and
    /// tables as they are.
    pub(super) fn bytes(&self) -> usize {
        const NAMES: usize = 1024;
        NAMES
            + match self {
                Self::QueueCreated { queue, .. } => queue.arguments.ram_bytes(),
                Self::ExchangeCreated { exchange, .. } => exchange.arguments.ram_bytes(),
                Self::BindingCreated { binding, .. } | Self::BindingDeleted { binding, .. } => {
                    binding.arguments.ram_bytes()
                }
                // Kept by the connection as well, and not twice.
                Self::ConnectionCreated(info) | Self::ConnectionClosed(info) => {
                    info.client_properties.ram_bytes()
                }
                Self::ConsumerCreated(consumed) => consumed.arguments.ram_bytes(),
                Self::ParameterSet(record) => record.value.ram_bytes(),
                Self::GlobalParameterSet(record) => record.value.ram_bytes(),
                Self::PolicySet { record, .. } => {
                    record.definition.ram_bytes() + record.pattern.len()
                }
                Self::VhostPut { record, .. } => {
                    record.description.len() + texts_bytes(&record.tags)
                }
                Self::UserPut { tags, .. } => tags.as_ref().map_or(0, |tags| texts_bytes(tags)),
                Self::PermissionSet(record) => {
                    record.configure.len() + record.write.len() + record.read.len()
                }
                Self::TopicPermissionSet(record) => record.write.len() + record.read.len(),
                Self::LoginRefused { error, .. } => error.len(),
                Self::QueueDeleted { .. }
                | Self::ExchangeDeleted { .. }
                | Self::ChannelCreated { .. }
                | Self::ChannelClosed { .. }
                | Self::ConsumerDeleted { .. }
                | Self::LoggedIn(_)
                | Self::UserDeleted(_)
                | Self::PermissionCleared { .. }
                | Self::TopicPermissionCleared { .. }
                | Self::VhostDeleted(_)
                | Self::ParameterCleared { .. }
                | Self::GlobalParameterCleared(_)
                | Self::VhostLimitsSet { .. }
                | Self::UserLimitsSet { .. }
                | Self::PolicyCleared { .. }
                | Self::Alarm { .. }
                | Self::Imported { .. }
                | Self::Node { .. }
                | Self::ConnectionsClosed { .. } => 0,
            }
    }
}

fn texts_bytes(texts: &[String]) -> usize {
    texts.iter().map(|text| size_of::<String>() + text.len()).sum()
}
