//! The management HTTP API and its pages.

use std::path::PathBuf;

use super::super::settings::ListenAddress;
use super::super::transport::TlsVersion;

/// What the management HTTP API is set up with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManagementSettings {
    /// Where HTTP is spoken; `None`: nowhere. `management.tcp.port`, `management.tcp.ip`.
    pub listener: Option<ListenAddress>,
    /// HTTPS; `None`: nowhere. `management.ssl.*`.
    pub tls: Option<ManagementTls>,
    /// What stands before every path: empty, or with a `/` in front and none at the end.
    /// `management.path_prefix`.
    pub path_prefix: String,
    /// The largest body of a request. `management.http.max_body_size`.
    pub body_bytes_max: u64,
    /// Origins that browsers may call from, `*` for all; empty: none. `management.cors.allow_origins.*`.
    pub cors_origins: Vec<String>,
    /// How long a browser may remember that. `management.cors.max_age`.
    pub cors_max_age_s: u64,
    /// No message rates and no samples. `management.disable_stats`.
    pub disable_stats: bool,
    /// How often counts are taken. `collect_statistics_interval`.
    pub sample_interval_ms: u64,
    /// How long a login with a form lasts. `management.login_session_timeout`.
    pub login_session_ms: u64,
    /// The header `strict-transport-security`. `management.hsts.policy`.
    pub hsts_policy: Option<String>,
    /// The header `content-security-policy`; empty: none. `management.csp.policy`.
    pub csp_policy: String,
    /// The test API is there. `haremq.test_api`.
    pub test_api: bool,
}

/// HTTPS for the management API.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManagementTls {
    /// `management.ssl.port`, `management.ssl.ip`.
    pub listener: ListenAddress,
    /// The certificate and those that signed it, in PEM. `management.ssl.certfile`.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM. `management.ssl.keyfile`.
    pub key: Option<PathBuf>,
    /// Who may sign certificates of clients, in PEM. `management.ssl.cacertfile`.
    pub authorities: Option<PathBuf>,
    /// Clients are asked for a certificate. `management.ssl.verify`.
    pub verify_peer: bool,
    /// They must have one. `management.ssl.fail_if_no_peer_cert`.
    pub fail_if_no_peer_cert: bool,
    /// Intermediate certificates of a client, at most. `management.ssl.depth`.
    pub depth: u8,
    /// Versions; empty: all that there are. `management.ssl.versions.*`.
    pub versions: Vec<TlsVersion>,
}
