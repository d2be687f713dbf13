//! The queue: a pure machine of commands and effects. It knows ids, sizes and holders; never bodies,
//! files, delivery tags, connections or clocks.

mod active;
mod arriving;
mod backlog;
mod chunks;
mod command;
mod config;
mod confirms;
mod consumers;
mod credit;
mod deadlines;
mod delayed;
mod departing;
mod effect;
mod effects;
mod ending;
mod entry;
mod expiry;
mod held;
mod inspect;
mod levels;
mod machine;
mod oldest;
mod overflow;
mod pages;
mod paging;
mod ready;
mod ready_peek;
mod releases;
mod returning;
mod ring;
mod slab;
mod timeouts;
mod unsettled;
mod unused;

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod tests;

pub use command::{
    Access, Acknowledge, Attempt, Command, Consumer, Delay, DeleteCondition, Flow, Incoming,
    PublishRef, RequestId, Settlement,
};
pub use config::{
    Burst, DeadLetter, DelayedRetry, LogMode, Overflow, Progress, QueueConfig, WhenDue,
};
pub use credit::SharedCredit;
pub use departing::Losses;
pub use effect::{Delivery, Effect, Reason, Reply};
pub use effects::Effects;
pub use inspect::{Depths, Next, Outstanding, Place, Seen, Standing};
pub use machine::Machine;
pub use paging::{Paged, Paging, Residence, Span};
