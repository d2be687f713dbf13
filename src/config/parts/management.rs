//! The management HTTP API and its pages.

use super::super::settings::ListenAddress;
use super::HttpTls;

/// What the management HTTP API is set up with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManagementSettings {
    /// Where HTTP is spoken; `None`: nowhere. `management.tcp.port`, `management.tcp.ip`.
    pub listener: Option<ListenAddress>,
    /// HTTPS; `None`: nowhere. `management.ssl.*`.
    pub tls: Option<HttpTls>,
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
