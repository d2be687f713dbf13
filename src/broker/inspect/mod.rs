//! Looks at queues for people: what waits, who holds what, and the facts from which it is explained why a
//! queue does not move. Nothing here takes a message away or changes anything.
//!
//! A look takes a queue's core for one bounded step at a time; bodies that lie on disk are read without it, so
//! a page of messages is not one moment: what is settled between two steps is passed over.

mod arrivals;
mod filter;
mod insight;
mod outstanding;
mod peek;
mod rights;
mod route;
mod tap;
mod timed_out;

pub use arrivals::Arrival;
pub use filter::{Filter, HeaderFilter};
pub use insight::{ConsumerInsight, QueueInsight, Restraint};
pub use outstanding::{Holding, HoldingMessage, Holdings};
pub use peek::{PeekBounds, Peeked, PeekedMessage};
pub use route::RouteMessage;

pub use tap::{Tap, Tapped};

pub(super) use arrivals::Arrivals;
pub(super) use tap::Taps;
pub(super) use timed_out::TimedOut;
