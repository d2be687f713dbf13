//! Where the settings come from: defaults, a file in RabbitMQ's form, the environment, flags.
//!
//! Raw input becomes [`Settings`] here, once, at the start; everybody else gets checked values. A wrong
//! value stops the start and says where it stands; a key that nobody knows is a warning. This is also
//! the only layer that sets the log up. It must not start anything.

mod args;
mod definitions_args;
mod draft;
mod env;
mod env_file;
mod erlang_args;
mod error;
mod file;
mod files;
mod keys;
mod known;
mod load;
mod log_lines;
mod log_ring;
mod logging;
mod machine;
mod nearest;
mod otel_env;
mod parts;
mod plugins_file;
mod rabbitmq_env;
mod settings;
mod setup_args;
mod source;
mod transport;
mod value;

pub use args::{
    Arguments, ConfigCommand, OtherCommand, StoreCommand, command_line, migrate_arguments,
    perf_arguments,
};
pub use definitions_args::DefinitionsCommand;
pub use error::{ConfigError, Warning};
pub use file::{FileError, Line, parse};
pub use keys::{GROUPS, Group, Key, keys};
pub use load::{Loaded, load, load_asked, load_for, load_given};
pub use log_ring::{KeptLine, LOG_LEVEL_NAMES, LogLook, LogRing};
pub use logging::{Logging, LoggingError, start_logging};
pub use machine::machine_memory_bytes;
pub use parts::{
    AuthHttpSettings, AuthOauth2Settings, AuthenticationSettings, BackendChoice, BackendName,
    DefinitionsSettings, DiskSettings, HttpTls, LogCategory, LogLevel, LogLevels, LogSettings,
    ManagementSettings, NodeLimitSettings, OtelSettings, ParentWatch, PrometheusSettings,
    SeedOperatorPolicy, SeedSettings, SeedUser, SeedVhostLimits,
};
pub use settings::{DefaultUser, Durability, ListenAddress, Password, Settings, Storage};
pub use setup_args::{CompletionsArguments, ServiceCommand};
pub use source::{EffectiveValue, Source};
pub use transport::{CertLoginFrom, CertSanType, TlsVersion, TransportSettings};
