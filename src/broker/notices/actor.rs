//! Who does something, and from where.

use std::fmt;
use std::net::IpAddr;

use crate::base::{ConnectionId, UserName};
use crate::broker::{ConnectionInfo, Peer};

/// Who does something, and from where: for events and for the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    user: UserName,
    via: Via,
    /// What it does is part of something that has a line of the audit of its own.
    is_part: bool,
}

/// From where somebody acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The broker itself: something follows from something else.
    Internal,
    /// What is configured, and definitions that are loaded at the start.
    Configuration,
    /// The socket file of the management API, which only the user of the process can open.
    SocketFile,
    /// The management API, from this address.
    Management(IpAddr),
    /// A connection of AMQP.
    Connection(ConnectionId),
}

/// RabbitMQ's name of whoever acts without a user.
const INTERNAL: &str = "rmq-internal";

/// RabbitMQ's name of whoever uses its command line.
const COMMAND_LINE: &str = "rmq-cli";

impl Actor {
    /// A user of the management API.
    #[must_use]
    pub fn management(user: UserName, from: IpAddr) -> Self {
        Self { user, via: Via::Management(from), is_part: false }
    }

    /// Whoever came over the socket file.
    #[must_use]
    pub fn command_line() -> Self {
        Self::named(COMMAND_LINE, Via::SocketFile)
    }

    /// The broker itself.
    #[must_use]
    pub fn internal() -> Self {
        Self::named(INTERNAL, Via::Internal)
    }

    /// What is configured.
    #[must_use]
    pub fn configuration() -> Self {
        Self::named(INTERNAL, Via::Configuration)
    }

    /// The user of a connection.
    pub(in crate::broker) fn peer(peer: &Peer) -> Self {
        Self { user: peer.user.clone(), via: Via::Connection(peer.connection), is_part: false }
    }

    /// The user of a connection, by what is known of it.
    pub(in crate::broker) fn of_connection(info: &ConnectionInfo) -> Self {
        Self { user: info.user.clone(), via: Via::Connection(info.id), is_part: false }
    }

    /// The same one, who does parts of something that has a line of the audit of its own.
    pub(in crate::broker) fn in_parts(&self) -> Self {
        Self { is_part: true, ..self.clone() }
    }

    fn named(name: &str, via: Via) -> Self {
        let user = UserName::try_from(name).expect("the constants are short");
        Self { user, via, is_part: false }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// From where.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// Whether what it does gets no line of the audit.
    pub(super) fn is_part(&self) -> bool {
        self.is_part
    }
}

impl Default for Actor {
    /// Nobody but the broker itself.
    fn default() -> Self {
        Self::internal()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal => f.write_str("the broker"),
            Self::Configuration => f.write_str("the configuration"),
            Self::SocketFile => f.write_str("the local socket"),
            Self::Management(address) => write!(f, "{address} (management)"),
            Self::Connection(id) => write!(f, "connection {id}"),
        }
    }
}
