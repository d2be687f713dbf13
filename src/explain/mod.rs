//! Why something does not move: facts in, findings out. Pure; time is a parameter.
//!
//! Nothing here looks at the broker. Whoever asks gathers the facts (`http/explain`), so every cause can be shown
//! by a test that writes the facts down. A finding says what is the case, since when, and what would change it;
//! its name is for programs and stays.

mod broker;
mod connection;
mod fault;
mod finding;
mod queue;
mod vanishing;
mod words;

#[cfg(test)]
mod tests;

pub use broker::{AlarmKind, BrokerFacts, DiskFacts, LogFacts, MemoryFacts, alarms};
pub use connection::{ChannelFailure, ConnectionFacts, Consuming, explain as explain_connection};
pub use fault::FaultFacts;
pub use finding::{Finding, Severity};
pub use queue::{ConsumerFacts, Held, OldestReady, QueueFacts, Rates, explain as explain_queue};
pub use vanishing::VanishedFacts;
pub use words::{bytes as bytes_text, duration as duration_text};
