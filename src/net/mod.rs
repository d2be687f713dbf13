//! Sockets: one listener, one session task per connection. The session is the only place where the
//! protocol machine and the broker meet.

mod answers;
mod blocking;
mod caller;
mod certificate;
mod client_depth;
mod conversation;
mod entrance;
mod gate;
mod leaving;
mod listener;
mod log_share;
mod login;
mod notices;
mod proxy_protocol;
mod scheduler;
mod session;
mod spare;
mod stream;
mod timers;
mod tls;
mod tls_files;
mod tls_info;
mod turn_events;
mod turner;
mod unix_socket;
mod wait;

pub use blocking::blocking;
pub use certificate::{LoginFrom, SanKind};
pub use gate::Gate;
pub use listener::{Listener, ListenerAddress, ListenerSettings, UnixListenerSettings};
pub use notices::run_notices;
pub use scheduler::TokioScheduler;
pub use stream::serve_stream;
pub use timers::run_timers;
pub use tls::{ClientCertificates, HandshakeError, Tls, TlsConnection, TlsSettings, TlsVersions};
pub use tls_files::TlsError;
pub use turner::{ClockTurner, TurnError};
