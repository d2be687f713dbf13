//! Limits of the whole node.

/// How much there may be of everything; `None`: as much as there is room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeLimitSettings {
    /// Open connections. `connection_max`, `max_connections`.
    pub connections_max: Option<usize>,
    /// Open channels of all connections. `channel_max_per_node`.
    pub channels_max: Option<usize>,
    /// Queues of all virtual hosts. `cluster_queue_limit`.
    pub queues_max: Option<usize>,
    /// Exchanges of all virtual hosts, those of the server with them. `cluster_exchange_limit`.
    pub exchanges_max: Option<usize>,
    /// Virtual hosts. `vhost_max`.
    pub vhosts_max: Option<usize>,
}
