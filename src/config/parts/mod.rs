//! Settings of the parts of the broker, one struct per part. Values are checked; whoever uses a part is
//! given its struct and nothing else.

mod authentication;
mod definitions;
mod disk;
mod http_tls;
mod log;
mod management;
mod node;
mod otel;
mod prometheus;
mod seeds;
mod testing;

pub(super) use authentication::AuthenticationDraft;
pub use authentication::{
    AuthHttpSettings, AuthOauth2Settings, AuthenticationSettings, BackendChoice, BackendName,
};
pub use definitions::DefinitionsSettings;
pub use disk::DiskSettings;
pub use http_tls::HttpTls;
pub use log::{LogCategory, LogLevel, LogLevels, LogSettings};
pub use management::ManagementSettings;
pub use node::NodeLimitSettings;
pub use otel::OtelSettings;
pub use prometheus::PrometheusSettings;
pub use seeds::{SeedOperatorPolicy, SeedSettings, SeedUser, SeedVhostLimits};
pub use testing::ParentWatch;
