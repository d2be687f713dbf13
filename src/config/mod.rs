//! Where the settings come from: defaults, a file in RabbitMQ's form, the environment, flags.
//!
//! Raw input becomes [`Settings`] here, once, at the start; everybody else gets checked values. A wrong
//! value stops the start and says where it stands; a key that nobody knows is a warning. This is also
//! the only layer that sets the log up. It must not start anything.

mod args;
mod draft;
mod env;
mod error;
mod file;
mod keys;
mod known;
mod load;
mod logging;
mod machine;
mod nearest;
mod settings;
mod source;
mod transport;
mod transport_keys;
mod value;

pub use args::{Arguments, StoreCommand, perf_arguments};
pub use error::{ConfigError, Warning};
pub use file::{FileError, Line, parse};
pub use keys::{Key, keys};
pub use load::{Loaded, load};
pub use logging::{LoggingError, start_logging};
pub use machine::machine_memory_bytes;
pub use settings::{DefaultUser, Durability, ListenAddress, LogLevel, Password, Settings, Storage};
pub use source::{EffectiveValue, Source};
pub use transport::{CertLoginFrom, CertSanType, TlsVersion, TransportSettings};
