//! What is known of the process when it starts and does not change any more.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::base::Millis;

/// See the module.
#[derive(Clone, Debug)]
pub struct Facts {
    /// RabbitMQ's name for this node.
    pub node: String,
    /// The name of the cluster until somebody gives it another one.
    pub cluster_name: String,
    /// What clients are told as `product`.
    pub product: String,
    /// The version of RabbitMQ whose place is taken.
    pub rabbitmq_version: String,
    /// Where AMQP is spoken.
    pub amqp: Vec<SocketAddr>,
    /// Where AMQP is spoken over TLS.
    pub amqp_tls: Vec<SocketAddr>,
    /// Where this API is spoken.
    pub management: Vec<SocketAddr>,
    /// Where it is spoken over TLS.
    pub management_tls: Vec<SocketAddr>,
    /// Where the metrics are served.
    pub metrics: Vec<SocketAddr>,
    /// Where they are served with TLS.
    pub metrics_tls: Vec<SocketAddr>,
    /// The data folder; `None` when nothing is kept.
    pub data_folder: Option<PathBuf>,
    /// The configuration files that were read.
    pub config_files: Vec<PathBuf>,
    /// The type of queues that are declared without one.
    pub default_queue_type: String,
    /// When the process was there.
    pub started: Millis,
}

impl Facts {
    /// Every listener of the network: RabbitMQ's name of what is spoken there, and its address.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (&'static str, &SocketAddr)> {
        let all = [
            ("amqp", &self.amqp),
            ("amqp/ssl", &self.amqp_tls),
            ("http", &self.management),
            ("https", &self.management_tls),
            ("http/prometheus", &self.metrics),
            ("https/prometheus", &self.metrics_tls),
        ];
        all.into_iter().flat_map(|(name, all)| all.iter().map(move |address| (name, address)))
    }
}

/// Whether a name of [`Facts::listeners`] is of TLS.
pub(super) fn is_tls(protocol: &str) -> bool {
    matches!(protocol, "amqp/ssl" | "https" | "https/prometheus")
}
