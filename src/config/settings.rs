//! The checked settings that the rest of the program is given.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::parts::{
    AuthenticationSettings, DefinitionsSettings, DiskSettings, LogSettings, ManagementSettings,
    NodeLimitSettings, OtelSettings, ParentWatch, PrometheusSettings, SeedSettings,
};
use crate::base::{UserName, VhostName};

use super::transport::TransportSettings;

/// Every setting, checked. Each field says which key it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Where AMQP is spoken; nowhere when it is empty. `listeners.tcp.*`.
    pub listeners: Vec<ListenAddress>,
    /// Connections that the system may hold until they are accepted. `tcp_listen_options.backlog`.
    pub tcp_backlog: u32,
    /// Small writes go out at once. `tcp_listen_options.nodelay`.
    pub tcp_nodelay: bool,
    /// The system asks silent peers whether they are there. `tcp_listen_options.keepalive`.
    pub tcp_keepalive: bool,
    /// The heartbeat that is proposed, in seconds; 0: none. `heartbeat`.
    pub heartbeat_s: u16,
    /// The largest frame that is proposed, in bytes. `frame_max`.
    pub frame_max: u32,
    /// The highest channel number that is proposed. `channel_max`.
    pub channel_max: u16,
    /// Time from connect to `connection.open`. `handshake_timeout`.
    pub handshake_timeout_ms: u64,
    /// The largest message. `max_message_size`.
    pub message_bytes_max: u64,
    /// The user that an empty broker is given.
    pub default_user: DefaultUser,
    /// Who is asked about logins.
    pub authentication: AuthenticationSettings,
    /// Users that may come from this machine only. `loopback_users.*`.
    pub loopback_users: BTreeSet<UserName>,
    /// Message bytes in RAM at which publishers are held back. `vm_memory_high_watermark.*`, already
    /// worked out for this machine.
    pub memory_watermark_bytes: u64,
    /// How much room the disk must have.
    pub disk: DiskSettings,
    /// How much there may be of everything.
    pub limits: NodeLimitSettings,
    /// How long a delivery may stay unsettled in queues that say nothing about it, in ms; `None`: for
    /// ever. `consumer_timeout`.
    pub consumer_timeout_ms: Option<u64>,
    /// What the log shows, and where.
    pub log: LogSettings,
    /// The management HTTP API.
    pub management: ManagementSettings,
    /// The page for Prometheus.
    pub prometheus: PrometheusSettings,
    /// Spans of traced messages.
    pub otel: OtelSettings,
    /// What is loaded at the start.
    pub definitions: DefinitionsSettings,
    /// Where the exchange of events is; `None`: in the first virtual host. `event_exchange.vhost`.
    pub event_vhost: Option<VhostName>,
    /// What a new virtual host is given.
    pub seeds: SeedSettings,
    /// The name of this node, as `rabbit@host`. `haremq.node_name`.
    pub node_name: String,
    /// The name of the cluster, also of a cluster of one. `cluster_name`.
    pub cluster_name: String,
    /// What clients are told as `product`. `haremq.product`.
    pub product: String,
    /// What clients are told as `version`. `haremq.version`.
    pub product_version: String,
    /// Threads that serve connections; `None`: one for each core. `haremq.worker_threads`.
    pub worker_threads: Option<NonZeroUsize>,
    /// Where messages and definitions live. `haremq.data_dir`, `haremq.ephemeral`.
    pub storage: Storage,
    /// What a confirm of a persistent message waits for. `haremq.durability`.
    pub durability: Durability,
    /// The type of queues that are declared without one. `default_queue_type`.
    pub default_queue_type: Option<String>,
    /// Whether messages are given the time at which they came in, and whether over the one that they have.
    /// `message_interceptors.incoming.set_header_timestamp.overwrite`.
    pub intercept_timestamp: Option<bool>,
    /// The same for the name of the node. `message_interceptors.incoming.set_header_routing_node.overwrite`.
    pub intercept_routing_node: Option<bool>,
    /// A file that is given the number of the process. `haremq.pid_file`.
    pub pid_file: Option<PathBuf>,
    /// A file that is given the port of the first listener once it listens. `haremq.port_file`.
    pub port_file: Option<PathBuf>,
    /// A file that is given the ports of all listeners. `haremq.ports_file`.
    pub ports_file: Option<PathBuf>,
    /// With whose end the broker ends. `haremq.exit_with_parent`.
    pub exit_with_parent: Option<ParentWatch>,
    /// TLS, mechanisms of login, proxies, the Unix socket.
    pub transport: TransportSettings,
}

/// The user, virtual host and permissions that a broker without any is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultUser {
    /// `default_user`.
    pub name: UserName,
    /// `default_pass`.
    pub password: Password,
    /// `default_user_tags.*`.
    pub tags: Vec<String>,
    /// `default_vhost`.
    pub vhost: VhostName,
    /// `default_permissions.configure`.
    pub configure: String,
    /// `default_permissions.write`.
    pub write: String,
    /// `default_permissions.read`.
    pub read: String,
}

/// A password as it was configured. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where a listener listens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ListenAddress {
    /// The address; `None`: every address of the machine, of IPv6 and IPv4.
    pub ip: Option<IpAddr>,
    /// The port; 0: any free one.
    pub port: u16,
}

impl fmt::Display for ListenAddress {
    /// As it is written in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => self.port.fmt(f),
        }
    }
}

/// Where messages and definitions live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Storage {
    /// In memory: gone when the process ends.
    Ephemeral,
    /// In files below this folder.
    Directory(PathBuf),
}

/// What a confirm of a persistent message waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// The disk: a power cut loses nothing that was confirmed.
    #[default]
    Fsync,
    /// The operating system: a killed process loses nothing, a power cut may.
    Os,
}
