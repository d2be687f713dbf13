//! What is counted of queues, exchanges, channels and connections, and what of it is added up over those that are gone.
//!
//! Whoever owns a thing counts it in plain stores ([`crate::base::Counter`]); the one number that several write is
//! what goes through an exchange, added once per publisher and turn. Nothing here is asked of a session or a core.

mod connection;
mod dead_letters;
mod exchange;
mod lag;
mod queue;
mod tally;

pub use connection::{ChannelTotals, ConnectionCounters, ConnectionCounts, OpenChannel};
pub use dead_letters::{DeadLetterCounts, GivenUp, Strategy};
pub use exchange::ExchangeCounts;
pub use lag::Lag;
pub use queue::{QueueLevels, QueueNumbers, Traffic};
pub use tally::Sums;

pub(super) use exchange::{ExchangeCounters, Flows};
pub(super) use queue::QueueCounters;
pub(super) use tally::Tally;
