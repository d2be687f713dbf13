//! A listener of HTTPS.

use std::path::PathBuf;

use super::super::settings::ListenAddress;
use super::super::transport::TlsVersion;

/// HTTPS of the management API or of the metrics: the keys below `management.ssl` or `prometheus.ssl`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpTls {
    /// `port`, `ip`.
    pub listener: ListenAddress,
    /// The certificate and those that signed it, in PEM. `certfile`.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM. `keyfile`.
    pub key: Option<PathBuf>,
    /// Who may sign certificates of clients, in PEM. `cacertfile`.
    pub authorities: Option<PathBuf>,
    /// Clients are asked for a certificate. `verify`.
    pub verify_peer: bool,
    /// They must have one. `fail_if_no_peer_cert`.
    pub fail_if_no_peer_cert: bool,
    /// Intermediate certificates of a client, at most. `depth`.
    pub depth: u8,
    /// Versions; empty: all that there are. `versions.*`.
    pub versions: Vec<TlsVersion>,
}
