//! The page for Prometheus.

use super::super::settings::ListenAddress;
use super::HttpTls;

/// What the page with the metrics is set up with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PrometheusSettings {
    /// Where it is served; `None`: nowhere. `prometheus.tcp.port`, `prometheus.tcp.ip`.
    pub listener: Option<ListenAddress>,
    /// HTTPS; `None`: nowhere. `prometheus.ssl.*`.
    pub tls: Option<HttpTls>,
    /// Its path, with a `/` in front. `prometheus.path`.
    pub path: String,
    /// Whether `/metrics` has a line for every queue, connection and channel.
    /// `prometheus.return_per_object_metrics`.
    pub per_object: bool,
    /// Queues, exchanges, connections and channels that have lines of their own, of each at most.
    /// `haremq.prometheus.objects_max`.
    pub objects_max: usize,
}
