//! Spans of traced messages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::settings::Password;

/// Where spans go. `haremq.otel.*`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OtelSettings {
    /// The collector; `None`: nothing is traced. `haremq.otel.endpoint`.
    pub endpoint: Option<String>,
    /// `haremq.otel.service_name`.
    pub service_name: String,
    /// Of a million messages without a trace, how many begin one. `haremq.otel.sample_ratio`.
    pub sample_millionths: u32,
    /// How long one request may take. `haremq.otel.timeout`.
    pub timeout_ms: u64,
    /// Headers of each request, by their names. `haremq.otel.headers.*`.
    pub headers: BTreeMap<String, Password>,
    /// Who is trusted over HTTPS; `None`: whom the system trusts. `haremq.otel.cacertfile`.
    pub cacertfile: Option<PathBuf>,
}
