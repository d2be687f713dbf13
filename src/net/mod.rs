//! Sockets: one listener, one session task per connection. The session is the only place where the
//! protocol machine and the broker meet.

mod answers;
mod conversation;
mod listener;
mod scheduler;
mod session;
mod spare;
mod stream;
mod timers;
mod turn_events;
mod wait;

pub use listener::{Listener, ListenerSettings};
pub use scheduler::TokioScheduler;
pub use stream::serve_stream;
pub use timers::run_timers;
