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
    /// Where this API is spoken.
    pub management: Vec<SocketAddr>,
    /// Where the metrics are served.
    pub metrics: Vec<SocketAddr>,
    /// The data folder; `None` when nothing is kept.
    pub data_folder: Option<PathBuf>,
    /// The configuration files that were read.
    pub config_files: Vec<PathBuf>,
    /// The type of queues that are declared without one.
    pub default_queue_type: String,
    /// Message bytes in RAM at which publishers are blocked.
    pub memory_watermark_bytes: u64,
    /// Free bytes of the disk below which publishers are held back; 0: it is not looked at.
    pub disk_free_bytes_min: u64,
    /// When the process was there.
    pub started: Millis,
}
